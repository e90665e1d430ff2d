package llada.model;

import java.lang.foreign.Arena;
import llada.tensor.Tensor;

/**
 * The buffers of a backward pass, one set for all blocks.
 *
 * @param dx (T, C) gradient of the residual stream, from the top of the network to its bottom
 * @param dNormed (T, C)
 * @param part (T, C) of one of several uses of the same activation
 * @param dq (T, H D)
 * @param dk (T, Ckv)
 * @param dv (T, Ckv)
 * @param dContext (T, H D)
 * @param dGate (T, F)
 * @param dUp (T, F)
 */
record ActivationGradients(
    Tensor dx,
    Tensor dNormed,
    Tensor part,
    Tensor dq,
    Tensor dk,
    Tensor dv,
    Tensor dContext,
    Tensor dGate,
    Tensor dUp) {

  static ActivationGradients allocate(LladaConfig config, int t, Arena arena) {
    return new ActivationGradients(
        Activations.channels(config, t, arena),
        Activations.channels(config, t, arena),
        Activations.channels(config, t, arena),
        Activations.queries(config, t, arena),
        Activations.keys(config, t, arena),
        Activations.keys(config, t, arena),
        Activations.queries(config, t, arena),
        Activations.hidden(config, t, arena),
        Activations.hidden(config, t, arena));
  }

  /** (T, F); {@code dUp} takes its place. */
  Tensor dAct() {
    return dUp;
  }

  /** Views of the first {@code t} rows of every buffer. */
  ActivationGradients rows(int t) {
    return new ActivationGradients(
        dx.rows(t),
        dNormed.rows(t),
        part.rows(t),
        dq.rows(t),
        dk.rows(t),
        dv.rows(t),
        dContext.rows(t),
        dGate.rows(t),
        dUp.rows(t));
  }
}
