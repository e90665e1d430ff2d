package llada.converter;

import java.nio.file.Files;
import java.nio.file.Path;
import llada.cli.CommandProvider;
import llada.tensor.DType;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code llada dequantize}: the command line of {@link Dequantize}. */
@Command(
    name = "dequantize",
    mixinStandardHelpOptions = true,
    description = {
      "Writes a checkpoint as a Hugging Face folder of float32 or bfloat16.",
      "The tokenizer of a folder is copied; that of a GGUF file is not written yet."
    })
public final class DequantizeCommand implements Runnable, CommandProvider {
  @Parameters(index = "0", paramLabel = "SRC", description = "A GGUF file or Hugging Face folder.")
  private Path source;

  @Parameters(index = "1", paramLabel = "DST", description = "The folder to make.")
  private Path target;

  @Option(names = "--type", paramLabel = "TYPE", description = "F32 or BF16; default F32.")
  private DType type = DType.F32;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    Dequantize.run(source, target, type);
    if (!Files.isDirectory(source)) {
      spec.commandLine()
          .getErr()
          .printf(
              "llada: %s has no tokenizer, since that of a GGUF file is not written yet: copy"
                  + " tokenizer.json and tokenizer_config.json of the model into it%n",
              target);
    }
  }

  @Override
  public Object command() {
    return new DequantizeCommand();
  }
}
