package llada.cli;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import llada.api.MemoryNeed;
import llada.backend.Backend;
import llada.diffusion.ForwardProcess;
import llada.format.JsonLine;
import llada.kernel.Precision;
import llada.model.LladaConfig;
import llada.model.TrainablePredictor;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.train.AdamW;
import llada.train.Network;
import llada.train.PredictorNetwork;
import llada.train.Trained;
import llada.train.Weights;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

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
  private static final int LENGTH = 256;
  private static final LladaConfig CONFIG =
      new LladaConfig(
          256,
          6,
          8,
          8,
          704,
          8192,
          8192,
          LENGTH,
          10000,
          1e-5,
          false,
          8191,
          8190,
          8190,
          OptionalInt.empty(),
          OptionalInt.empty());

  @ParentCommand private BenchCommand parent;

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

  @Override
  public Integer call() {
    if (batch < 1 || repeat < 1 || warmup < 0) {
      throw new UsageException("--batch and --repeat must be at least 1, --warmup at least 0");
    }
    try (Backend backend = computation.start();
        Arena arena = Arena.ofShared();
        Network network =
            new PredictorNetwork(
                CONFIG,
                Weights.random(CONFIG, 0, arena),
                backend.kernels(),
                batch * LENGTH,
                new TrainablePredictor.Options(recompute, false))) {
      double[] seconds = measure(network, backend, arena);
      write(seconds, backend, ForwardBench.peakRss());
    }
    return ExitCodes.OK;
  }

  private double[] measure(Network network, Backend backend, Arena arena) {
    Trained trained = Trained.AllWeights.of(network);
    AdamW adamW = new AdamW(trained.parameters(), AdamW.Options.LLADA, backend.kernels(), arena);
    SplittableRandom random = RandomStreams.of(1, Purpose.BENCHMARK);
    ForwardProcess process = ForwardProcess.llada(CONFIG.maskTokenId());
    double[] seconds = new double[repeat];
    for (int s = 0; s < warmup + repeat; s++) {
      int[][] x0 = new int[batch][LENGTH];
      for (int[] row : x0) {
        Arrays.setAll(row, _ -> random.nextInt(CONFIG.maskTokenId()));
      }
      long start = System.nanoTime();
      trained.clear();
      network.lossAndGradients(process.noise(x0, null, random));
      double norm = adamW.gradientNorm();
      adamW.step(s + 1, 1e-4, adamW.clipCoefficient(norm));
      backend.kernels().await();
      if (s >= warmup) {
        seconds[s - warmup] = (System.nanoTime() - start) / 1e9;
      }
    }
    Arrays.sort(seconds);
    return seconds;
  }

  /** What is multiplied; weights, gradients and the optimizer's state are float32 in any case. */
  private String dtype() {
    return computation.precision() == Precision.BF16 ? "bfloat16" : "float32";
  }

  private void write(double[] sorted, Backend backend, OptionalLong rss) {
    double median = (sorted[(repeat - 1) / 2] + sorted[repeat / 2]) / 2;
    double speed = batch * LENGTH / median;
    if (!json) {
      parent
          .root()
          .console()
          .out()
          .println(
              String.format(
                  Locale.ROOT,
                  "%s%n%,d weights, batch %d x %d, %s: %,.0f tokens/s, %.0f ms a step, peak memory %s",
                  backend.why(),
                  CONFIG.parameters(),
                  batch,
                  LENGTH,
                  dtype(),
                  speed,
                  1000 * median,
                  rss.isPresent() ? MemoryNeed.text(rss.getAsLong()) : "unknown"));
      return;
    }
    JsonLine.write(
        parent.root().console().out(),
        out -> {
          out.writeStringField("bench", "train");
          out.writeNumberField("tokens_per_second", speed);
          if (rss.isPresent()) {
            out.writeNumberField("peak_rss_mb", rss.getAsLong() / 1e6);
          } else {
            out.writeNullField("peak_rss_mb");
          }
          out.writeStringField("dtype", dtype());
          out.writeNumberField("threads", backend.threads());
          out.writeStringField("backend", backend.name());
          out.writeNumberField("parameters", CONFIG.parameters());
          out.writeNumberField("batch", batch);
          out.writeNumberField("length", LENGTH);
          out.writeNumberField("step_ms", 1000 * median);
          out.writeNumberField("repeat", repeat);
        });
  }
}
