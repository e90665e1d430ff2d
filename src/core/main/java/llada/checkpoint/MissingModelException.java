package llada.checkpoint;

import java.nio.file.Path;
import llada.format.FormatException;

/** There is nothing under the path of the model that was to be opened. */
public final class MissingModelException extends FormatException {
  private static final long serialVersionUID = 1L;

  private final String path;

  MissingModelException(Path path, String message) {
    super(path + ": " + message);
    this.path = path.toString();
  }

  /** What was given as a path. */
  public String path() {
    return path;
  }
}
