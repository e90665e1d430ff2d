package llada.evaluation;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import llada.format.FormatException;
import llada.format.Json;

/**
 * A question with choices, from the JSON lines of the usual data sets.
 *
 * @param id names it in results
 * @param context what a choice continues, in ppl mode
 * @param continuations of the context, one a choice, with the space before it
 * @param choices their texts alone
 * @param question the same with lettered choices, to be answered by a letter, in gen mode
 * @param gold the right one, from 0
 */
public record MultipleChoice(
    String id,
    String context,
    List<String> continuations,
    List<String> choices,
    String question,
    int gold) {
  private static final Pattern BRACKETS = Pattern.compile("\\[.*?]");

  /** How a data set writes its questions. */
  public enum Style {
    /** {@code question}, {@code choices {text, label}}, {@code answerKey}. */
    ARC,
    /** {@code ctx_a}, {@code ctx_b}, {@code endings}, {@code label}; with activity_label. */
    HELLASWAG,
    /** {@code goal}, {@code sol1}, {@code sol2}, {@code label}. */
    PIQA,
    /** {@code question}, {@code choices} (texts), {@code answer}: a letter or number from 0. */
    CHOICE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** The style that has these keys. */
    public static Optional<Style> of(Json json) {
      if (!json.get("answerKey").isNull()) {
        return Optional.of(ARC);
      }
      if (!json.get("endings").isNull()) {
        return Optional.of(HELLASWAG);
      }
      if (!json.get("sol1").isNull()) {
        return Optional.of(PIQA);
      }
      return json.get("choices").isNull() ? Optional.empty() : Optional.of(CHOICE);
    }
  }

  /**
   * Reads a question.
   *
   * @param id if it names none itself
   * @throws FormatException naming what is missing or wrong
   */
  public static MultipleChoice read(Json json, Style style, String id) {
    MultipleChoice read =
        switch (style) {
          case ARC -> arc(json, id);
          case HELLASWAG -> hellaSwag(json, id);
          case PIQA -> piqa(json, id);
          case CHOICE -> choice(json, id);
        };
    if (read.choices.size() < 2 || read.choices.size() > 26) {
      throw new FormatException(
          "%s: has %d choices; from 2 to 26 are possible"
              .formatted(json.where(), read.choices.size()));
    }
    if (read.gold < 0 || read.gold >= read.choices.size()) {
      throw new FormatException(
          "%s: the right answer is number %d of %d choices"
              .formatted(json.where(), read.gold + 1, read.choices.size()));
    }
    return read;
  }

  private static MultipleChoice arc(Json json, String id) {
    Json question = json.get("question");
    List<String> texts = new ArrayList<>();
    List<String> labels = new ArrayList<>();
    boolean nested = question.value() instanceof java.util.Map; // as AI2 published it
    Json choices = nested ? question.get("choices") : json.get("choices");
    if (choices.value() instanceof List) {
      for (Json one : choices.list()) {
        texts.add(one.get("text").string());
        labels.add(one.get("label").string());
      }
    } else {
      choices.get("text").list().forEach(text -> texts.add(text.string()));
      choices.get("label").list().forEach(label -> labels.add(label.string()));
    }
    String stem = nested ? question.get("stem").string() : question.string();
    Json key = json.get("answerKey");
    int gold = labels.indexOf(key.string());
    if (gold < 0 || texts.size() != labels.size()) {
      throw new FormatException(
          "%s is %s, but the %d choices have the labels %s"
              .formatted(key.where(), key.string(), texts.size(), labels));
    }
    return asked(ResultsFile.id(json, id), stem, texts, gold);
  }

  private static MultipleChoice hellaSwag(Json json, String id) {
    String context =
        json.get("ctx_a").isNull()
            ? json.get("ctx").string()
            : json.get("ctx_a").string() + " " + capitalized(json.get("ctx_b").or("").string());
    if (!json.get("activity_label").isNull()) {
      context = json.get("activity_label").string() + ": " + context;
    }
    context = cleaned(context);
    List<String> endings =
        json.get("endings").list().stream().map(e -> cleaned(e.string())).toList();
    String question =
        context
            + "\nQuestion: Which ending makes the most sense?\n"
            + lettered(endings)
            + "Answer with the letter of the choice.\nAnswer:";
    return new MultipleChoice(
        ResultsFile.id(json, id),
        context,
        spaced(endings),
        endings,
        question,
        number(json.get("label"), endings.size()));
  }

  private static MultipleChoice piqa(Json json, String id) {
    List<String> solutions = List.of(json.get("sol1").string(), json.get("sol2").string());
    return asked(
        ResultsFile.id(json, id),
        json.get("goal").string(),
        solutions,
        number(json.get("label"), 2));
  }

  private static MultipleChoice choice(Json json, String id) {
    List<String> texts = json.get("choices").list().stream().map(Json::string).toList();
    Json answer = json.get("answer").isNull() ? json.get("label") : json.get("answer");
    return asked(
        ResultsFile.id(json, id),
        json.get("question").string(),
        texts,
        number(answer, texts.size()));
  }

  /** A question as the evaluation harness asks ARC and PIQA. */
  private static MultipleChoice asked(String id, String stem, List<String> texts, int gold) {
    return new MultipleChoice(
        id,
        "Question: " + stem + "\nAnswer:",
        spaced(texts),
        List.copyOf(texts),
        "Question: "
            + stem
            + "\n"
            + lettered(texts)
            + "Answer with the letter of the choice.\nAnswer:",
        gold);
  }

  private static List<String> spaced(List<String> texts) {
    return texts.stream().map(text -> " " + text).toList();
  }

  private static String lettered(List<String> texts) {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < texts.size(); i++) {
      lines.append(letter(i)).append(". ").append(texts.get(i)).append('\n');
    }
    return lines.toString();
  }

  /** The letter of a choice. */
  public static char letter(int choice) {
    return (char) ('A' + choice);
  }

  /** HellaSwag's texts hold the marks of the pages they come from. */
  private static String cleaned(String text) {
    String plain = text.strip().replace(" [title]", ". ");
    return BRACKETS.matcher(plain).replaceAll("").replace("  ", " ");
  }

  /** As Python's {@code str.capitalize()}. */
  private static String capitalized(String text) {
    return text.isEmpty()
        ? text
        : text.substring(0, 1).toUpperCase(Locale.ROOT)
            + text.substring(1).toLowerCase(Locale.ROOT);
  }

  /** An answer: a number from 0, also as text, or a letter. */
  private static int number(Json json, int choices) {
    if (json.value() instanceof Long) {
      return json.integer(0, choices - 1);
    }
    String text = json.string().strip();
    if (text.length() == 1 && Character.isLetter(text.charAt(0))) {
      return Character.toUpperCase(text.charAt(0)) - 'A';
    }
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new FormatException(
          "%s is '%s'; a number from 0 or a letter is needed".formatted(json.where(), text), e);
    }
  }
}
