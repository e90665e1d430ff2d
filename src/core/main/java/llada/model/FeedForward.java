package llada.model;

import llada.kernel.Kernels;
import llada.tensor.Tensor;

/** The second half of a block: a small network applied to each token independently. */
final class FeedForward {
  private FeedForward() {}

  /** out = mid + ff_out(silu(ff_proj(h)) * up_proj(h)), with h = rms_norm(mid); or by experts. */
  static void forward(Activations a, BlockWeights w, Pass pass, int layer) {
    Kernels kernels = pass.kernels();
    Probe probe = pass.probe();
    kernels.rmsNorm(a.normed(), a.mid(), w.ffNorm(), pass.eps());
    probe.see(layer, "ff_norm", a.normed());
    if (pass.config().feedForward(layer) instanceof FeedForwardConfig.Experts) {
      MixtureOfExperts.forward(a, w, pass, layer);
    } else {
      Tensor act = GatedUnit.forward(a.delta(), a, w, Part.FF_OUT, pass);
      probe.see(layer, "ff_act", act);
    }
    probe.see(layer, "ff_out", a.delta());
    kernels.residual(a.out(), a.mid(), a.delta());
  }

  /** What {@link #backward} reads of a dense layer's forward pass, and nothing more. */
  static void again(Activations a, BlockWeights w, Pass pass) {
    pass.kernels().rmsNorm(a.normed(), a.mid(), w.ffNorm(), pass.eps());
    Projection.forward(a.gate(), a.normed(), w, Part.FF_PROJ, pass);
    Projection.forward(a.up(), a.normed(), w, Part.UP_PROJ, pass);
  }

  /**
   * The forward pass read from bottom to top; what it computed cheaply is computed again.
   *
   * @param d whose {@code dx} is the gradient of {@code out} before and of {@code mid} afterwards
   * @param dw the weights' gradients, which accumulate
   */
  static void backward(
      ActivationGradients d, Activations a, BlockWeights dw, BlockWeights w, Pass pass) {
    Kernels kernels = pass.kernels();
    kernels.rmsNorm(a.normed(), a.mid(), w.ffNorm(), pass.eps());
    kernels.swiGlu(a.act(), a.gate(), a.up());
    // delta = act ff_out^T
    Projection.backward(d.dAct(), d.dx(), a.act(), dw, w, Part.FF_OUT, pass);
    // act = silu(gate) * up
    kernels.swiGluBackward(d.dGate(), d.dUp(), d.dAct(), a.gate(), a.up());
    // gate, up = normed ff_proj^T, normed up_proj^T
    Projection.backward(d.dNormed(), d.dGate(), a.normed(), dw, w, Part.FF_PROJ, pass);
    Projection.backward(d.part(), d.dUp(), a.normed(), dw, w, Part.UP_PROJ, pass);
    kernels.residual(d.dNormed(), d.dNormed(), d.part());
    // normed = rms_norm(mid), beside which the stream goes on
    kernels.rmsNormBackward(d.dx(), dw.ffNorm(), d.dNormed(), a.mid(), w.ffNorm(), pass.eps());
  }
}
