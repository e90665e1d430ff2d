package llada.cli;

import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;

/** Of an option or argument that names a model: a path, or the name of one that was pulled. */
public final class ModelPath implements ITypeConverter<Path> {
  private final CommandContext context;

  ModelPath(CommandContext context) {
    this.context = context;
  }

  @Override
  public Path convert(String text) {
    return context.model(text);
  }
}
