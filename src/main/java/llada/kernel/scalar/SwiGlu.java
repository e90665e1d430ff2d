package llada.kernel.scalar;

import llada.tensor.Tensor;

/** The gated activation of the feed-forward layer (Shazeer 2020) with silu as the gate. */
public final class SwiGlu {
  private SwiGlu() {}

  /**
   * out = silu(gate) * up, with silu(z) = z / (1 + exp(-z)).
   *
   * @param out (T, F), overwritten; may be {@code gate} or {@code up}
   * @param gate (T, F)
   * @param up (T, F)
   */
  public static void forward(Tensor out, Tensor gate, Tensor up) {
    check(out, gate, up);
    for (long i = 0; i < out.shape().elements(); i++) {
      float z = gate.get(i);
      out.set(i, (float) (z / (1 + Math.exp(-z))) * up.get(i));
    }
  }

  /** All three are (T, F). */
  public static void check(Tensor out, Tensor gate, Tensor up) {
    Require.rank2("swiglu", "gate", gate);
    Require.matrix("swiglu", "gate", gate, gate.shape().dim(0), gate.shape().dim(1));
    Require.matrix("swiglu", "up", up, gate.shape().dim(0), gate.shape().dim(1));
    Require.matrix("swiglu", "out", out, gate.shape().dim(0), gate.shape().dim(1));
  }
}
