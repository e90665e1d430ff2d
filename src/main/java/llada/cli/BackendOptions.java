package llada.cli;

import llada.backend.Backend;
import llada.backend.Backends;
import picocli.CommandLine.Option;

/** What computes; shared by every command that runs the model. */
final class BackendOptions {
  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "auto",
      description =
          "auto, scalar, vector, machine or cuda. auto takes the fastest that works here; a backend"
              + " that is named and cannot run is an error. Default: ${DEFAULT-VALUE}.")
  private String backend;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description =
          "Threads that compute; the result does not depend on it. Default: one per processor.")
  private Integer threads;

  /** Starts the backend. */
  Backend start() {
    return Backends.choose(backend, threads(threads));
  }

  /**
   * The number of threads that was asked for, or the default.
   *
   * @param asked null if none was
   */
  static int threads(Integer asked) {
    if (asked != null && asked < 1) {
      throw new UsageException("--threads is " + asked + "; it must be at least 1");
    }
    return asked != null ? asked : Runtime.getRuntime().availableProcessors();
  }
}
