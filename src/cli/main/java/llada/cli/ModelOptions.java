package llada.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import llada.api.DemoModel;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.PeftAdapter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model to use and what computes it; shared by every command that opens one. */
final class ModelOptions {
  private static final String VARIABLE = "LLADA_MODEL";

  @Option(
      names = {"-m", "--model"},
      paramLabel = "PATH",
      converter = ModelPath.class,
      description = {
        "A Hugging Face folder (config.json, tokenizer.json, safetensors), a GGUF file, or"
            + " OWNER/MODEL as llada pull has brought it.",
        "Default: environment variable LLADA_MODEL, else the small model that comes with LLaDA.java."
      })
  private Path model;

  @Mixin private AdapterOption adapter;

  private final CommandContext context;

  ModelOptions(CommandContext context) {
    this.context = context;
  }

  /** Whether it is the model that comes with LLaDA.java, since nothing names another. */
  boolean embedded() {
    return model == null && adapter().isEmpty() && context.variable(VARIABLE).isEmpty();
  }

  /** Whether the command line names a model. */
  boolean given() {
    return model != null;
  }

  /** The path that was given, the one that the adapter names, or the default one. */
  Path path() {
    if (model == null && adapter().isPresent()) {
      String base = PeftAdapter.base(adapter().get());
      if (base.isEmpty() || Files.notExists(Path.of(base))) {
        throw new UsageException(
            "--adapter %s belongs to the model '%s', which is not there; pass --model PATH"
                .formatted(adapter().get(), base));
      }
      return Path.of(base);
    }
    return model != null ? model : usual(context);
  }

  /** The adapter's folder, if one is given. */
  Optional<Path> adapter() {
    return adapter.adapter();
  }

  /** What is opened where the command line names no model. */
  static Path usual(CommandContext context) {
    return context.variable(VARIABLE).map(context::model).orElseGet(DemoModel::file);
  }

  /** Opens the model's files. */
  Checkpoint open() {
    return Checkpoint.open(path(), adapter());
  }
}
