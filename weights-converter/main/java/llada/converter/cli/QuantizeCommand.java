package llada.converter.cli;

import java.nio.file.Path;
import llada.cli.CommandProvider;
import llada.cli.ModelPath;
import llada.converter.Converter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code llada quantize}: {@code convert} to a GGUF file of a type that must be named. */
@Command(
    name = "quantize",
    description = {
      "Write a model as a GGUF file of a smaller type.",
      "",
      "q4_k_m and q5_k_m keep more bits where llama.cpp's quantiser does: attn_v and ffn_down of"
          + " some layers, and the output matrix, are q6_k."
    },
    footer = {
      "  llada quantize LLaDA-8B-Instruct llada-q4_k_m.gguf --type q4_k_m",
      "  llada imatrix -m LLaDA-8B-Instruct --corpus text.txt -o llada.imatrix.gguf",
      "  llada quantize LLaDA-8B-Instruct llada-q4_0.gguf --type q4_0 --imatrix llada.imatrix.gguf"
    })
public final class QuantizeCommand implements Runnable, CommandProvider {
  @Parameters(
      converter = ModelPath.class,
      index = "0",
      paramLabel = "SRC",
      description = "A GGUF file or Hugging Face folder.")
  private Path source;

  @Parameters(
      index = "1",
      paramLabel = "DST",
      description = "The GGUF file to write; a file of that name is replaced.")
  private Path target;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      required = true,
      description = "q8_0, q4_0, q4_k, q4_k_m, q5_k, q5_k_m, q6_k, f16, bf16 or f32.")
  private String type;

  @Mixin private ConvertOptions options;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    if (!Converter.isGguf(target)) {
      throw new ParameterException(
          spec.commandLine(),
          "DST is %s; quantize writes GGUF files, whose names end in .gguf".formatted(target));
    }
    options.run(spec, source, target, type);
  }

  @Override
  public Object command() {
    return new QuantizeCommand();
  }
}
