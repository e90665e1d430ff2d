package llada.backend;

import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import llada.kernel.Kernels;
import llada.kernel.Precision;
import llada.kernel.ScalarKernels;
import llada.kernel.SharedKernels;
import llada.kernel.machine.MachineException;
import llada.kernel.machine.MachineKernels;
import llada.kernel.simd.Lanes;
import llada.kernel.simd.VectorKernels;
import llada.kernel.simd.WarmUp;

/**
 * Chooses the kernels once, at start. A backend named by the user is taken or refused, never
 * replaced.
 */
public final class Backends {
  /** The names that {@link #choose} takes. */
  public static final List<String> NAMES = List.of("auto", "scalar", "vector", "machine", "cuda");

  private Backends() {}

  /** As {@link #choose(String, int, Precision)} with activations rounded as suits the weights. */
  public static Backend choose(String name, int threads) {
    return choose(name, threads, Precision.WEIGHTS);
  }

  /**
   * The backend of this name; {@code auto} is the best one that works here.
   *
   * @param threads workers, at least 1
   * @param precision what the machine backend may round activations to; the others round nothing
   * @throws BackendException if the named one cannot be had, or there is none of this name
   */
  public static Backend choose(String name, int threads, Precision precision) {
    if (threads < 1) {
      throw new BackendException("the number of threads is " + threads + "; it must be at least 1");
    }
    boolean vectors = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
    return switch (name) {
      case "scalar" -> scalar("asked for; the reference, slow");
      case "vector" -> {
        requireVectors(vectors, name);
        yield vector("asked for", threads);
      }
      case "machine" -> {
        requireVectors(vectors, name);
        try {
          yield machine("asked for", threads, precision);
        } catch (MachineException e) {
          throw new BackendException(
              "backend machine: %s; use backend vector".formatted(e.getMessage()), e);
        }
      }
      case "auto" -> best(vectors, threads, precision);
      case "cuda" ->
          provider(name)
              .orElseThrow(
                  () ->
                      new BackendException(
                          "backend cuda is not on the class path; add llada-bindings, or use backend auto"))
              .start("asked for", threads, precision);
      default -> throw new BackendException.UnknownName(name);
    };
  }

  private static void requireVectors(boolean vectors, String name) {
    if (!vectors) {
      throw new BackendException(
          "backend %s: the JVM runs without the Vector API; start it with --add-modules jdk.incubator.vector, or use ./llada"
              .formatted(name));
    }
  }

  /** A device if there is one, else the processor, with the reason why in the line. */
  private static Backend best(boolean vectors, int threads, Precision precision) {
    StringBuilder without = new StringBuilder();
    for (BackendProvider provider : providers()) {
      Optional<String> reason = provider.unavailable();
      if (reason.isEmpty()) {
        try {
          return provider.start("the fastest here", threads, precision);
        } catch (BackendException e) {
          reason = Optional.of(e.getMessage());
        }
      }
      without.append("; no ").append(provider.name()).append(": ").append(reason.get());
    }
    if (!vectors) {
      return scalar("the JVM runs without --add-modules jdk.incubator.vector" + without);
    }
    try {
      return machine("the fastest here" + without, threads, precision);
    } catch (MachineException e) {
      return vector("no machine code: " + e.getMessage() + without, threads);
    }
  }

  /** What other modules bring. */
  public static List<BackendProvider> providers() {
    return ServiceLoader.load(BackendProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .toList();
  }

  private static Optional<BackendProvider> provider(String name) {
    return providers().stream().filter(provider -> provider.name().equals(name)).findFirst();
  }

  private static Backend scalar(String why) {
    return new Backend(
        "scalar",
        "backend: scalar, 1 thread (" + why + ")",
        1,
        SharedKernels.of(new ScalarKernels()),
        new ThreadPool(1));
  }

  private static Backend vector(String why, int threads) {
    WarmUp.begin();
    ThreadPool pool = new ThreadPool(threads);
    String line =
        "backend: vector, %d bit, %d thread%s (%s)"
            .formatted(Lanes.bits(), threads, threads == 1 ? "" : "s", why);
    Kernels kernels = SharedKernels.of(new VectorKernels(pool));
    return new Backend("vector", line, threads, kernels, pool);
  }

  private static Backend machine(String why, int threads, Precision precision) {
    WarmUp.begin();
    ThreadPool pool = new ThreadPool(threads);
    try {
      MachineKernels kernels = new MachineKernels(pool, precision);
      String line =
          "backend: machine, %s at %d bit, %d thread%s (%s)"
              .formatted(
                  kernels.instructions(), kernels.bits(), threads, threads == 1 ? "" : "s", why);
      return new Backend("machine", line, threads, SharedKernels.of(kernels), pool);
    } catch (MachineException e) {
      pool.close();
      throw e;
    }
  }
}
