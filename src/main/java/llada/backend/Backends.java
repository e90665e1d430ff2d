package llada.backend;

import java.util.List;
import llada.kernel.ScalarKernels;
import llada.kernel.simd.Lanes;
import llada.kernel.simd.VectorKernels;

/**
 * Chooses the kernels once, at start. A backend named by the user is taken or refused, never
 * replaced.
 */
public final class Backends {
  /** The names that {@link #choose} takes. */
  public static final List<String> NAMES = List.of("auto", "scalar", "vector", "machine", "cuda");

  private Backends() {}

  /**
   * The backend of this name; {@code auto} is the best one that works here.
   *
   * @param threads workers, at least 1
   * @throws BackendException if the named one cannot be had
   */
  public static Backend choose(String name, int threads) {
    if (threads < 1) {
      throw new BackendException("--threads is " + threads + "; give at least 1");
    }
    boolean vectors = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    return switch (name) {
      case "scalar" -> scalar("asked for; the reference, slow");
      case "vector" -> {
        if (!vectors) {
          throw new BackendException(
              "backend vector: the JVM runs without the Vector API; start it with --add-modules jdk.incubator.vector, or use ./llada");
        }
        yield vector("asked for", threads);
      }
      case "auto" ->
          vectors
              ? vector("the best that this build has", threads)
              : scalar("the JVM runs without --add-modules jdk.incubator.vector");
      case "machine", "cuda" ->
          throw new BackendException(
              "backend %s is not part of this build yet; use --backend vector".formatted(name));
      default ->
          throw new BackendException(
              "backend %s is unknown; there are %s".formatted(name, String.join(", ", NAMES)));
    };
  }

  private static Backend scalar(String why) {
    return new Backend(
        "scalar",
        "backend: scalar, 1 thread (" + why + ")",
        1,
        new ScalarKernels(),
        new ThreadPool(1));
  }

  private static Backend vector(String why, int threads) {
    ThreadPool pool = new ThreadPool(threads);
    String line =
        "backend: vector, %d bit, %d thread%s (%s)"
            .formatted(Lanes.bits(), threads, threads == 1 ? "" : "s", why);
    return new Backend("vector", line, threads, new VectorKernels(pool), pool);
  }
}
