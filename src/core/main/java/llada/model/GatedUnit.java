package llada.model;

import llada.tensor.Tensor;

/** A gated linear unit with SiLU (SwiGLU): the network of a dense layer, and of a shared expert. */
final class GatedUnit {
  private GatedUnit() {}

  /**
   * out = down(silu(gate(h)) * up(h)), with h = {@code a.normed()}.
   *
   * @param out (T, C), overwritten
   * @param down (C, F), the dense layer's or the shared expert's; gate and up (F, C) go with it
   * @return (T, F) what down reads
   */
  static Tensor forward(Tensor out, Activations a, BlockWeights w, Part down, Pass pass) {
    Part gated = down == Part.SHARED_OUT ? Part.SHARED_GATE : Part.FF_PROJ;
    Part raised = down == Part.SHARED_OUT ? Part.SHARED_UP : Part.UP_PROJ;
    Tensor gate = Activations.narrowed(a.gate(), w.get(gated));
    Tensor up = Activations.narrowed(a.up(), w.get(raised));
    Tensor act = Activations.narrowed(a.act(), w.get(gated));
    Projection.forward(gate, a.normed(), w, gated, pass);
    Projection.forward(up, a.normed(), w, raised, pass);
    pass.kernels().swiGlu(act, gate, up);
    Projection.forward(out, act, w, down, pass);
    return act;
  }
}
