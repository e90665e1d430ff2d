package llada.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import llada.format.FormatException;

/**
 * Another program that does the same work, to be timed in turn with ours.
 *
 * @param command a line for the shell
 * @param pattern whose one group matches, in the program's output, a time in seconds; the last
 *     match counts. Without it the whole process is timed, with its start and whatever it loads.
 */
public record Peer(String command, Optional<Pattern> pattern) {
  private static final double NANOS = 1e9;

  /** What the program did instead; the message says it in full. */
  public static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Failure(String message) {
      super(message);
    }
  }

  /**
   * Checks the pattern.
   *
   * @throws Failure if it has not one group
   */
  public Peer {
    int groups = pattern.map(p -> p.matcher("").groupCount()).orElse(1);
    if (groups != 1) {
      throw new Failure(
          "the pattern '%s' has %d groups; it must have one, around the seconds"
              .formatted(pattern.orElseThrow(), groups));
    }
  }

  /**
   * Runs it to its end.
   *
   * @return its time in nanoseconds
   * @throws Failure if it fails or says no time
   */
  long nanos() {
    try {
      long before = System.nanoTime();
      Process process =
          new ProcessBuilder("sh", "-c", command)
              .redirectErrorStream(true)
              .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
              .start();
      try {
        byte[] bytes = process.getInputStream().readAllBytes();
        int code = process.waitFor();
        long nanos = System.nanoTime() - before;
        String output = new String(bytes, StandardCharsets.UTF_8);
        if (code != 0) {
          throw new Failure(
              "the peer '%s' ended with %d: %s".formatted(command, code, last(output)));
        }
        return pattern.isEmpty() ? nanos : seconds(output);
      } finally {
        process.destroy();
      }
    } catch (IOException e) {
      throw new Failure("the peer '%s' cannot be run: %s".formatted(command, e.getMessage()));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw new Failure("interrupted while the peer '%s' ran".formatted(command));
    }
  }

  private long seconds(String output) {
    Matcher matcher = pattern.orElseThrow().matcher(output);
    String found = null;
    while (matcher.find()) {
      found = matcher.group(1);
    }
    try {
      if (found != null && Double.parseDouble(found) > 0) {
        return Math.round(NANOS * Double.parseDouble(found));
      }
    } catch (NumberFormatException _) {
      // The message below says it.
    }
    throw new Failure(
        "the pattern '%s' must find a time in seconds in the peer's output; it found %s, and the output ends: %s"
            .formatted(pattern.orElseThrow(), found == null ? "nothing" : found, last(output)));
  }

  private static String last(String output) {
    return FormatException.printable(
        output.strip().lines().reduce((_, line) -> line).orElse("nothing was printed"));
  }
}
