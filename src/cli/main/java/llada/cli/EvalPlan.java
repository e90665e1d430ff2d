package llada.cli;

import java.util.Arrays;
import java.util.Locale;
import llada.diffusion.SamplerOptions;
import llada.evaluation.MultipleChoice;
import llada.evaluation.Preset;
import llada.format.FormatException;
import llada.format.Json;

/**
 * What is measured, and how.
 *
 * @param style of the questions, or couplets
 * @param preset where the options come from
 * @param byLikelihood whether choices are compared; else answers are generated
 */
record EvalPlan(String style, Preset preset, boolean byLikelihood) {

  /**
   * Decides.
   *
   * @param first object of the file
   * @param style null for what the object looks like
   * @param by null for what the preset is for
   * @param presetName null for the published one of the style
   */
  static EvalPlan of(Json first, String style, String by, String presetName) {
    String kind = style == null ? guess(first) : style.toLowerCase(Locale.ROOT);
    if (!kind.equals("couplets") && styleOf(kind) == null) {
      throw new UsageException(
          "--style is '%s'; it must be one of arc, hellaswag, piqa, choice, couplets"
              .formatted(style));
    }
    if (by != null && !by.equals("ppl") && !by.equals("gen")) {
      throw new UsageException("--by is '%s'; it must be ppl or gen".formatted(by));
    }
    Preset preset = presetName == null ? usual(kind, "gen".equals(by)) : preset(presetName);
    boolean ppl = by == null ? preset.byLikelihood() : by.equals("ppl");
    if (ppl != preset.byLikelihood()) {
      throw new UsageException(
          "--preset %s is for --by %s".formatted(preset, preset.byLikelihood() ? "ppl" : "gen"));
    }
    if (ppl && kind.equals("couplets")) {
      throw new UsageException("couplets are answered in words: use --by gen");
    }
    return new EvalPlan(kind, preset, ppl);
  }

  private static String guess(Json first) {
    if (!first.get("first").isNull() && !first.get("second").isNull()) {
      return "couplets";
    }
    return MultipleChoice.Style.of(first)
        .map(MultipleChoice.Style::toString)
        .orElseThrow(
            () ->
                new FormatException(
                    first.where()
                        + ": is neither a question of ARC, HellaSwag or PIQA nor has \"choices\" or"
                        + " \"first\" and \"second\"; --style says how to read it"));
  }

  /** The style of multiple choice by that name, or null. */
  static MultipleChoice.Style styleOf(String name) {
    return Arrays.stream(MultipleChoice.Style.values())
        .filter(s -> s.toString().equals(name))
        .findFirst()
        .orElse(null);
  }

  /** The published settings for a style. */
  private static Preset usual(String kind, boolean gen) {
    return switch (kind) {
      case "couplets" -> Preset.REVERSAL;
      case "arc" -> gen ? Preset.INSTRUCT_ARC_C : Preset.BASE_ARC_C;
      case "hellaswag" -> gen ? Preset.INSTRUCT_HELLASWAG : Preset.BASE_HELLASWAG;
      case "piqa" -> gen ? Preset.INSTRUCT_MMLU : Preset.BASE_PIQA;
      default -> gen ? Preset.INSTRUCT_MMLU : Preset.BASE_WINOGRANDE;
    };
  }

  private static Preset preset(String name) {
    return Arrays.stream(Preset.values())
        .filter(p -> p.toString().equals(name.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "--preset is '%s'; there are %s".formatted(name, Preset.names())));
  }

  /** What a preset sets, as options. */
  static String settings(Preset preset) {
    if (preset.byLikelihood()) {
      return "ppl  --mc-num %d --cfg-scale %s"
          .formatted(preset.likelihood().mcNum(), preset.likelihood().cfgScale());
    }
    SamplerOptions options = preset.sampler();
    return "gen  --gen-length %d --steps %d --block-length %d%s%s"
        .formatted(
            options.genLength(),
            options.steps(),
            options.blockLength(),
            options.logitsEosInf() ? " --logits-eos-inf" : "",
            options.confidenceEosEotInf() ? " --confidence-eos-eot-inf" : "");
  }
}
