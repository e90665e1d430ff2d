package llada.format;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import llada.tokenizer.PreTokenizer;
import llada.tokenizer.Split;
import llada.tokenizer.SplitPattern;
import llada.tokenizer.TextNormalizer;

/** The steps before and after the model in tokenizer.json: normaliser, pre-tokenizer, decoder. */
final class TokenizerSteps {
  private static final int MAX_STEPS = 100;

  private TokenizerSteps() {}

  static TextNormalizer normalizer(Json json) {
    if (json.isNull()) {
      return TextNormalizer.none();
    }
    String type = json.get("type").string();
    return switch (type) {
      case "NFC" -> new TextNormalizer.Unicode(Normalizer.Form.NFC);
      case "NFD" -> new TextNormalizer.Unicode(Normalizer.Form.NFD);
      case "NFKC" -> new TextNormalizer.Unicode(Normalizer.Form.NFKC);
      case "NFKD" -> new TextNormalizer.Unicode(Normalizer.Form.NFKD);
      case "Lowercase" -> new TextNormalizer.Lowercase();
      case "Prepend" -> new TextNormalizer.Prepend(limited(json.get("prepend")));
      case "Replace" ->
          new TextNormalizer.Replace(pattern(json.get("pattern")), limited(json.get("content")));
      case "Sequence" ->
          new TextNormalizer.Steps(
              steps(json.get("normalizers")).stream().map(TokenizerSteps::normalizer).toList());
      default ->
          throw unsupported(
              json, type, "NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Sequence");
    };
  }

  /** Text that is put into other text: a long one, put in many times, would fill the memory. */
  private static String limited(Json json) {
    String text = json.string();
    if (text.length() > 64) {
      throw new FormatException(
          "%s has %d characters; at most 64 are accepted".formatted(json.where(), text.length()));
    }
    return text;
  }

  private static List<Json> steps(Json list) {
    List<Json> steps = list.list();
    if (steps.size() > MAX_STEPS) {
      throw new FormatException(
          "%s has %d steps; at most %d are accepted"
              .formatted(list.where(), steps.size(), MAX_STEPS));
    }
    return steps;
  }

  static PreTokenizer preTokenizer(Json json) {
    List<Json> steps = new ArrayList<>();
    flatten(json, steps);
    if (steps.isEmpty() || !steps.getLast().get("type").string().equals("ByteLevel")) {
      throw new FormatException(
          "%s does not end with ByteLevel; only byte-level tokenizers are supported, the kind that"
              .concat(" LLaDA has")
              .formatted(json.where()));
    }
    Json byteLevel = steps.removeLast();
    List<Split> splits = new ArrayList<>();
    for (Json step : steps) {
      String type = step.get("type").string();
      switch (type) {
        case "Split" ->
            splits.add(
                new Split(
                    pattern(step.get("pattern")),
                    behavior(step.get("behavior")),
                    step.get("invert").or(false).bool()));
        case "Digits" ->
            splits.add(
                new Split(
                    SplitPattern.regex("\\p{N}"),
                    step.get("individual_digits").or(false).bool()
                        ? Split.Behavior.ISOLATED
                        : Split.Behavior.CONTIGUOUS,
                    false));
        default ->
            throw unsupported(step, type, "Split, Digits, Sequence and, at the end, ByteLevel");
      }
    }
    Split own =
        byteLevel.get("use_regex").or(true).bool()
            ? new Split(
                SplitPattern.regex(PreTokenizer.GPT2_PATTERN), Split.Behavior.ISOLATED, false)
            : null;
    return new PreTokenizer(splits, byteLevel.get("add_prefix_space").or(true).bool(), own);
  }

  private static void flatten(Json json, List<Json> steps) {
    if (json.isNull()) {
      return;
    }
    if (json.get("type").string().equals("Sequence")) {
      for (Json step : steps(json.get("pretokenizers"))) {
        flatten(step, steps);
      }
    } else {
      steps.add(json);
    }
    if (steps.size() > MAX_STEPS) {
      throw new FormatException("%s has more than %d steps".formatted(json.where(), MAX_STEPS));
    }
  }

  private static SplitPattern pattern(Json json) {
    if (!json.get("Regex").isNull()) {
      return SplitPattern.regex(json.get("Regex").string());
    }
    if (!json.get("String").isNull()) {
      return SplitPattern.literal(json.get("String").string());
    }
    throw new FormatException(
        "%s has neither Regex nor String; one of them must say what to look for"
            .formatted(json.where()));
  }

  private static Split.Behavior behavior(Json json) {
    String name = json.string();
    return switch (name) {
      case "Isolated" -> Split.Behavior.ISOLATED;
      case "Removed" -> Split.Behavior.REMOVED;
      case "MergedWithPrevious" -> Split.Behavior.MERGED_WITH_PREVIOUS;
      case "MergedWithNext" -> Split.Behavior.MERGED_WITH_NEXT;
      case "Contiguous" -> Split.Behavior.CONTIGUOUS;
      default ->
          throw new FormatException(
              ("%s is %s; it must be Isolated, Removed, MergedWithPrevious, MergedWithNext or"
                      + " Contiguous")
                  .formatted(json.where(), name));
    };
  }

  /** Only ByteLevel is known; its flags do not change what it decodes. */
  static void checkDecoder(Json json) {
    String type = json.isNull() ? "nothing" : json.get("type").string();
    if (type.equals("Sequence")) {
      List<Json> steps = steps(json.get("decoders"));
      if (steps.size() == 1) {
        checkDecoder(steps.getFirst());
        return;
      }
    }
    if (!type.equals("ByteLevel")) {
      throw unsupported(json, type, "ByteLevel");
    }
  }

  private static FormatException unsupported(Json json, String found, String supported) {
    return new FormatException(
        "%s is of type %s, which is not supported; supported: %s"
            .formatted(json.where(), found, supported));
  }
}
