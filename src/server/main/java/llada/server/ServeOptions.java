package llada.server;

import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import llada.api.Scheduler;

/**
 * How a server serves.
 *
 * @param host the address that it listens at
 * @param port 0 for any that is free
 * @param keys one of which a client must give; none asks for none
 * @param hosts names under which it may be asked, besides localhost and addresses
 * @param origins pages elsewhere that may ask it, such as {@code https://example.org}
 * @param limits of each model's scheduler
 * @param connections at most
 * @param bodyBytes of a request at most
 * @param idle how long a client may be silent, or not take what is sent
 * @param time until an answer is given up
 * @param log receives a line for each request
 * @param logsPrompts whether the line has the body of the request
 */
public record ServeOptions(
    String host,
    int port,
    List<String> keys,
    List<String> hosts,
    List<String> origins,
    Scheduler.Limits limits,
    int connections,
    int bodyBytes,
    Duration idle,
    Duration time,
    Consumer<String> log,
    boolean logsPrompts) {
  /** Where nothing else is asked. */
  public static final String HOST = "127.0.0.1";

  /** Copies the lists. */
  public ServeOptions {
    keys = List.copyOf(keys);
    hosts = List.copyOf(hosts);
    origins = List.copyOf(origins);
  }

  /** For this machine alone, at any free port. */
  public static ServeOptions local() {
    return new ServeOptions(
        HOST,
        0,
        List.of(),
        List.of(),
        List.of(),
        Scheduler.Limits.DEFAULT,
        1024,
        1 << 20,
        Duration.ofSeconds(30),
        Duration.ofMinutes(10),
        _ -> {},
        false);
  }

  /** These with another queue. */
  public ServeOptions limits(Scheduler.Limits other) {
    return new ServeOptions(
        host,
        port,
        keys,
        hosts,
        origins,
        other,
        connections,
        bodyBytes,
        idle,
        time,
        log,
        logsPrompts);
  }
}
