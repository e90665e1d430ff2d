package llada.diffusion;

/** Whether the slips of the published generate() are kept. */
public enum SamplerMode {
  /**
   * What the paper describes. Only masks of the current block are candidates, so the prompt never
   * changes even where it holds masks; the mask itself and padding rows of the vocabulary are never
   * proposed, so no mask is left at the end; with {@code confidence_eos_eot_inf} a position whose
   * proposal is EOS or EoT is revealed last, at any temperature.
   */
  INTENDED,
  /**
   * What the published code does, position by position: every masked position up to the end of the
   * block competes, prompt included; the mask may be proposed, and then stays; {@code
   * confidence_eos_eot_inf} takes EoT out of the softmax, and at temperature 0 EOS too, instead of
   * looking at what was proposed. For comparison with it. Of LLaDA2: nothing is kept in a cache,
   * the mask may be proposed, only EOS ends an answer, and with editing the attention mask is added
   * to the scores, as LLaDA2.1 has it, instead of hiding.
   */
  PUBLISHED
}
