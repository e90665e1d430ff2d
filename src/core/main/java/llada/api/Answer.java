package llada.api;

import java.util.Locale;

/**
 * A finished answer.
 *
 * @param text what was said, up to its end
 * @param tokens (n) all of them, those behind the end too; the mask where it was stopped before
 *     they were revealed
 * @param useful how many of them come before the end: an end token, a stop text, or the first mask
 * @param confidence (n) probability of each token when it was committed
 * @param step (n) that committed each token, from 0; -1 where none did
 * @param end why there is no more
 * @param figures what it cost
 */
public record Answer(
    String text,
    int[] tokens,
    int useful,
    double[] confidence,
    int[] step,
    End end,
    Figures figures) {

  /** Why an answer ended. */
  public enum End {
    /** The model said so: an end token, and no mask before it. */
    END_TOKEN,
    /** All tokens that were asked for are there, without an end. */
    LENGTH,
    /** One of the stop texts came up. */
    STOP_TEXT,
    /** The listener asked for it, or failed. */
    STOPPED,
    /** Its time was up. */
    TIME_UP,
    /** The thread was interrupted; its interrupt status is still set. */
    INTERRUPTED
  }

  /**
   * What an answer cost.
   *
   * @param promptTokens tokens of the prompt
   * @param steps of the reverse process
   * @param forwardPasses one for each step, two with guidance
   * @param positions that these computed, on average over the layers
   * @param nanos from the first step to the last
   */
  public record Figures(
      int promptTokens, int steps, int forwardPasses, long positions, long nanos) {
    /** Time in seconds. */
    public double seconds() {
      return nanos / 1e9;
    }

    /** Time of a step in milliseconds. */
    public double millisPerStep() {
      return steps == 0 ? 0 : nanos / 1e6 / steps;
    }
  }

  /** Tokens per second, those behind the end too. */
  public double tokensPerSecond() {
    return perSecond(tokens.length);
  }

  /** Tokens before the end per second. */
  public double usefulPerSecond() {
    return perSecond(useful);
  }

  private double perSecond(int count) {
    return figures.nanos() == 0 ? 0 : count / figures.seconds();
  }

  /** A number with its noun. */
  public static String counted(int count, String noun) {
    return "%d %s%s".formatted(count, noun, count == 1 ? "" : "s");
  }

  /** The figures in one line. */
  public String summary() {
    return String.format(
        Locale.ROOT,
        "%s in %.2f s, %.1f ms per step, %d forward passes; %.1f tokens/s, %.1f useful (%d of %d tokens before the end)",
        counted(figures.steps(), "step"),
        figures.seconds(),
        figures.millisPerStep(),
        figures.forwardPasses(),
        tokensPerSecond(),
        usefulPerSecond(),
        useful,
        tokens.length);
  }
}
