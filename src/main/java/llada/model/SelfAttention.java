package llada.model;

import llada.kernel.Kernels;

/** The first half of a block: every token reads from every token. */
final class SelfAttention {
  private SelfAttention() {}

  /** x += attn_out(attention(rope(q), rope(k), v)), with q, k, v from rms_norm(x). */
  static void forward(Activations.View a, BlockWeights w, TransformerBlock.Pass pass, int layer) {
    Kernels kernels = pass.kernels();
    LladaConfig config = pass.config();
    Probe probe = pass.probe();
    kernels.rmsNorm(a.normed(), a.x(), w.attnNorm(), (float) config.rmsNormEps());
    probe.see(layer, "attn_norm", a.normed());
    kernels.matmul(a.q(), a.normed(), w.qProj());
    kernels.matmul(a.k(), a.normed(), w.kProj());
    kernels.matmul(a.v(), a.normed(), w.vProj());
    kernels.rope(a.q(), pass.positions(), pass.cos(), pass.sin(), pass.ropeLayout());
    kernels.rope(a.k(), pass.positions(), pass.cos(), pass.sin(), pass.ropeLayout());
    probe.see(layer, "q_rope", a.q());
    probe.see(layer, "k_rope", a.k());
    kernels.attention(
        a.context(),
        a.q(),
        a.k(),
        a.v(),
        pass.visible(),
        pass.batch(),
        config.nHeads(),
        config.nKvHeads());
    probe.see(layer, "attn_ctx", a.context());
    kernels.matmul(a.delta(), a.context(), w.attnOut());
    kernels.residual(a.x(), a.delta());
    probe.see(layer, "resid_mid", a.x());
  }
}
