package llada.model;

import llada.kernel.Kernels;

/** The second half of a block: each token thinks by itself. */
final class FeedForward {
  private FeedForward() {}

  /** x += ff_out(silu(ff_proj(h)) * up_proj(h)), with h = rms_norm(x). */
  static void forward(Activations.View a, BlockWeights w, TransformerBlock.Pass pass, int layer) {
    Kernels kernels = pass.kernels();
    Probe probe = pass.probe();
    kernels.rmsNorm(a.normed(), a.x(), w.ffNorm(), (float) pass.config().rmsNormEps());
    probe.see(layer, "ff_norm", a.normed());
    kernels.matmul(a.gate(), a.normed(), w.ffProj());
    kernels.matmul(a.up(), a.normed(), w.upProj());
    kernels.swiGlu(a.gate(), a.gate(), a.up());
    probe.see(layer, "ff_act", a.gate());
    kernels.matmul(a.delta(), a.gate(), w.ffOut());
    kernels.residual(a.x(), a.delta());
  }
}
