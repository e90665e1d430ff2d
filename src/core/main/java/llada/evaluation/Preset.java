package llada.evaluation;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.SamplerOptions;

/**
 * The published settings of an evaluation (EVAL.md of LLaDA, appendix B of the paper). As many
 * steps as tokens everywhere.
 */
public enum Preset {
  /** Base models, generation: one block of 1024. */
  BASE_GENERATION(generation(1024, 1024)),
  BASE_ARC_C(likelihood(128, 0.5)),
  BASE_HELLASWAG(likelihood(128, 0.5)),
  BASE_PIQA(likelihood(128, 0.5)),
  BASE_GPQA(likelihood(128, 0.5)),
  BASE_TRUTHFULQA(likelihood(128, 2)),
  BASE_WINOGRANDE(likelihood(128, 0)),
  /** Answers of a single token, whose likelihood one copy gives exactly. */
  BASE_MMLU(likelihood(1, 0)),
  BASE_CMMLU(likelihood(1, 0)),
  BASE_CEVAL(likelihood(1, 0)),
  INSTRUCT_MMLU(generation(3, 3)),
  INSTRUCT_MMLU_PRO(generation(256, 256)),
  INSTRUCT_HELLASWAG(generation(3, 3)),
  INSTRUCT_ARC_C(generation(512, 512)),
  INSTRUCT_GSM8K(generation(512, 512).confidenceEosEotInf(true)),
  INSTRUCT_MATH(generation(512, 512).confidenceEosEotInf(true)),
  INSTRUCT_GPQA(generation(64, 64).confidenceEosEotInf(true)),
  INSTRUCT_HUMANEVAL(generation(512, 512).logitsEosInf(true)),
  INSTRUCT_MBPP(generation(256, 256).confidenceEosEotInf(true)),
  /** Semi-autoregressive: 77.5 becomes 78.6. */
  INSTRUCT_GSM8K_BLOCK(generation(256, 8)),
  INSTRUCT_MATH_BLOCK(generation(512, 64)),
  LLADA15_GSM8K(generation(256, 16).confidenceEosEotInf(true)),
  LLADA15_MATH(generation(1024, 128).confidenceEosEotInf(true)),
  LLADA15_GPQA(generation(256, 16)),
  LLADA15_HUMANEVAL(generation(512, 32).confidenceEosEotInf(true)),
  LLADA15_MBPP(generation(512, 32).confidenceEosEotInf(true)),
  LLADA15_IFEVAL(generation(256, 16).confidenceEosEotInf(true)),
  /** Couplets: zero-shot, EOS never proposed. */
  REVERSAL(generation(28, 28).logitsEosInf(true));

  private final SamplerOptions sampler;
  private final LikelihoodOptions likelihood;

  Preset(SamplerOptions.Builder sampler) {
    this.sampler = sampler.build();
    this.likelihood = null;
  }

  Preset(LikelihoodOptions likelihood) {
    this.sampler = null;
    this.likelihood = likelihood;
  }

  private static SamplerOptions.Builder generation(int length, int block) {
    return SamplerOptions.defaults().toBuilder().lengths(length, length, block);
  }

  private static LikelihoodOptions likelihood(int mcNum, double cfg) {
    return new LikelihoodOptions(LikelihoodOptions.Form.L, mcNum, Math.min(mcNum, 16), cfg, false);
  }

  /** Whether choices are compared by likelihood; else answers are generated. */
  public boolean byLikelihood() {
    return likelihood != null;
  }

  /**
   * How answers are generated.
   *
   * @throws IllegalStateException if none are
   */
  public SamplerOptions sampler() {
    if (sampler == null) {
      throw new IllegalStateException(this + " compares likelihoods");
    }
    return sampler;
  }

  /**
   * How likelihoods are estimated.
   *
   * @throws IllegalStateException if none are
   */
  public LikelihoodOptions likelihood() {
    if (likelihood == null) {
      throw new IllegalStateException(this + " generates answers");
    }
    return likelihood;
  }

  /** The name on the command line, such as {@code base-arc-c}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** All names, for messages. */
  public static String names() {
    return Arrays.stream(values()).map(Preset::toString).collect(Collectors.joining(", "));
  }
}
