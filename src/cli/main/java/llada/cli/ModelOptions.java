package llada.cli;

import java.nio.file.Path;
import llada.api.DemoModel;
import llada.checkpoint.Checkpoint;
import picocli.CommandLine.Option;

/** Which model to use and what computes it; shared by every command that opens one. */
final class ModelOptions {
  private static final String VARIABLE = "LLADA_MODEL";

  @Option(
      names = {"-m", "--model"},
      paramLabel = "PATH",
      description = {
        "A Hugging Face folder (config.json, tokenizer.json, safetensors) or a GGUF file.",
        "Default: environment variable LLADA_MODEL, else the small model that comes with LLaDA.java."
      })
  private Path model;

  /** Whether it is the model that comes with LLaDA.java, since nothing names another. */
  boolean embedded() {
    String wanted = System.getenv(VARIABLE);
    return model == null && (wanted == null || wanted.isBlank());
  }

  /** Whether the command line names a model. */
  boolean given() {
    return model != null;
  }

  /** The path that was given, or the default one. */
  Path path() {
    if (model != null) {
      return model;
    }
    return embedded() ? DemoModel.file() : Path.of(System.getenv(VARIABLE));
  }

  /** Opens the model's files. */
  Checkpoint open() {
    return Checkpoint.open(path());
  }
}
