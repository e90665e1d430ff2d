package llada.model;

import java.util.List;
import llada.tensor.Tensor;

/**
 * The weights of one block, named as in the checkpoints. C channels, F feed-forward, and Ckv =
 * key-value heads x head size.
 *
 * @param attnNorm (C)
 * @param qProj (C, C)
 * @param kProj (Ckv, C)
 * @param vProj (Ckv, C)
 * @param attnOut (C, C)
 * @param ffNorm (C)
 * @param ffProj (F, C), the gate
 * @param upProj (F, C)
 * @param ffOut (C, F)
 */
public record BlockWeights(
    Tensor attnNorm,
    Tensor qProj,
    Tensor kProj,
    Tensor vProj,
    Tensor attnOut,
    Tensor ffNorm,
    Tensor ffProj,
    Tensor upProj,
    Tensor ffOut) {
  /** All of them, in the order above. */
  List<Tensor> tensors() {
    return List.of(attnNorm, qProj, kProj, vProj, attnOut, ffNorm, ffProj, upProj, ffOut);
  }
}
