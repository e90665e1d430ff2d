package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.HuggingFaceFolder;
import llada.diffusion.ForwardProcess;
import llada.diffusion.NoisyBatch;
import llada.format.Json;
import llada.format.Safetensors;
import llada.model.LladaConfig;
import llada.model.TrainablePredictor;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Five steps of AdamW on the published model, as an independent program in float64 made them. */
class AdamWGoldenTest {
  private static final String VECTORS = "golden/training/training.json";

  @ParameterizedTest
  @CsvSource({"0,vector", "1,vector", "0,scalar"})
  void fiveSteps(int which, String backendName) {
    for (Path folder : Golden.checkpointsWith(VECTORS)) {
      fiveSteps(folder, which, backendName);
    }
  }

  private static void fiveSteps(Path folder, int which, String backendName) {
    Json root = Golden.json(folder.resolve(VECTORS));
    Json run = root.get("adamw").get(which);
    boolean all = run.get("weight_decay_on").string().equals("every parameter");
    AdamW.Options options =
        new AdamW.Options(
            run.get("betas").get(0).number(),
            run.get("betas").get(1).number(),
            run.get("eps").number(),
            run.get("weight_decay").number(),
            all,
            run.get("clip").number());
    try (Arena arena = Arena.ofShared();
        Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2)) {
      LladaConfig config = checkpoint.config();
      try (Network network =
          new PredictorNetwork(
              config,
              Weights.copy(config, checkpoint.weightsByName(), arena),
              backend.kernels(),
              4 * 24,
              TrainablePredictor.Options.DEFAULT)) {
        Trained trained = Trained.AllWeights.of(network);
        AdamW adamW = new AdamW(trained.parameters(), options, backend.kernels(), arena);
        for (int s = 0; s < run.get("steps").size(); s++) {
          Json step = run.get("steps").get(s);
          Json batch =
              step.get("batch").value() instanceof String name ? root.get(name) : step.get("batch");
          NoisyBatch noisy = noisy(batch);
          trained.clear();
          double loss = network.lossAndGradients(noisy);
          close(loss, step.get("loss_before").number(), "loss before step " + s);
          double norm = adamW.gradientNorm();
          close(norm, step.get("grad_norm_before_clip").number(), "norm of step " + s);
          close(adamW.clipCoefficient(norm), step.get("clip_coef").number(), "clip of step " + s);
          adamW.step(s + 1, step.get("lr").number(), adamW.clipCoefficient(norm));
          close(network.loss(noisy), step.get("loss_after").number(), "loss after step " + s);
        }
        Map<String, Tensor> weights = HuggingFaceFolder.byName(network.weights());
        weights.forEach((name, tensor) -> checkSums(run.get("final").get(name), tensor, name));
        if (!run.get("final_file").isNull()) {
          Safetensors last =
              Safetensors.open(
                  folder.resolve(VECTORS).resolveSibling(run.get("final_file").string()), arena);
          weights.forEach((name, tensor) -> checkEqual(last.tensor(name), tensor, name));
        }
      }
    }
  }

  private static void close(double found, double wanted, String what) {
    assertThat(found).as(what).isCloseTo(wanted, within(2e-5 * Math.abs(wanted)));
  }

  // Five steps of at most the learning rate each; a gradient near zero may turn its sign.
  private static void checkEqual(Tensor wanted, Tensor found, String name) {
    double worst = 0;
    for (long i = 0; i < found.shape().elements(); i++) {
      worst = Math.max(worst, Math.abs(found.get(i) - wanted.get(i)));
    }
    assertThat(worst).as(name).isLessThan(1e-4);
  }

  private static void checkSums(Json wanted, Tensor found, String name) {
    double sum = 0;
    double square = 0;
    for (float value : found.toArray()) {
      sum += value;
      square += (double) value * value;
    }
    assertThat(sum)
        .as(name)
        .isCloseTo(wanted.get("sum").number(), within(1e-6 * found.shape().elements()));
    close(Math.sqrt(square), wanted.get("l2").number(), name);
    for (int i = 0; i < wanted.get("first").size(); i++) {
      assertThat((double) found.get(i))
          .as(name)
          .isCloseTo(wanted.get("first").get(i).number(), within(1e-5));
    }
  }

  private static NoisyBatch noisy(Json batch) {
    Json prompts = batch.get("prompt_lengths");
    float[][] u =
        batch.get("u").list().stream().map(AdamWGoldenTest::floats).toArray(float[][]::new);
    return ForwardProcess.llada((int) batch.get("mask_id").integer())
        .noise(
            Golden.ints(batch.get("input_ids")),
            prompts.isNull()
                ? null
                : prompts.list().stream().mapToInt(p -> (int) p.integer()).toArray(),
            floats(batch.get("t")),
            u);
  }

  private static float[] floats(Json json) {
    float[] values = new float[json.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) json.get(i).number();
    }
    return values;
  }

  @Test
  void truncatedLoss() {
    Golden.checkpointsWith(VECTORS).forEach(AdamWGoldenTest::truncatedLoss);
  }

  private static void truncatedLoss(Path folder) {
    Json root = Golden.json(folder.resolve(VECTORS));
    Json json = root.get("pretrain");
    int length = (int) root.get("pretrain_truncated").get("random_length").integer();
    int[][] x0 = Golden.ints(json.get("input_ids"));
    for (int b = 0; b < x0.length; b++) {
      x0[b] = Arrays.copyOf(x0[b], length);
    }
    float[][] u =
        json.get("u").list().stream().map(AdamWGoldenTest::floats).toArray(float[][]::new);
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose("vector", 2);
        Network network =
            new PredictorNetwork(
                checkpoint.config(),
                checkpoint.weights(),
                backend.kernels(),
                4 * 24,
                TrainablePredictor.Options.DEFAULT)) {
      NoisyBatch noisy =
          ForwardProcess.llada((int) json.get("mask_id").integer())
              .noise(x0, null, floats(json.get("t")), u);
      close(network.loss(noisy), root.get("pretrain_truncated").get("loss").number(), "truncated");
    }
  }

  @Test
  void resultsDoNotDependOnThreads() {
    float[][] results = new float[2][];
    for (int threads = 1; threads <= 2; threads++) {
      try (Arena arena = Arena.ofShared();
          Backend backend = Backends.choose("vector", threads)) {
        SplittableRandom random = new SplittableRandom(1);
        float[] numbers = new float[200_001];
        for (int i = 0; i < numbers.length; i++) {
          numbers[i] = (float) random.nextDouble();
        }
        Parameter parameter =
            new Parameter(
                "x",
                Tensor.of(arena, numbers, numbers.length),
                Tensor.of(arena, numbers, numbers.length));
        AdamW adamW = new AdamW(List.of(parameter), AdamW.Options.LLADA, backend.kernels(), arena);
        for (int s = 1; s <= 3; s++) {
          adamW.step(s, 1e-3, adamW.clipCoefficient(adamW.gradientNorm()));
        }
        results[threads - 1] = parameter.value().toArray();
      }
    }
    assertThat(results[0]).isEqualTo(results[1]);
  }
}
