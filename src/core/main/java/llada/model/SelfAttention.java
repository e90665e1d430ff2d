package llada.model;

import llada.kernel.Kernels;

/** The first half of a block: every token reads from every token. */
final class SelfAttention {
  private SelfAttention() {}

  /** mid = x + attn_out(attention(rope(q), rope(k), v)), with q, k, v from rms_norm(x). */
  static void forward(Activations a, BlockWeights w, TransformerBlock.Pass pass, int layer) {
    Kernels kernels = pass.kernels();
    Probe probe = pass.probe();
    kernels.rmsNorm(a.normed(), a.x(), w.attnNorm(), pass.eps());
    probe.see(layer, "attn_norm", a.normed());
    kernels.matmul(a.q(), a.normed(), w.qProj());
    kernels.matmul(a.k(), a.normed(), w.kProj());
    kernels.matmul(a.v(), a.normed(), w.vProj());
    kernels.rope(a.q(), pass.positions(), pass.rope());
    kernels.rope(a.k(), pass.positions(), pass.rope());
    probe.see(layer, "q_rope", a.q());
    probe.see(layer, "k_rope", a.k());
    if (pass.shares().isEmpty()) {
      attend(a, pass, layer);
    } else {
      pass.shares().forEach(s -> attend(a.rows(s.first(), s.count()), s.pass(), layer));
    }
    probe.see(layer, "attn_ctx", a.context());
    kernels.matmul(a.delta(), a.context(), w.attnOut());
    kernels.residual(a.mid(), a.x(), a.delta());
    probe.see(layer, "resid_mid", a.mid());
  }

  /** context = attention(q, k, v), over the cache where there is one. */
  private static void attend(Activations a, TransformerBlock.Pass pass, int layer) {
    if (pass.cached() != null) {
      pass.cached().forward(a, pass, layer);
      return;
    }
    pass.kernels().attention(a.context(), a.q(), a.k(), a.v(), pass.shape(), pass.mask());
  }

  /**
   * The forward pass read from bottom to top.
   *
   * @param d whose {@code dx} is the gradient of {@code mid} before and of {@code x} afterwards
   * @param dw the weights' gradients, which accumulate
   */
  static void backward(
      ActivationGradients d,
      Activations a,
      BlockWeights dw,
      BlockWeights w,
      TransformerBlock.Pass pass) {
    Kernels kernels = pass.kernels();
    kernels.rmsNorm(a.normed(), a.x(), w.attnNorm(), pass.eps());
    // delta = context attn_out^T
    kernels.matmulBackwardWeight(dw.attnOut(), d.dx(), a.context());
    kernels.matmulBackwardInput(d.dContext(), d.dx(), w.attnOut());
    kernels.attentionBackward(
        d.dq(),
        d.dk(),
        d.dv(),
        d.dContext(),
        a.q(),
        a.k(),
        a.v(),
        pass.shape(),
        pass.mask());
    kernels.ropeBackward(d.dq(), pass.positions(), pass.rope());
    kernels.ropeBackward(d.dk(), pass.positions(), pass.rope());
    // q, k, v = normed q_proj^T, normed k_proj^T, normed v_proj^T
    kernels.matmulBackwardWeight(dw.qProj(), d.dq(), a.normed());
    kernels.matmulBackwardWeight(dw.kProj(), d.dk(), a.normed());
    kernels.matmulBackwardWeight(dw.vProj(), d.dv(), a.normed());
    kernels.matmulBackwardInput(d.dNormed(), d.dq(), w.qProj());
    kernels.matmulBackwardInput(d.part(), d.dk(), w.kProj());
    kernels.residual(d.dNormed(), d.dNormed(), d.part());
    kernels.matmulBackwardInput(d.part(), d.dv(), w.vProj());
    kernels.residual(d.dNormed(), d.dNormed(), d.part());
    // normed = rms_norm(x), beside which the stream goes on
    kernels.rmsNormBackward(d.dx(), dw.attnNorm(), d.dNormed(), a.x(), w.attnNorm(), pass.eps());
  }
}
