package llada.model;

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
    Tensor ffOut) {}
