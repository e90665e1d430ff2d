package llada.train;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import llada.diffusion.NoisyBatch;
import llada.kernel.Parallel;
import llada.kernel.ScalarKernels;
import llada.kernel.simd.VectorKernels;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.TrainablePredictor;
import llada.tensor.Tensor;

/** Small runs for tests: a tiny network, made-up data. */
final class Runs {
  static final LladaConfig CONFIG =
      new LladaConfig(
          8,
          1,
          2,
          2,
          12,
          20,
          20,
          32,
          10000,
          1e-5,
          false,
          19,
          18,
          18,
          OptionalInt.of(17),
          OptionalInt.of(16));

  private Runs() {}

  static Network network(Arena arena) {
    return new PredictorNetwork(
        CONFIG,
        Weights.random(CONFIG, 1, arena),
        new ScalarKernels(),
        4 * 8,
        TrainablePredictor.Options.DEFAULT);
  }

  /** The same weights with adapters beside them, which alone are trained. */
  static Network adapted(Arena arena, int rank, Set<String> targets) {
    return new PredictorNetwork(
        CONFIG,
        Lora.beside(Weights.random(CONFIG, 1, arena), rank, targets, arena),
        new ScalarKernels(),
        4 * 8,
        new TrainablePredictor.Options(true, false));
  }

  static TrainingConfig config(long steps, double ema) {
    return config(steps, 2, ema, 1e-2);
  }

  static TrainingConfig config(long steps, int batch, double ema, double rate) {
    return new TrainingConfig(
        new TrainingConfig.Task.Pretraining(0.2),
        new TrainingConfig.Extent(steps, batch, 2, 8),
        TrainingConfig.Masking.LLADA,
        new TrainingConfig.Optimizer(
            new LearningRate.WarmupStableDecay(rate, 1e-3, 2, 0.5), AdamW.Options.LLADA, ema),
        new TrainingConfig.HeldOut(0.1, 2),
        new TrainingConfig.Start.GivenModel(Path.of("some-model")),
        7);
  }

  static TrainingData data(Path folder, int tokens, Arena arena) {
    return new PackedText(cache(folder, tokens, arena), 8, 0.1, 0.2, 3);
  }

  static TokenCache cache(Path folder, int tokens, Arena arena) {
    return TokenCache.open(
        folder.resolve("tokens.cache"),
        new byte[32],
        20,
        sink -> {
          int[] ids = new int[tokens];
          for (int i = 0; i < tokens; i++) {
            ids[i] = i * i % 15;
          }
          sink.tokens(ids);
          sink.endDocument(0, 0);
        },
        arena);
  }

  static Trainer trainer(
      Path folder,
      TrainingConfig config,
      Network network,
      Trained trained,
      TrainingData data,
      TrainingListener listener)
      throws IOException {
    return trainer(folder, config, network, trained, data, Processes.ALONE, listener);
  }

  static Trainer trainer(
      Path folder,
      TrainingConfig config,
      Network network,
      Trained trained,
      TrainingData data,
      Processes processes,
      TrainingListener listener)
      throws IOException {
    Path tokenizer = Files.createDirectories(folder.resolve("tokenizer"));
    Files.writeString(tokenizer.resolve("tokenizer.json"), "{}");
    return new Trainer(
        config,
        new Trainer.Schedule(2, 2, 5, 4, 0),
        new Trainer.Learner(CONFIG, network, trained, new VectorKernels(Parallel.SERIAL)),
        data,
        new Trainer.Output(new RunFolder(folder), tokenizer, Map.of("data", "somewhere")),
        processes,
        listener);
  }

  /** The bytes of every file of a checkpoint. */
  static Map<String, List<Byte>> bytes(Path checkpoint) throws IOException {
    Map<String, List<Byte>> all = new HashMap<>();
    try (var files = Files.list(checkpoint)) {
      for (Path file : files.toList()) {
        List<Byte> bytes = new ArrayList<>();
        for (byte b : Files.readAllBytes(file)) {
          bytes.add(b);
        }
        all.put(file.getFileName().toString(), bytes);
      }
    }
    return all;
  }

  /** A network whose loss becomes no number at some call. */
  static final class Broken implements Network {
    private final Network sound;
    private final int call;
    private int calls;

    Broken(Network sound, int call) {
      this.sound = sound;
      this.call = call;
    }

    @Override
    public LladaWeights weights() {
      return sound.weights();
    }

    @Override
    public LladaWeights gradients() {
      return sound.gradients();
    }

    @Override
    public double lossAndGradients(double[] losses, NoisyBatch batch) {
      double loss = sound.lossAndGradients(losses, batch);
      return calls++ == call ? Double.NaN : loss;
    }

    @Override
    public double loss(NoisyBatch batch) {
      return sound.loss(batch);
    }

    @Override
    public void close() {
      sound.close();
    }
  }

  static float[] numbers(Tensor tensor) {
    return tensor.toArray();
  }
}
