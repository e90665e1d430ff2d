package llada.cli;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import llada.format.TextLines;
import llada.hub.Hub;
import llada.hub.ModelName;
import llada.hub.Pull;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Brings a model from a hub. */
@Command(
    name = "pull",
    description = {
      "Bring a model from a hub, checked by its digests, to where --model finds it.",
      "",
      "All of a Hugging Face folder is brought, or those files that --file names. What is there",
      "already is checked and not brought again. A pull that was cut off, by Ctrl-C or the network,",
      "goes on when the same command is given once more; a model's folder appears when it is whole.",
      "Models lie in OWNER/MODEL below the folder of the environment variable LLADA_MODELS, else",
      "below .llada/models of one's home. A proxy is given by LLADA_JAVA_OPTS=-Dhttps.proxyHost=...",
    },
    footer = {
      "  llada pull GSAI-ML/LLaDA-8B-Instruct",
      "  llada generate --model GSAI-ML/LLaDA-8B-Instruct --chat \"Hello\"",
      "  llada pull OWNER/MODEL-GGUF --file '*Q4_K_M.gguf'",
      "  llada pull OWNER/MODEL@v1.1 --token-file token.txt -o my-model"
    })
final class PullCommand implements Callable<Integer> {
  private static final int MAX_TOKEN_BYTES = 1 << 12;

  private final CommandContext context;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "OWNER/MODEL[@REVISION]",
      description = "The model, and a branch, tag or commit of it. Default: main.")
  private String model;

  @Option(
      names = "--file",
      paramLabel = "PATTERN",
      description =
          "Bring the files of this name only, in which * stands for any characters but /; may be"
              + " repeated.")
  private List<String> files = List.of();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "DIR",
      description = "The folder of the model. Default: see above.")
  private Path output;

  @Option(
      names = "--endpoint",
      paramLabel = "URL",
      defaultValue = "https://huggingface.co",
      description = "The hub. Default: ${DEFAULT-VALUE}.")
  private String endpoint;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = "Holds the token of an account, for models that not everybody may read.")
  private Path tokenFile;

  @Option(
      names = {"-q", "--quiet"},
      description = "Show no progress.")
  private boolean quiet;

  PullCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    ModelName name =
        ModelName.of(model)
            .orElseThrow(
                () ->
                    new UsageException(
                        "'%s' is no model of a hub, such as GSAI-ML/LLaDA-8B-Instruct"
                            .formatted(model)));
    Path folder = output != null ? output : context.store().folder(name);
    Optional<String> token =
        Optional.ofNullable(tokenFile).map(f -> TextLines.read(f, MAX_TOKEN_BYTES).strip());
    if (token.isPresent() && !token.get().matches("[!-~]+")) {
      throw new UsageException(
          "--token-file %s holds no token, one word of ASCII characters".formatted(tokenFile));
    }
    try (Hub hub = new Hub(endpoint, token, Duration.ofSeconds(1), Duration.ofMinutes(1))) {
      int brought;
      try (Report report = new Report()) {
        brought = new Pull(hub, name, folder, files).run(report);
      }
      context
          .console()
          .message(
              brought == 0
                  ? "%s is there already, whole and as the hub has it".formatted(name)
                  : "%s: brought and checked %d files".formatted(name, brought));
    }
    context.console().out().println(folder);
    return ExitCodes.OK;
  }

  /** Shows how far it is. */
  private final class Report implements Pull.Listener, AutoCloseable {
    private ProgressLine line; // none while nothing is to come, or nothing to be said

    @Override
    public void begin(long bytes) {
      line = quiet ? null : ProgressLine.of(spec, bytes);
    }

    @Override
    public void accept(long bytes) {
      if (line != null) {
        line.add(bytes);
      }
    }

    @Override
    public void close() {
      if (line != null) {
        line.finish();
      }
    }
  }
}
