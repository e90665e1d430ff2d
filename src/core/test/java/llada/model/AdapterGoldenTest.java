package llada.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.PeftAdapter;
import llada.format.Json;
import llada.format.Safetensors;
import llada.kernel.Precision;
import llada.tensor.Tensor;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Adapters that PEFT wrote, beside quantised bases: its logits, and autograd's gradients of A and
 * B, in float64 (adapter_fixture.py).
 */
final class AdapterGoldenTest {
  private static final Path ADAPTERS = Golden.resources().resolve("adapters");

  /**
   * By float32 each gradient; as training does by default, with activations in bytes on the way
   * forward and weights and gradients in bfloat16 on the way back, all together.
   */
  @ParameterizedTest
  @CsvSource({"scalar,EXACT,1e-5", "vector,EXACT,1e-5", "auto,EXACT,1e-5", "auto,WEIGHTS,0.1"})
  void logitsAndGradientsAgree(
      String backendName, Precision precision, double error, TestReporter reporter) {
    Json golden = Golden.json(ADAPTERS.resolve("expected.json"));
    for (Json one : golden.get("cases").list()) {
      try (Arena arena = Arena.ofShared();
          Backend backend = Backends.choose(backendName, 2, precision);
          Checkpoint checkpoint = open(one)) {
        String name = one.get("name").string();
        Safetensors expected = Safetensors.open(ADAPTERS.resolve("expected.safetensors"), arena);
        double logits = logits(checkpoint, backend, golden, expected.tensor(name + ".logits"));
        assertThat(logits).as("%s: logits", name).isLessThan(error);
        double worst = 0;
        double difference = 0;
        double size = 0;
        Map<String, Tensor> found = gradients(checkpoint, backend, golden, one, error, arena);
        assertThat(found).hasSize(name.startsWith("everything") ? 28 : 8);
        for (Map.Entry<String, Tensor> entry : found.entrySet()) {
          Tensor wanted = expected.tensor(name + "." + entry.getKey());
          double off = GradientsGoldenTest.relativeError(entry.getValue(), wanted);
          if (precision == Precision.EXACT) {
            assertThat(off).as("%s %s", name, entry.getKey()).isLessThan(error);
          }
          worst = Math.max(worst, off);
          double norm = norm(wanted);
          difference += off * norm * off * norm;
          size += norm * norm;
        }
        double all = Math.sqrt(difference / size);
        assertThat(all).as("%s: all gradients", name).isLessThan(error);
        reporter.publishEntry(
            "adapters",
            "%s, %s %s: logits off by %.2g, gradients by at most %.2g of their norm, together %.2g"
                .formatted(name, backendName, precision, logits, worst, all));
      }
    }
  }

  private static double norm(Tensor tensor) {
    double sum = 0;
    for (float value : tensor.toArray()) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  private static Checkpoint open(Json one) {
    String file = "gguf/tiny-llada-%s.gguf".formatted(one.get("base").string());
    return Checkpoint.open(
        Golden.resources().resolve(file),
        Optional.of(ADAPTERS.resolve(one.get("adapter").string())));
  }

  private static double logits(
      Checkpoint checkpoint, Backend backend, Json golden, Tensor expected) {
    int[][] xt = Golden.ints(golden.get("xt"));
    int tokens = xt.length * xt[0].length;
    try (Arena arena = Arena.ofShared();
        MaskPredictor predictor =
            new MaskPredictor(
                checkpoint.config(), checkpoint.weights(), backend.kernels(), tokens)) {
      Tensor found = predictor.forward(TokenBatch.of(xt), IntStream.range(0, tokens).toArray());
      Tensor flat = Tensor.of(arena, expected.toArray(), tokens, expected.shape().dim(-1));
      return GradientsGoldenTest.relativeError(found, flat);
    }
  }

  private static Map<String, Tensor> gradients(
      Checkpoint checkpoint, Backend backend, Json golden, Json one, double error, Arena arena) {
    int[][] x0 = Golden.ints(golden.get("x0"));
    int[][] xt = Golden.ints(golden.get("xt"));
    int[][] masked = Golden.ints(golden.get("masked"));
    IntArrayList rows = new IntArrayList();
    IntArrayList targets = new IntArrayList();
    int length = xt[0].length;
    for (int i = 0; i < xt.length * length; i++) {
      if (masked[i / length][i % length] == 1) {
        rows.add(i);
        targets.add(x0[i / length][i % length]);
      }
    }
    double[] weights = new double[rows.size()];
    Arrays.fill(weights, golden.get("weight").number());
    LladaWeights base = checkpoint.weights();
    Gradients gradients = new Gradients(base, arena);
    try (TrainablePredictor predictor =
        new TrainablePredictor(
            checkpoint.config(),
            base,
            backend.kernels(),
            xt.length * length,
            new TrainablePredictor.Options(true, false))) {
      double loss =
          predictor.lossAndGradients(
              TokenBatch.of(xt), rows.toIntArray(), targets.toIntArray(), weights, gradients);
      double wanted = one.get("loss").number();
      assertThat(loss).isCloseTo(wanted, within(error * wanted));
    }
    Map<WeightTable.Row, LowRank> terms = new LinkedHashMap<>();
    for (WeightTable.Row row : base.table()) {
      gradients.tensors().lowRank(row).ifPresent(term -> terms.put(row, term));
    }
    Map<String, Tensor> named =
        new LinkedHashMap<>(PeftAdapter.tensors(terms, base.ropeLayout(), arena));
    named.replaceAll(
        (name, tensor) ->
            name.contains("lora_B") ? scaled(tensor, scale(one, name, tensor), arena) : tensor);
    return named;
  }

  /** The network has s B in the place of B: the gradient of B is s times as large. */
  private static Tensor scaled(Tensor tensor, double scale, Arena arena) {
    float[] values = tensor.toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] *= (float) scale;
    }
    return Tensor.of(arena, values, tensor.shape().toArray());
  }

  /** As adapter_fixture.py sets it. */
  private static double scale(Json one, String name, Tensor b) {
    if (one.get("adapter").string().equals("everything")) {
      return 6 / 4.0;
    }
    return (name.contains("blocks.1.q_proj") ? 2.5 : 5) / Math.sqrt(b.dim(1));
  }
}
