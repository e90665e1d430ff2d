package llada.model;

import static org.assertj.core.api.Assertions.assertThat;

import it.unimi.dsi.fastutil.doubles.DoubleArrayList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.nio.file.Path;
import java.util.Arrays;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.format.Json;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Losses of pre-training and fine-tuning against those of the published recipe in float64. */
final class MaskedCrossEntropyGoldenTest {
  private static final String VECTORS = "golden/training/training.json";

  @ParameterizedTest
  @CsvSource({"pretrain,vector", "pretrain,scalar", "sft,vector", "sft,scalar"})
  void lossAgrees(String kind, String backendName, TestReporter reporter) {
    for (Path folder : Golden.checkpointsWith(VECTORS)) {
      lossAgrees(folder, kind, backendName, reporter);
    }
  }

  private static void lossAgrees(
      Path folder, String kind, String backendName, TestReporter reporter) {
    Json golden = Golden.json(folder.resolve(VECTORS)).get(kind);
    int[][] x0 = Golden.ints(golden.get("input_ids"));
    int[][] masked = Golden.ints(golden.get("masked"));
    int length = x0[0].length;
    IntArrayList rows = new IntArrayList();
    IntArrayList targets = new IntArrayList();
    DoubleArrayList weights = new DoubleArrayList();
    for (int b = 0; b < x0.length; b++) {
      double pMask = golden.get("p_mask").get(b).number();
      // Per token of the batch, or of the answer: sum of CE / p_mask / (B T), or / answer / B.
      double tokens = kind.equals("sft") ? golden.get("answer_lengths").get(b).number() : length;
      for (int t = 0; t < length; t++) {
        if (masked[b][t] == 1) {
          rows.add(b * length + t);
          targets.add(x0[b][t]);
          weights.add(1 / (pMask * tokens * x0.length));
        }
      }
    }
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2);
        MaskPredictor predictor =
            new MaskPredictor(
                checkpoint.config(), checkpoint.weights(), backend.kernels(), x0.length * length)) {
      double[] losses = new double[rows.size()];
      backend
          .kernels()
          .maskedCrossEntropy(
              losses,
              predictor.forward(TokenBatch.of(Golden.ints(golden.get("noisy"))), rows.toIntArray()),
              targets.toIntArray(),
              weights.toDoubleArray());
      assertThat(rows.size()).isEqualTo((int) golden.get("masked_count").integer());
      double loss = Arrays.stream(losses).sum();
      double wanted = golden.get("loss").number();
      // Logits are within 2e-5 of the published ones, and a loss moves by at most twice that
      // for each unit of weight.
      double bound = 2 * 2e-5 * weights.doubleStream().sum();
      reporter.publishEntry(
          "loss", "%s, %s: error %.3g".formatted(kind, backendName, loss - wanted));
      assertThat(Math.abs(loss - wanted))
          .as("loss %s, published %s", loss, wanted)
          .isLessThanOrEqualTo(bound);
    }
  }
}
