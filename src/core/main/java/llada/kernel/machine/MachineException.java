package llada.kernel.machine;

/** The machine tier cannot be had here; the message says why. */
public final class MachineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  MachineException(String message) {
    super(message);
  }
}
