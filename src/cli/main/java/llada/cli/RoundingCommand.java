package llada.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.bench.LogitDistance;
import llada.bench.RoundingCost;
import llada.checkpoint.Checkpoint;
import llada.format.JsonLine;
import llada.format.TextLines;
import llada.kernel.Precision;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What rounding activations costs in accuracy, on the inputs that a diffusion model sees. */
@Command(
    name = "rounding",
    description = {
      "Compare logits with rounded activations to those without (--exact).",
      "Rounding is the machine backend's way with quantised and 16-bit weights. Logits are those",
      "at the masked positions of a text: pieces of it are masked with ratios from 0 to 1.",
      "",
      "With --reference the exact logits are those of another file of the same model, say the one",
      "that was quantised; then both ways are compared with it."
    },
    footer = {
      "  llada bench rounding --text held-out.txt",
      "  llada bench rounding --text held-out.txt -m q4.gguf --reference f32.gguf --json"
    })
final class RoundingCommand implements Callable<Integer> {
  private static final int MAX_TEXT_BYTES = 64 << 20;

  private final CommandContext context;

  @Option(
      names = "--text",
      paramLabel = "FILE",
      required = true,
      description = "UTF-8 text of the kind that the model was trained on.")
  private Path text;

  @Option(
      names = "--reference",
      paramLabel = "PATH",
      description = "The model whose logits are right. Default: the model itself.")
  private Path reference;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "128",
      description = "Of a piece. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--pieces",
      paramLabel = "N",
      defaultValue = "32",
      description = "How many. Default: ${DEFAULT-VALUE}.")
  private int pieces;

  @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Of the masks.")
  private long seed;

  @Option(names = "--bf16", description = "Round float32 and float16 weights, too.")
  private boolean bf16;

  @Option(names = "--threads", paramLabel = "N", description = "Threads that compute.")
  private Integer threads;

  @Option(names = "--json", description = "Write one JSON object instead of the table.")
  private boolean json;

  @Mixin private ModelOptions model;

  RoundingCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (pieces < 1) {
      throw new UsageException("--pieces is " + pieces + "; it must be at least 1");
    }
    int workers = BackendOptions.threads(threads);
    Precision precision = bf16 ? Precision.BF16 : Precision.WEIGHTS;
    try (Checkpoint checkpoint = model.open();
        Checkpoint right = reference == null ? null : Checkpoint.open(reference);
        Backend exact = Backends.choose("auto", workers, Precision.EXACT);
        Backend rounded = Backends.choose("machine", workers, precision)) {
      RoundingCost.Result result =
          RoundingCost.measure(
              checkpoint,
              Optional.ofNullable(right),
              TextLines.read(text, MAX_TEXT_BYTES),
              new RoundingCost.Settings(tokens, pieces, seed),
              exact,
              rounded);
      report(result);
      return ExitCodes.OK;
    }
  }

  private void report(RoundingCost.Result result) {
    PrintStream out = context.console().out();
    if (json) {
      JsonLine.write(
          out,
          members -> {
            if (result.exact().isPresent()) {
              write(members, "exact", result.exact().get());
            }
            write(members, "rounded", result.rounded());
          });
      return;
    }
    out.printf("%d masked positions%n", result.rounded().rows());
    out.printf(
        "%-12s %12s %12s %12s %12s %14s%n",
        "activations", "cosine mean", "cosine min", "KL, nats", "same token", "loss change");
    result.exact().ifPresent(exact -> print(out, "exact", exact));
    print(out, "rounded", result.rounded());
  }

  private static void print(PrintStream out, String name, LogitDistance distance) {
    out.printf(
        "%-12s %12.6f %12.6f %12.2e %10.2f %% %14.5f%n",
        name,
        distance.meanCosine(),
        distance.leastCosine(),
        distance.meanKl(),
        100 * distance.agreement(),
        distance.lossChange());
  }

  private static void write(JsonGenerator json, String name, LogitDistance distance)
      throws IOException {
    json.writeObjectFieldStart(name);
    json.writeNumberField("positions", distance.rows());
    json.writeNumberField("cosine_mean", distance.meanCosine());
    json.writeNumberField("cosine_min", distance.leastCosine());
    json.writeNumberField("kl_nats", distance.meanKl());
    json.writeNumberField("same_token", distance.agreement());
    json.writeNumberField("loss_change", distance.lossChange());
    json.writeEndObject();
  }
}
