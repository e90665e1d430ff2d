package llada.api;

import static llada.api.Request.given;

import llada.backend.Backend;
import llada.backend.Backends;
import llada.backend.Cores;
import llada.kernel.Precision;

/**
 * What computes, chosen when a model is opened.
 *
 * @param backend one of {@link Backends#NAMES}; auto takes the fastest that works here
 * @param threads that compute; results do not depend on it
 * @param precision how activations may be rounded
 */
public record Setup(String backend, int threads, Precision precision) {
  /** The fastest backend, on all processors, rounding activations as suits the weights. */
  public static final Setup DEFAULT = new Setup("auto", Cores.usable(), Precision.WEIGHTS);

  /**
   * Checks.
   *
   * @throws IllegalArgumentException if the backend is unknown or there is no thread
   */
  public Setup {
    given(backend, "the backend's name");
    given(precision, "the precision");
    if (!Backends.NAMES.contains(backend)) {
      throw new IllegalArgumentException(
          "backend %s is unknown; there are %s"
              .formatted(backend, String.join(", ", Backends.NAMES)));
    }
    if (threads < 1) {
      throw new IllegalArgumentException("threads is " + threads + "; it must be at least 1");
    }
  }

  /** This with another backend. */
  public Setup backend(String name) {
    return new Setup(name, threads, precision);
  }

  /** This with as many threads. */
  public Setup threads(int count) {
    return new Setup(backend, count, precision);
  }

  /** This without any rounding of activations, as the published code in float32. */
  public Setup exact() {
    return new Setup(backend, threads, Precision.EXACT);
  }

  /**
   * Starts the backend.
   *
   * @throws llada.backend.BackendException if it cannot run here
   */
  public Backend start() {
    return Backends.choose(backend, threads, precision);
  }
}
