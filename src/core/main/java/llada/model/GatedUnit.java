package llada.model;

import llada.kernel.Kernels;
import llada.tensor.Tensor;

/** A gated linear unit with SiLU (SwiGLU): the network of a dense layer, and of a shared expert. */
final class GatedUnit {
  private GatedUnit() {}

  /**
   * out = down(silu(gate(h)) * up(h)), with h = {@code a.normed()}.
   *
   * @param out (T, C), overwritten
   * @param gateProj (F, C)
   * @param upProj (F, C)
   * @param downProj (C, F)
   * @return (T, F) what down reads
   */
  static Tensor forward(
      Tensor out, Activations a, Tensor gateProj, Tensor upProj, Tensor downProj, Kernels kernels) {
    Tensor gate = Activations.narrowed(a.gate(), gateProj);
    Tensor up = Activations.narrowed(a.up(), upProj);
    Tensor act = Activations.narrowed(a.act(), gateProj);
    kernels.matmul(gate, a.normed(), gateProj);
    kernels.matmul(up, a.normed(), upProj);
    kernels.swiGlu(act, gate, up);
    kernels.matmul(out, act, downProj);
    return act;
  }
}
