package llada.cli;

import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import llada.api.Answer;
import llada.api.Llada;

/**
 * An open model, and what it took to get there.
 *
 * @param llada the model
 * @param start from the start of the process until loading began
 * @param load for opening the files and starting the backend
 */
record OpenModel(Llada llada, Duration start, Duration load) implements AutoCloseable {

  /** Opens the model's files and starts the backend. */
  static OpenModel open(ModelOptions model, BackendOptions computation) {
    Duration start = sinceProcessStart();
    long before = System.nanoTime();
    Llada llada = Llada.open(model.path(), model.adapter(), computation::start);
    return new OpenModel(llada, start, Duration.ofNanos(System.nanoTime() - before));
  }

  /**
   * The launcher becomes the JVM, so this counts from the moment the user pressed Enter; less what
   * the launcher took to build the program.
   */
  private static Duration sinceProcessStart() {
    return ProcessHandle.current()
        .info()
        .startInstant()
        .map(started -> Duration.between(started, Instant.now()))
        .map(time -> time.minusSeconds(Long.getLong("llada.build.seconds", 0)))
        .filter(time -> !time.isNegative())
        .orElse(Duration.ZERO);
  }

  /** The closing line of a run: the figures and where the rest of the time went. */
  String closingLine(Answer answer, long seed) {
    return String.format(
        Locale.ROOT,
        "%s; %s backend, %d threads; start %.2f s, load %.2f s; seed %d",
        answer.summary(),
        llada.backend().name(),
        llada.backend().threads(),
        seconds(start),
        seconds(load),
        seed);
  }

  static double seconds(Duration time) {
    return time.toNanos() / 1e9;
  }

  @Override
  public void close() {
    llada.close();
  }
}
