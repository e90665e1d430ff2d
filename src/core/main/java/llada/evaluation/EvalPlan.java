package llada.evaluation;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import llada.api.RequestException;
import llada.format.FormatException;
import llada.format.Json;

/**
 * What is measured, and how.
 *
 * @param style of the questions, or couplets
 * @param preset where the options come from
 * @param byLikelihood whether choices are compared; else answers are generated
 */
public record EvalPlan(String style, Preset preset, boolean byLikelihood) {

  /**
   * Decides.
   *
   * @param first object of the file
   * @param style empty for what the object looks like
   * @param by ppl or gen; empty for what the preset is for
   * @param presetName empty for the published one of the style
   * @throws RequestException if these do not go together, or there is nothing of such a name
   * @throws FormatException if the object looks like nothing known
   */
  public static EvalPlan of(
      Json first, Optional<String> style, Optional<String> by, Optional<String> presetName) {
    String kind = style.map(s -> s.toLowerCase(Locale.ROOT)).orElseGet(() -> guess(first));
    if (!kind.equals("couplets") && styleOf(kind) == null) {
      throw new RequestException(
          "style is '%s'; it must be one of arc, hellaswag, piqa, choice, couplets"
              .formatted(style.orElseThrow()));
    }
    String how = by.orElse("");
    if (by.isPresent() && !how.equals("ppl") && !how.equals("gen")) {
      throw new RequestException("by is '%s'; it must be ppl or gen".formatted(how));
    }
    Preset preset = presetName.map(EvalPlan::preset).orElse(usual(kind, how.equals("gen")));
    boolean ppl = by.isEmpty() ? preset.byLikelihood() : how.equals("ppl");
    if (ppl != preset.byLikelihood()) {
      throw new RequestException(
          "preset %s is for %s".formatted(preset, preset.byLikelihood() ? "ppl" : "gen"));
    }
    if (ppl && kind.equals("couplets")) {
      throw new RequestException("couplets are answered in words: gen, not ppl");
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
                        + " \"first\" and \"second\"; give its style"));
  }

  /** The style of multiple choice by that name, or null. */
  public static MultipleChoice.Style styleOf(String name) {
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
                new RequestException(
                    "preset is '%s'; there are %s".formatted(name, Preset.names())));
  }
}
