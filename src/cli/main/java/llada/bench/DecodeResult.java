package llada.bench;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/**
 * What a way to decode gave and cost over all questions.
 *
 * @param setting its name
 * @param questions how many
 * @param right how many answers were right
 * @param sameTexts how many answers were those of the exact sampler
 * @param sameTokens tokens equal to the exact sampler's at the same place, before its end
 * @param exactTokens how many those could be
 * @param steps in all
 * @param forwardPasses in all
 * @param positions computed in all
 * @param tokens in all
 * @param useful tokens before the end of each answer
 * @param nanos in all
 */
public record DecodeResult(
    String setting,
    int questions,
    int right,
    int sameTexts,
    long sameTokens,
    long exactTokens,
    long steps,
    long forwardPasses,
    long positions,
    long tokens,
    long useful,
    long nanos) {
  private static final String HEAD =
      "setting,questions,right,accuracy,same_text,same_tokens,steps,forward_passes,positions,"
          + "tokens,useful_tokens,seconds,tokens_per_second,useful_per_second,fewer_positions,"
          + "speedup";

  /** The format of a line of the table. */
  public static final String ROW = "%-36s %7s %7s %7s %8s %10s %9s %9s %9s %8s%n";

  /** Percent of answers that are right. */
  public double accuracy() {
    return 100.0 * right / questions;
  }

  /** Percent of answers that are the exact sampler's. */
  public double sameText() {
    return 100.0 * sameTexts / questions;
  }

  /** Percent of the exact sampler's tokens. */
  public double agreement() {
    return exactTokens == 0 ? 100 : 100.0 * sameTokens / exactTokens;
  }

  /** Tokens per second. */
  public double perSecond() {
    return tokens / (nanos / 1e9);
  }

  /** Tokens before the end of each answer, per second. */
  public double usefulPerSecond() {
    return useful / (nanos / 1e9);
  }

  /** How many times fewer positions than {@code exact} for the same answers. */
  public double fewerPositions(DecodeResult exact) {
    return (double) exact.positions / positions;
  }

  /** How many times as fast as {@code exact} all answers were there. */
  public double speedup(DecodeResult exact) {
    return (double) exact.nanos / nanos;
  }

  /** The heads of the columns, for {@link #ROW}. */
  public static Object[] titles() {
    return new Object[] {
      "setting",
      "right",
      "agree",
      "passes",
      "pos.",
      "fewer",
      "tok/s",
      "useful/s",
      "ms/answer",
      "speed"
    };
  }

  /**
   * The cells of a line, for {@link #ROW}.
   *
   * @param exact what it is compared with
   * @param judged whether answers can be right
   */
  public Object[] cells(DecodeResult exact, boolean judged) {
    return new Object[] {
      setting,
      judged ? number("%.1f %%", accuracy()) : "-",
      number("%.1f %%", agreement()),
      number("%.1f", (double) forwardPasses / questions),
      number("%.0f", (double) positions / questions),
      number("%.1fx", fewerPositions(exact)),
      number("%.1f", perSecond()),
      number("%.1f", usefulPerSecond()),
      number("%.1f", nanos / 1e6 / questions),
      number("%.2fx", speedup(exact))
    };
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }

  /** All rows as comma-separated values; a comma in a name becomes a semicolon. */
  public static String csv(List<DecodeResult> results) {
    StringBuilder text = new StringBuilder(HEAD).append('\n');
    DecodeResult exact = results.getFirst();
    for (DecodeResult r : results) {
      text.append(
          String.format(
              Locale.ROOT,
              "%s,%d,%d,%.2f,%.2f,%.2f,%d,%d,%d,%d,%d,%.3f,%.2f,%.2f,%.2f,%.2f%n",
              r.setting.replace(',', ';'),
              r.questions,
              r.right,
              r.accuracy(),
              r.sameText(),
              r.agreement(),
              r.steps,
              r.forwardPasses,
              r.positions,
              r.tokens,
              r.useful,
              r.nanos / 1e9,
              r.perSecond(),
              r.usefulPerSecond(),
              r.fewerPositions(exact),
              r.speedup(exact)));
    }
    return text.toString();
  }

  /** The members of one JSON object. */
  public void write(JsonGenerator json, DecodeResult exact, String model, boolean judged)
      throws IOException {
    json.writeStringField("bench", "decode");
    json.writeStringField("model", model);
    json.writeStringField("setting", setting);
    json.writeNumberField("questions", questions);
    if (judged) {
      json.writeNumberField("right", right);
      json.writeNumberField("accuracy", accuracy());
    } else {
      json.writeNullField("right");
      json.writeNullField("accuracy");
    }
    json.writeNumberField("same_text", sameText());
    json.writeNumberField("same_tokens", agreement());
    json.writeNumberField("steps", steps);
    json.writeNumberField("forward_passes", forwardPasses);
    json.writeNumberField("positions", positions);
    json.writeNumberField("tokens", tokens);
    json.writeNumberField("useful_tokens", useful);
    json.writeNumberField("seconds", nanos / 1e9);
    json.writeNumberField("tokens_per_second", perSecond());
    json.writeNumberField("useful_per_second", usefulPerSecond());
    json.writeNumberField("fewer_positions", fewerPositions(exact));
    json.writeNumberField("speedup", speedup(exact));
  }
}
