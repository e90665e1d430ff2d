package llada.converter;

import java.nio.file.Path;
import llada.cli.CommandProvider;
import llada.tensor.DType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code llada dequantize}: the command line of {@link Dequantize}. */
@Command(
    name = "dequantize",
    mixinStandardHelpOptions = true,
    description = "Writes a checkpoint as a Hugging Face folder of float32 or bfloat16.")
public final class DequantizeCommand implements Runnable, CommandProvider {
  @Parameters(index = "0", paramLabel = "SRC", description = "A GGUF file or Hugging Face folder.")
  private Path source;

  @Parameters(index = "1", paramLabel = "DST", description = "The folder to make.")
  private Path target;

  @Option(names = "--type", paramLabel = "TYPE", description = "F32 or BF16; default F32.")
  private DType type = DType.F32;

  @Override
  public void run() {
    Dequantize.run(source, target, type);
  }

  @Override
  public Object command() {
    return new DequantizeCommand();
  }
}
