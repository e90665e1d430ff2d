package llada.cli;

import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import llada.api.MemoryNeed;
import llada.backend.Backend;
import llada.bench.TrainingBench;
import llada.format.JsonLine;
import llada.kernel.Precision;
import llada.model.WeightTable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How fast training is: whole steps, from masks to new weights. */
@Command(
    name = "train",
    description = {
      "Measure training steps of a LLaDA of 9.01 million weights on random tokens.",
      "",
      "256 channels, 6 blocks, 8 heads, 704 feed-forward channels, 8192 tokens, sequences of 256:",
      "a step is masks, loss, gradients, clipping and AdamW. The speed is that of the median step."
    },
    footer = {
      "  llada bench train",
      "  llada bench train --threads 1 --json | jq .tokens_per_second"
    })
final class TrainBench implements Callable<Integer> {
  private final CommandContext context;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "8",
      description = "Sequences of a step. Default: ${DEFAULT-VALUE}.")
  private int batch;

  @Option(
      names = "--repeat",
      paramLabel = "N",
      defaultValue = "10",
      description = "Steps that count. Default: ${DEFAULT-VALUE}.")
  private int repeat;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      defaultValue = "3",
      description = "Steps before them. Default: ${DEFAULT-VALUE}.")
  private int warmup;

  @Option(names = "--recompute", description = "Keep fewer activations.")
  private boolean recompute;

  @Option(names = "--json", description = "Write one JSON object.")
  private boolean json;

  @Mixin private BackendOptions computation;

  TrainBench(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (batch < 1 || repeat < 1 || warmup < 0) {
      throw new UsageException("--batch and --repeat must be at least 1, --warmup at least 0");
    }
    try (Backend backend = computation.start()) {
      TrainingBench.Settings settings =
          new TrainingBench.Settings(batch, repeat, warmup, recompute);
      TrainingBench.Result result;
      try (StatusLine status = new StatusLine(context.console())) {
        result = TrainingBench.run(backend, settings, status::show);
      }
      write(result, backend);
    }
    return ExitCodes.OK;
  }

  /** What is multiplied; weights, gradients and the optimizer's state are float32 in any case. */
  private String dtype() {
    return computation.precision() == Precision.BF16 ? "bfloat16" : "float32";
  }

  private void write(TrainingBench.Result result, Backend backend) {
    double millis = result.steps().medianMillis();
    long parameters = WeightTable.parameters(TrainingBench.CONFIG);
    OptionalLong rss = result.peakRssBytes();
    if (!json) {
      context
          .console()
          .out()
          .println(
              String.format(
                  Locale.ROOT,
                  "%s%n%,d weights, batch %d x %d, %s: %,.0f tokens/s, %.0f ms a step, peak memory %s",
                  backend.why(),
                  parameters,
                  batch,
                  TrainingBench.LENGTH,
                  dtype(),
                  result.tokensPerSecond(),
                  millis,
                  rss.isPresent() ? MemoryNeed.text(rss.getAsLong()) : "unknown"));
      return;
    }
    JsonLine.write(
        context.console().out(),
        out -> {
          out.writeStringField("bench", "train");
          out.writeNumberField("tokens_per_second", result.tokensPerSecond());
          if (rss.isPresent()) {
            out.writeNumberField("peak_rss_mb", rss.getAsLong() / 1e6);
          } else {
            out.writeNullField("peak_rss_mb");
          }
          out.writeStringField("dtype", dtype());
          out.writeNumberField("threads", backend.threads());
          out.writeStringField("backend", backend.name());
          out.writeNumberField("parameters", parameters);
          out.writeNumberField("batch", batch);
          out.writeNumberField("length", TrainingBench.LENGTH);
          out.writeNumberField("step_ms", millis);
          out.writeNumberField("repeat", repeat);
        });
  }
}
