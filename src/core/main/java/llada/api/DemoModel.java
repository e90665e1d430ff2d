package llada.api;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import llada.format.Disk;
import llada.format.FormatException;

/**
 * The small model that comes with LLaDA.java, as {@code llada train --recipe demo} makes it: a GGUF
 * file among the resources. The launcher names the file in its folder; from the jar alone it is
 * copied to a temporary file, since files are mapped into memory and a jar's content cannot be.
 */
public final class DemoModel {
  private static final String RESOURCE = "/llada/demo.gguf";
  private static final String PROPERTY = "llada.default.model";

  private static Path copy; // one for the life of the JVM

  private DemoModel() {}

  /**
   * The file, which is copied out of its jar where it lies in one.
   *
   * @throws IllegalStateException if the artifact {@code llada-demo} is not on the class path
   */
  public static synchronized Path file() {
    String named = System.getProperty(PROPERTY);
    if (named != null && !named.isBlank()) {
      return Path.of(named);
    }
    if (copy != null && Files.exists(copy)) {
      return copy;
    }
    try (InputStream in = DemoModel.class.getResourceAsStream(RESOURCE)) {
      if (in == null) {
        throw new IllegalStateException(
            "the bundled model is not on the class path: add the artifact llada-demo, or open a model"
                + " of your own");
      }
      Path file = Disk.beside(Path.of(System.getProperty("java.io.tmpdir"), "llada-demo.gguf"));
      file.toFile().deleteOnExit();
      try (OutputStream out = Channels.newOutputStream(Disk.current().create(file))) {
        in.transferTo(out);
      }
      copy = file;
      return file;
    } catch (IOException e) {
      throw new FormatException(
          "the model in the jar cannot be copied to the folder for temporary files (%s); open a model of your own"
              .formatted(e.getMessage()),
          e);
    }
  }
}
