package llada.backend;

import java.util.List;
import java.util.Optional;
import llada.kernel.Precision;

/** A backend that another module brings, found by {@link java.util.ServiceLoader}. */
public interface BackendProvider {
  /** One of {@link Backends#NAMES}. */
  String name();

  /**
   * Why it cannot run on this machine, in a few words; empty if it can. Costs next to nothing where
   * it cannot.
   */
  Optional<String> unavailable();

  /**
   * Starts it, with kernels that any number of threads may call.
   *
   * @param why it was chosen, for the line to the user
   * @param threads for what is left to the processor
   * @param precision what activations of a product may be rounded to
   * @throws BackendException if it cannot run; the message gives reason and remedy
   */
  Backend start(String why, int threads, Precision precision);

  /** Devices and libraries with their versions, a line each, or why there are none. */
  List<String> describe();
}
