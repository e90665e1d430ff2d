package llada.model;

import llada.kernel.Kernels;
import llada.tensor.Tensor;

/** The first half of a block: every token reads from every token. */
final class SelfAttention {
  private SelfAttention() {}

  /** mid = x + attn_out(attention(rope(q), rope(k), v)), with q, k, v from rms_norm(x). */
  static void forward(Activations a, BlockWeights w, Pass pass, int layer) {
    Kernels kernels = pass.kernels();
    Probe probe = pass.probe();
    kernels.rmsNorm(a.normed(), a.x(), w.attnNorm(), pass.eps());
    probe.see(layer, "attn_norm", a.normed());
    queriesAndKeys(a.q(), a.k(), a.normed(), pass.positions(), w, pass);
    values(a.v(), a.normed(), w, pass);
    probe.see(layer, "q_rope", a.q());
    probe.see(layer, "k_rope", a.k());
    if (pass.shares().isEmpty()) {
      attend(a, pass, layer);
    } else {
      pass.shares().forEach(s -> attend(a.rows(s.first(), s.count()), s.pass(), layer));
    }
    probe.see(layer, "attn_ctx", a.context());
    output(a.delta(), a.context(), w, pass);
    probe.see(layer, "attn_out", a.delta());
    kernels.residual(a.mid(), a.x(), a.delta());
    probe.see(layer, "resid_mid", a.mid());
  }

  /**
   * q = rope(norm(normed q_proj^T + bias)), k likewise; without norm and bias where there is none.
   */
  static void queriesAndKeys(
      Tensor q, Tensor k, Tensor normed, int[] positions, BlockWeights w, Pass pass) {
    Kernels kernels = pass.kernels();
    Projection.forward(q, normed, w, Part.Q_PROJ, pass);
    Projection.forward(k, normed, w, Part.K_PROJ, pass);
    w.find(Part.Q_BIAS).ifPresent(bias -> kernels.addBias(q, bias));
    w.find(Part.K_BIAS).ifPresent(bias -> kernels.addBias(k, bias));
    w.find(Part.Q_NORM).ifPresent(norm -> normHeads(q, norm, pass));
    w.find(Part.K_NORM).ifPresent(norm -> normHeads(k, norm, pass));
    kernels.rope(q, positions, pass.rope());
    kernels.rope(k, positions, pass.rope());
  }

  /** v = normed v_proj^T + bias. */
  static void values(Tensor v, Tensor normed, BlockWeights w, Pass pass) {
    Projection.forward(v, normed, w, Part.V_PROJ, pass);
    w.find(Part.V_BIAS).ifPresent(bias -> pass.kernels().addBias(v, bias));
  }

  /** delta = context attn_out^T + bias. */
  static void output(Tensor delta, Tensor context, BlockWeights w, Pass pass) {
    Projection.forward(delta, context, w, Part.ATTN_OUT, pass);
    w.find(Part.ATTN_OUT_BIAS).ifPresent(bias -> pass.kernels().addBias(delta, bias));
  }

  /** Each head of each token is normed by itself: the rows of x seen as heads. */
  private static void normHeads(Tensor x, Tensor norm, Pass pass) {
    Tensor heads = x.slice(0, x.shape().elements() / norm.shape().dim(0), norm.shape().dim(0));
    pass.kernels().rmsNorm(heads, heads, norm, pass.eps());
  }

  /** context = attention(q, k, v), over the cache where there is one. */
  private static void attend(Activations a, Pass pass, int layer) {
    if (pass.cached() != null) {
      pass.cached().forward(a, layer, pass.shape(), pass.mask());
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
      ActivationGradients d, Activations a, BlockWeights dw, BlockWeights w, Pass pass) {
    Kernels kernels = pass.kernels();
    kernels.rmsNorm(a.normed(), a.x(), w.attnNorm(), pass.eps());
    // delta = context attn_out^T
    Projection.backward(d.dContext(), d.dx(), a.context(), dw, w, Part.ATTN_OUT, pass);
    kernels.attentionBackward(
        d.dq(), d.dk(), d.dv(), d.dContext(), a.q(), a.k(), a.v(), pass.shape(), pass.mask());
    kernels.ropeBackward(d.dq(), pass.positions(), pass.rope());
    kernels.ropeBackward(d.dk(), pass.positions(), pass.rope());
    // q, k, v = normed q_proj^T, normed k_proj^T, normed v_proj^T
    Projection.backward(d.dNormed(), d.dq(), a.normed(), dw, w, Part.Q_PROJ, pass);
    Projection.backward(d.part(), d.dk(), a.normed(), dw, w, Part.K_PROJ, pass);
    kernels.residual(d.dNormed(), d.dNormed(), d.part());
    Projection.backward(d.part(), d.dv(), a.normed(), dw, w, Part.V_PROJ, pass);
    kernels.residual(d.dNormed(), d.dNormed(), d.part());
    // normed = rms_norm(x), beside which the stream goes on
    kernels.rmsNormBackward(d.dx(), dw.attnNorm(), d.dNormed(), a.x(), w.attnNorm(), pass.eps());
  }
}
