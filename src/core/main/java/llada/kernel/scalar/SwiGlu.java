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

  /**
   * With s = 1 / (1 + exp(-gate)), silu(gate) = gate * s and silu'(gate) = s * (1 + gate * (1 -
   * s)):
   *
   * <pre>
   *   dUp   = dOut * gate * s
   *   dGate = dOut * up * s * (1 + gate * (1 - s))
   * </pre>
   *
   * @param dGate (T, F), overwritten; may be {@code dOut}, as may {@code dUp}
   * @param dUp (T, F), overwritten
   * @param dOut (T, F)
   * @param gate (T, F)
   * @param up (T, F)
   */
  public static void backward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
    checkBackward(dGate, dUp, dOut, gate, up);
    for (long i = 0; i < gate.shape().elements(); i++) {
      float d = dOut.get(i);
      double z = gate.get(i);
      double s = 1 / (1 + Math.exp(-z));
      dUp.set(i, (float) (z * s) * d);
      dGate.set(i, (float) (s * (1 + z * (1 - s))) * up.get(i) * d);
    }
  }

  /** All five are (T, F). */
  public static void checkBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
    check(dOut, gate, up);
    check(dGate, dUp, up);
  }

  /** All three are (T, F). */
  public static void check(Tensor out, Tensor gate, Tensor up) {
    Require.rank2("swiglu", "gate", gate);
    Require.matrix("swiglu", "gate", gate, gate.shape().dim(0), gate.shape().dim(1));
    Require.matrix("swiglu", "up", up, gate.shape().dim(0), gate.shape().dim(1));
    Require.matrix("swiglu", "out", out, gate.shape().dim(0), gate.shape().dim(1));
  }
}
