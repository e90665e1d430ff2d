package llada.model;

import static org.assertj.core.api.Assertions.assertThat;

import it.unimi.dsi.fastutil.doubles.DoubleArrayList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.format.Json;
import llada.format.Safetensors;
import llada.kernel.Precision;
import llada.tensor.Tensor;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every gradient of the published recipe, in float64, for pre-training and fine-tuning. */
final class GradientsGoldenTest {
  /** A noisy batch, and what is to be predicted where. */
  record Batch(int[][] noisy, int[] rows, int[] targets, double[] weights) {
    /**
     * The batch of a golden case, cut after {@code length} tokens.
     *
     * <p>Weights make the sum of CE / p_mask / (B T), or / answer length / B in fine-tuning.
     */
    static Batch of(Json golden, int length) {
      int[][] x0 = Golden.ints(golden.get("input_ids"));
      int[][] masked = Golden.ints(golden.get("masked"));
      IntArrayList rows = new IntArrayList();
      IntArrayList targets = new IntArrayList();
      DoubleArrayList weights = new DoubleArrayList();
      int[][] noisy = Golden.ints(golden.get("noisy"));
      for (int b = 0; b < x0.length; b++) {
        noisy[b] = Arrays.copyOf(noisy[b], length);
        double tokens =
            golden.map().containsKey("answer_lengths")
                ? golden.get("answer_lengths").get(b).number()
                : length;
        for (int t = 0; t < length; t++) {
          if (masked[b][t] == 1) {
            rows.add(b * length + t);
            targets.add(x0[b][t]);
            weights.add(1 / (golden.get("p_mask").get(b).number() * tokens * x0.length));
          }
        }
      }
      return new Batch(noisy, rows.toIntArray(), targets.toIntArray(), weights.toDoubleArray());
    }

    int tokens() {
      return noisy.length * noisy[0].length;
    }
  }

  private static final String VECTORS = "golden/training/training.json";

  @ParameterizedTest
  @CsvSource({
    "pretrain,scalar,false",
    "pretrain,vector,false",
    "pretrain,vector,true",
    "pretrain,auto,false",
    "sft,scalar,true",
    "sft,vector,false",
    "sft,auto,true"
  })
  void gradientsAgree(String kind, String backendName, boolean recompute, TestReporter reporter) {
    for (Path folder : Golden.checkpointsWith(VECTORS)) {
      gradientsAgree(folder, kind, backendName, recompute, reporter);
    }
  }

  private static void gradientsAgree(
      Path folder, String kind, String backendName, boolean recompute, TestReporter reporter) {
    Json golden = Golden.json(folder.resolve(VECTORS)).get(kind);
    Batch batch = Batch.of(golden, golden.get("input_ids").get(0).list().size());
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT);
        Arena arena = Arena.ofShared();
        TrainablePredictor predictor =
            new TrainablePredictor(
                checkpoint.config(),
                checkpoint.weights(),
                backend.kernels(),
                batch.tokens(),
                new TrainablePredictor.Options(recompute, false))) {
      Gradients gradients = new Gradients(checkpoint.weights(), arena);
      double loss =
          predictor.lossAndGradients(
              TokenBatch.of(batch.noisy), batch.rows, batch.targets, batch.weights, gradients);
      assertThat(batch.rows).hasSize((int) golden.get("masked_count").integer());
      double wantedLoss = golden.get("loss").number();
      assertThat(Math.abs(loss / wantedLoss - 1)).as("loss %s", loss).isLessThan(1e-6);
      assertThat(
              Math.abs(
                  predictor.loss(
                          TokenBatch.of(batch.noisy), batch.rows, batch.targets, batch.weights)
                      - loss))
          .isLessThan(1e-6 * loss);
      Safetensors expected =
          Safetensors.open(
              folder.resolve(VECTORS).resolveSibling(golden.get("grads_file").string()), arena);
      Map<String, Tensor> found = named(gradients.tensors());
      assertThat(found.keySet()).containsExactlyInAnyOrderElementsOf(expected.tensors().keySet());
      double worst = 0;
      for (Map.Entry<String, Tensor> entry : found.entrySet()) {
        double error = relativeError(entry.getValue(), expected.tensor(entry.getKey()));
        worst = Math.max(worst, error);
        // A hundred roundings or so of numbers no larger than the tensor's largest gradients.
        assertThat(error).as(entry.getKey()).isLessThan(1e-5);
      }
      reporter.publishEntry(
          "gradients",
          "%s, %s: loss off by %.2g, gradients by at most %.2g of their norm"
              .formatted(kind, backendName, loss / wantedLoss - 1, worst));
    }
  }

  /**
   * With both operands of every product rounded to bfloat16: each has an error of up to 2^-9, which
   * some thirty products in a row carry on.
   */
  @ParameterizedTest
  @CsvSource({"pretrain", "sft"})
  void bfloat16GradientsAreNear(String kind, TestReporter reporter) {
    for (Path folder : Golden.checkpointsWith(VECTORS)) {
      bfloat16GradientsAreNear(folder, kind, reporter);
    }
  }

  private static void bfloat16GradientsAreNear(Path folder, String kind, TestReporter reporter) {
    Json golden = Golden.json(folder.resolve(VECTORS)).get(kind);
    Batch batch = Batch.of(golden, golden.get("input_ids").get(0).list().size());
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose("auto", 2, Precision.BF16);
        Arena arena = Arena.ofShared();
        TrainablePredictor predictor =
            new TrainablePredictor(
                checkpoint.config(),
                checkpoint.weights(),
                backend.kernels(),
                batch.tokens(),
                TrainablePredictor.Options.DEFAULT)) {
      Gradients gradients = new Gradients(checkpoint.weights(), arena);
      double loss =
          predictor.lossAndGradients(
              TokenBatch.of(batch.noisy), batch.rows, batch.targets, batch.weights, gradients);
      double lossError = Math.abs(loss / golden.get("loss").number() - 1);
      Safetensors expected =
          Safetensors.open(
              folder.resolve(VECTORS).resolveSibling(golden.get("grads_file").string()), arena);
      double worst = 0;
      for (Map.Entry<String, Tensor> entry : named(gradients.tensors()).entrySet()) {
        worst = Math.max(worst, relativeError(entry.getValue(), expected.tensor(entry.getKey())));
      }
      reporter.publishEntry(
          "bfloat16",
          "%s: loss off by %.2g, gradients by at most %.2g of their norm"
              .formatted(kind, lossError, worst));
      assertThat(lossError).isLessThan(0x1p-7);
      assertThat(worst).isLessThan(30 * 0x1p-9);
    }
  }

  /** The first tokens of each sequence alone: the paper's sequences of random length. */
  @ParameterizedTest
  @CsvSource({"scalar", "vector", "auto"})
  void truncatedLossAgrees(String backendName) {
    for (Path folder : Golden.checkpointsWith(VECTORS)) {
      truncatedLossAgrees(folder, backendName);
    }
  }

  private static void truncatedLossAgrees(Path folder, String backendName) {
    Json all = Golden.json(folder.resolve(VECTORS));
    Json golden = all.get("pretrain_truncated");
    Batch batch = Batch.of(all.get("pretrain"), (int) golden.get("random_length").integer());
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT);
        Arena arena = Arena.ofShared();
        TrainablePredictor predictor =
            new TrainablePredictor(
                checkpoint.config(),
                checkpoint.weights(),
                backend.kernels(),
                batch.tokens() + 7,
                TrainablePredictor.Options.DEFAULT)) {
      double loss =
          predictor.lossAndGradients(
              TokenBatch.of(batch.noisy),
              batch.rows,
              batch.targets,
              batch.weights,
              new Gradients(checkpoint.weights(), arena));
      assertThat(batch.rows).hasSize((int) golden.get("masked_count").integer());
      assertThat(Math.abs(loss / golden.get("loss").number() - 1)).isLessThan(1e-6);
    }
  }

  /** |found - wanted| / |wanted|, as vectors. */
  static double relativeError(Tensor found, Tensor wanted) {
    double difference = 0;
    double size = 0;
    for (long i = 0; i < wanted.shape().elements(); i++) {
      difference += Math.pow((double) found.get(i) - wanted.get(i), 2);
      size += Math.pow(wanted.get(i), 2);
    }
    return Math.sqrt(difference / size);
  }

  /** Tensors by Hugging Face name. */
  static Map<String, Tensor> named(LladaWeights w) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    all.put("model.transformer.wte.weight", w.embedding());
    all.put("model.transformer.ln_f.weight", w.finalNorm());
    if (!w.tied()) {
      all.put("model.transformer.ff_out.weight", w.head());
    }
    for (int layer = 0; layer < w.blocks().size(); layer++) {
      BlockWeights b = w.blocks().get(layer);
      String prefix = "model.transformer.blocks." + layer + ".";
      all.put(prefix + "attn_norm.weight", b.attnNorm());
      all.put(prefix + "q_proj.weight", b.qProj());
      all.put(prefix + "k_proj.weight", b.kProj());
      all.put(prefix + "v_proj.weight", b.vProj());
      all.put(prefix + "attn_out.weight", b.attnOut());
      all.put(prefix + "ff_norm.weight", b.ffNorm());
      all.put(prefix + "ff_proj.weight", b.ffProj());
      all.put(prefix + "up_proj.weight", b.upProj());
      all.put(prefix + "ff_out.weight", b.ffOut());
    }
    return all;
  }
}
