package llada.model;

import llada.kernel.Kernels;

/** The second half of a block: each token thinks by itself. */
final class FeedForward {
  private FeedForward() {}

  /** out = mid + ff_out(silu(ff_proj(h)) * up_proj(h)), with h = rms_norm(mid). */
  static void forward(Activations a, BlockWeights w, Pass pass, int layer) {
    Kernels kernels = pass.kernels();
    Probe probe = pass.probe();
    kernels.rmsNorm(a.normed(), a.mid(), w.ffNorm(), pass.eps());
    probe.see(layer, "ff_norm", a.normed());
    kernels.matmul(a.gate(), a.normed(), w.ffProj());
    kernels.matmul(a.up(), a.normed(), w.upProj());
    kernels.swiGlu(a.act(), a.gate(), a.up());
    probe.see(layer, "ff_act", a.act());
    kernels.matmul(a.delta(), a.act(), w.ffOut());
    kernels.residual(a.out(), a.mid(), a.delta());
  }

  /**
   * The forward pass read from bottom to top; what it computed cheaply is computed again.
   *
   * @param d whose {@code dx} is the gradient of {@code out} before and of {@code mid} afterwards
   * @param dw the weights' gradients, which accumulate
   */
  static void backward(
      ActivationGradients d,
      Activations a,
      BlockWeights dw,
      BlockWeights w,
      Pass pass) {
    Kernels kernels = pass.kernels();
    kernels.rmsNorm(a.normed(), a.mid(), w.ffNorm(), pass.eps());
    kernels.swiGlu(a.act(), a.gate(), a.up());
    // delta = act ff_out^T
    kernels.matmulBackwardWeight(dw.ffOut(), d.dx(), a.act());
    kernels.matmulBackwardInput(d.dAct(), d.dx(), w.ffOut());
    // act = silu(gate) * up
    kernels.swiGluBackward(d.dGate(), d.dUp(), d.dAct(), a.gate(), a.up());
    // gate, up = normed ff_proj^T, normed up_proj^T
    kernels.matmulBackwardWeight(dw.ffProj(), d.dGate(), a.normed());
    kernels.matmulBackwardWeight(dw.upProj(), d.dUp(), a.normed());
    kernels.matmulBackwardInput(d.dNormed(), d.dGate(), w.ffProj());
    kernels.matmulBackwardInput(d.part(), d.dUp(), w.upProj());
    kernels.residual(d.dNormed(), d.dNormed(), d.part());
    // normed = rms_norm(mid), beside which the stream goes on
    kernels.rmsNormBackward(d.dx(), dw.ffNorm(), d.dNormed(), a.mid(), w.ffNorm(), pass.eps());
  }
}
