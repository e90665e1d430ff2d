package llada.bench;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import llada.backend.Backend;
import llada.diffusion.ForwardProcess;
import llada.model.LladaConfig;
import llada.model.TrainablePredictor;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.train.AdamW;
import llada.train.Network;
import llada.train.PredictorNetwork;
import llada.train.Trained;
import llada.train.Weights;

/** Times whole training steps, from masks to new weights, of one model on random tokens. */
public final class TrainingBench {
  /** Tokens of a sequence. */
  public static final int LENGTH = 256;

  /** The model: 9.01 million weights. */
  public static final LladaConfig CONFIG =
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

  private TrainingBench() {}

  /**
   * What is to be measured.
   *
   * @param batch sequences of a step
   * @param repeats steps that count
   * @param warmup steps before them
   * @param recompute whether to keep fewer activations
   */
  public record Settings(int batch, int repeats, int warmup, boolean recompute) {}

  /**
   * What was measured.
   *
   * @param steps the time of each step that counts
   * @param tokensPerSecond of the median step
   * @param peakRssBytes the most memory that the process had, if the system tells
   */
  public record Result(Timings steps, double tokensPerSecond, OptionalLong peakRssBytes) {}

  /**
   * Measures.
   *
   * @param listener hears what is being done
   */
  public static Result run(Backend backend, Settings settings, Consumer<String> listener) {
    try (Arena arena = Arena.ofShared();
        Network network =
            new PredictorNetwork(
                CONFIG,
                Weights.random(CONFIG, 0, arena),
                backend.kernels(),
                settings.batch() * LENGTH,
                new TrainablePredictor.Options(settings.recompute(), false))) {
      Timings steps = measure(network, backend, arena, settings, listener);
      double speed = settings.batch() * LENGTH / (steps.medianMillis() / 1e3);
      return new Result(steps, speed, ForwardBench.peakRss());
    }
  }

  private static Timings measure(
      Network network, Backend backend, Arena arena, Settings settings, Consumer<String> listener) {
    Timings steps = new Timings();
    Trained trained = Trained.AllWeights.of(network);
    AdamW adamW = new AdamW(trained.parameters(), AdamW.Options.LLADA, backend.kernels(), arena);
    SplittableRandom random = RandomStreams.of(1, Purpose.BENCHMARK);
    ForwardProcess process = ForwardProcess.llada(CONFIG.maskTokenId());
    for (int s = 0; s < settings.warmup() + settings.repeats(); s++) {
      listener.accept("step %d of %d".formatted(s + 1, settings.warmup() + settings.repeats()));
      int[][] x0 = new int[settings.batch()][LENGTH];
      for (int[] row : x0) {
        Arrays.setAll(row, _ -> random.nextInt(CONFIG.maskTokenId()));
      }
      long start = System.nanoTime();
      trained.clear();
      network.lossAndGradients(process.noise(x0, null, random));
      double norm = adamW.gradientNorm();
      adamW.step(s + 1, 1e-4, adamW.clipCoefficient(norm));
      backend.kernels().await();
      if (s >= settings.warmup()) {
        steps.add(System.nanoTime() - start);
      }
    }
    return steps;
  }
}
