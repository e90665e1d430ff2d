package llada.converter.cli;

import java.nio.file.Path;
import llada.cli.CommandProvider;
import llada.cli.ModelPath;
import llada.converter.Converter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code llada convert}: the command line of {@link Converter}. */
@Command(
    name = "convert",
    description = {
      "Convert a model between Hugging Face folder and GGUF file, with or without quantisation.",
      "",
      "The tokenizer comes along: embedded in a GGUF file, as tokenizer.json and"
          + " tokenizer_config.json in a folder. The target appears under its name when it is"
          + " complete. An adapter is merged into the weights."
    },
    footer = {
      "  llada convert LLaDA-8B-Instruct llada-8b-q4_k_m.gguf --type q4_k_m",
      "  llada convert llada-8b-q8_0.gguf LLaDA-8B --type bf16",
      "  llada convert LLaDA-8B-Instruct tuned.gguf --adapter run/adapter --type q4_k_m"
    })
public final class ConvertCommand implements Runnable, CommandProvider {
  @Parameters(
      converter = ModelPath.class,
      index = "0",
      paramLabel = "SRC",
      description = "A GGUF file or Hugging Face folder.")
  private Path source;

  @Parameters(
      index = "1",
      paramLabel = "DST",
      description = "A new folder, or a file that ends in .gguf; such a file is replaced.")
  private Path target;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description =
          "f32, f16, bf16; for GGUF also q8_0, q4_0, q4_k, q4_k_m, q5_k, q5_k_m, q6_k. q4_k and"
              + " q5_k are one type in all blocks; llama-quantize means q4_k_m and q5_k_m by these"
              + " names. Default: the source's if it is a float type, f32 if it has several, else"
              + " bf16.")
  private String type;

  @Spec private CommandSpec spec;

  @Mixin private ConvertOptions options;

  @Override
  public void run() {
    options.run(spec, source, target, type);
  }

  @Override
  public Object command() {
    return new ConvertCommand();
  }
}
