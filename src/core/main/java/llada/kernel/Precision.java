package llada.kernel;

/** What a backend may round the activations of a matrix product to, for speed. */
public enum Precision {
  /** Nothing: every product in float32. */
  EXACT,
  /**
   * What suits the weights: bytes for quantised ones, bfloat16 for those of 16 bits. On a processor
   * that has it, float16 weights are rounded to bfloat16 themselves. Gradients go back through
   * weights that are not float32, and so not trained, in bfloat16 where the processor has it.
   */
  WEIGHTS,
  /** As WEIGHTS, and TF32 for float32 weights on a GPU; on a processor the same as WEIGHTS. */
  TF32,
  /** As WEIGHTS, and bfloat16 also for float32 and float16 weights, which are rounded as well. */
  BF16
}
