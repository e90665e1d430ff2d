package llada.cli;

import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
import llada.diffusion.Generation;
import llada.model.LladaConfig;

/**
 * A finished generation as the user wants it: the text up to the first end token, and the figures.
 *
 * @param ids all tokens of the answer
 * @param useful how many of them come before the first end-of-text or end-of-turn token
 * @param text those, decoded
 * @param generation what the sampler returned
 */
record Answer(int[] ids, int useful, String text, Generation generation) {

  static Answer of(Generation generation, LladaConfig config, Function<int[], String> decode) {
    return of(generation, 0, config, decode);
  }

  private static Answer of(
      Generation generation, int sequence, LladaConfig config, Function<int[], String> decode) {
    int[] row = generation.x()[sequence];
    int[] ids = Arrays.copyOfRange(row, generation.promptLength(), row.length);
    int useful = 0;
    while (useful < ids.length && !isEnd(ids[useful], config)) {
      useful++;
    }
    String text = decode.apply(Arrays.copyOf(ids, useful));
    return new Answer(ids, useful, text, generation);
  }

  static Answer of(Generation generation, Session session) {
    return of(generation, 0, session);
  }

  /** The answer of one sequence of a batch. */
  static Answer of(Generation generation, int sequence, Session session) {
    return of(generation, sequence, session.config(), ids -> session.text(ids, true));
  }

  /** Whether a token ends the text or the turn. */
  static boolean isEnd(int id, LladaConfig config) {
    return id == config.eosTokenId()
        || (config.eotTokenId().isPresent() && id == config.eotTokenId().getAsInt());
  }

  double seconds() {
    return generation.nanos() / 1e9;
  }

  double millisPerStep() {
    return generation.steps() == 0 ? 0 : generation.nanos() / 1e6 / generation.steps();
  }

  double tokensPerSecond() {
    return perSecond(ids.length);
  }

  double usefulPerSecond() {
    return perSecond(useful);
  }

  private double perSecond(int tokens) {
    return generation.nanos() == 0 ? 0 : tokens / seconds();
  }

  /** A number with its noun. */
  static String counted(int count, String noun) {
    return "%d %s%s".formatted(count, noun, count == 1 ? "" : "s");
  }

  /** The figures of this answer in one line. */
  String summary() {
    return String.format(
        Locale.ROOT,
        "%s in %.2f s, %.1f ms per step, %d forward passes; %.1f tokens/s, %.1f useful (%d of %d tokens before the end)",
        counted(generation.steps(), "step"),
        seconds(),
        millisPerStep(),
        generation.forwardPasses(),
        tokensPerSecond(),
        usefulPerSecond(),
        useful,
        ids.length);
  }

  /** The closing line of a run: the figures and where the rest of the time went. */
  String closingLine(Session session, long seed) {
    return String.format(
        Locale.ROOT,
        "%s; %s backend, %d threads; start %.2f s, load %.2f s; seed %d",
        summary(),
        session.backend().name(),
        session.backend().threads(),
        seconds(session.startTime()),
        seconds(session.loadTime()),
        seed);
  }

  static double seconds(Duration time) {
    return time.toNanos() / 1e9;
  }
}
