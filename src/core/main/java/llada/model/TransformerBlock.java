package llada.model;

/** One of L equal layers: {@link SelfAttention}, then {@link FeedForward}. */
final class TransformerBlock {
  private TransformerBlock() {}

  /** Reads the stream {@code a.x()} and leaves it in {@code a.out()}. */
  static void forward(Activations a, BlockWeights w, Pass pass, int layer) {
    ActivationCache.Outputs kept = pass.cached() == null ? null : pass.cached().cache().outputs();
    SelfAttention.forward(a, w, pass, layer);
    if (kept != null) {
      pass.kernels().storeCacheRows(kept.attention()[layer], pass.cached().rows(), a.delta());
    }
    FeedForward.forward(a, w, pass, layer);
    if (kept != null) {
      pass.kernels().storeCacheRows(kept.feedForward()[layer], pass.cached().rows(), a.delta());
    }
    pass.probe().see(layer, "out", a.out());
  }

  /** What {@link #backward} reads of the forward pass of a dense layer, and nothing more. */
  static void again(Activations a, BlockWeights w, Pass pass, int layer) {
    SelfAttention.forward(a, w, pass, layer);
    FeedForward.again(a, w, pass);
  }

  /**
   * From the gradient of {@code a.out()} to that of {@code a.x()}, in {@code d.dx()}.
   *
   * @param a as {@link #forward} left it, with streams of their own
   * @param dw the weights' gradients, which accumulate
   */
  static void backward(
      ActivationGradients d, Activations a, BlockWeights dw, BlockWeights w, Pass pass) {
    FeedForward.backward(d, a, dw, w, pass);
    SelfAttention.backward(d, a, dw, w, pass);
  }
}
