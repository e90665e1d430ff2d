package llada.model;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.format.Json;
import llada.format.Safetensors;
import llada.kernel.Numbers;
import llada.kernel.Precision;
import llada.kernel.scalar.Attention;
import llada.kernel.scalar.AttentionMask;
import llada.tensor.Tensor;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Logits and every intermediate value, against the published modelling code in float32 and float64.
 */
final class MaskPredictorGoldenTest {
  /**
   * The golden set, and shapes that the repository's copy of it lacks (see variant_checkpoints.py).
   */
  static Stream<Arguments> everyCheckpointOnEveryBackend() {
    return Stream.concat(
            Golden.checkpoints().stream(),
            Golden.checkpoints(Golden.resources().resolve("variants")).stream())
        .flatMap(c -> Stream.of("scalar", "vector", "auto").map(b -> Arguments.of(c, b)));
  }

  /**
   * Sums run over K terms, and errors of one layer pass through the next: about K roundings for
   * each of the L layers and the head, relative to the largest value.
   */
  static double tolerance(LladaConfig config, double largest) {
    int k = Math.max(config.dModel(), config.mlpHiddenSize());
    return 2.0 * k * (config.nLayers() + 1) * Numbers.EPSILON * Math.max(1, largest);
  }

  @ParameterizedTest
  @MethodSource("everyCheckpointOnEveryBackend")
  void logitsAgree(Path folder, String backendName, TestReporter reporter) {
    Golden.need(folder, "golden/logits.json");
    Path list = folder.resolve("golden/logits.json");
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT);
        Arena arena = Arena.ofShared()) {
      Safetensors expected = Safetensors.open(folder.resolve("golden/logits.safetensors"), arena);
      for (Json golden : Golden.json(list).get("cases").list()) {
        int[][] ids = Golden.ints(golden.get("input_ids"));
        boolean[][] visible = Golden.mask(golden.get("attention_mask"));
        int rows = ids.length * ids[0].length;
        try (MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), rows)) {
          Tensor logits =
              predictor.forward(new TokenBatch(ids, visible), IntStream.range(0, rows).toArray());
          for (String precision : List.of("tensor_f32", "tensor_f64")) {
            Tensor wanted = expected.tensor(golden.get(precision).string());
            Tensor found = countedRows(logits, wanted, visible, arena);
            double worst = Numbers.largestDifference(found, wanted);
            String what =
                "%s, %s, %s: largest error of a logit %.3g"
                    .formatted(golden.where(), golden.get(precision).string(), backendName, worst);
            reporter.publishEntry("logits", what);
            assertThat(worst)
                .as(what)
                .isLessThanOrEqualTo(tolerance(checkpoint.config(), Numbers.largest(wanted)));
          }
        }
      }
    }
  }

  /**
   * Logits, but those wanted in rows of padding: nobody reads what comes out there, and its
   * positions, which the published code counts from the first of all, are before our first.
   */
  private static Tensor countedRows(
      Tensor logits, Tensor wanted, boolean[][] visible, Arena arena) {
    Tensor found = Numbers.copy(arena, logits);
    int columns = logits.dim(1);
    for (int row = 0; visible != null && row < logits.dim(0); row++) {
      if (!visible[row / visible[0].length][row % visible[0].length]) {
        for (long i = (long) row * columns; i < (row + 1L) * columns; i++) {
          found.set(i, wanted.get(i));
        }
      }
    }
    return found;
  }

  private record Seen(int layer, String name, float[] values) {}

  @ParameterizedTest
  @MethodSource("everyCheckpointOnEveryBackend")
  void activationsAgree(Path folder, String backendName, TestReporter reporter) {
    Golden.need(folder, "golden/activations.json");
    Path list = folder.resolve("golden/activations.json");
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT);
        Arena arena = Arena.ofShared()) {
      LladaConfig config = checkpoint.config();
      Safetensors expected =
          Safetensors.open(folder.resolve("golden/activations.safetensors"), arena);
      int[] ids =
          Golden.json(list).get("input_ids").list().stream()
              .mapToInt(j -> (int) j.integer())
              .toArray();
      List<Seen> seen = new ArrayList<>();
      try (MaskPredictor predictor =
          new MaskPredictor(config, checkpoint.weights(), backend.kernels(), ids.length)) {
        predictor.forward(
            TokenBatch.of(ids),
            IntStream.range(0, ids.length).toArray(),
            (layer, name, value) -> seen.add(new Seen(layer, name, value.toArray())));
      }
      int compared = 0;
      for (String key : expected.tensors().keySet()) {
        Tensor wanted = expected.tensor(key);
        float[] found = find(seen, key.substring(4), config, ids.length, arena);
        float[] target = wanted.toArray();
        assertThat(found).as(key).hasSameSizeAs(target);
        double worst = 0;
        for (int i = 0; i < found.length; i++) {
          worst = Math.max(worst, Math.abs((double) found[i] - target[i]));
        }
        reporter.publishEntry(
            "activations", "%s, %s: largest error %.3g".formatted(key, backendName, worst));
        assertThat(worst)
            .as("%s: largest error %.3g", key, worst)
            .isLessThanOrEqualTo(tolerance(config, Numbers.largest(wanted)));
        compared++;
      }
      assertThat(compared).isPositive();
    }
  }

  /**
   * The value of that name, laid out as the golden file has it: heads first where there are heads.
   */
  private static float[] find(
      List<Seen> seen, String name, LladaConfig config, int t, Arena arena) {
    int layer = -1;
    String part = name;
    if (name.startsWith("blocks.")) {
      layer = Integer.parseInt(name.split("\\.")[1]);
      part = name.split("\\.")[2];
    }
    if (part.equals("attn_prob")) {
      return probabilities(
          value(seen, layer, "q_rope"), value(seen, layer, "k_rope"), config, t, arena);
    }
    float[] values = value(seen, layer, part);
    return switch (part) {
      case "q_rope" -> headsFirst(values, t, config.nHeads(), config.headDim());
      case "k_rope" -> headsFirst(values, t, config.nKvHeads(), config.headDim());
      default -> values;
    };
  }

  private static float[] value(List<Seen> seen, int layer, String name) {
    return seen.stream()
        .filter(s -> s.layer == layer && s.name.equals(name))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no value " + name + " of layer " + layer))
        .values;
  }

  private static float[] headsFirst(float[] values, int t, int heads, int d) {
    float[] moved = new float[values.length];
    for (int i = 0; i < t; i++) {
      for (int h = 0; h < heads; h++) {
        System.arraycopy(values, (i * heads + h) * d, moved, (h * t + i) * d, d);
      }
    }
    return moved;
  }

  private static float[] probabilities(
      float[] q, float[] k, LladaConfig config, int t, Arena arena) {
    Tensor queries = Tensor.of(arena, q, t, config.dModel());
    Tensor keys = Tensor.of(arena, k, t, config.kvChannels());
    int d = config.headDim();
    float[] all = new float[config.nHeads() * t * t];
    float[] p = new float[t];
    for (int h = 0; h < config.nHeads(); h++) {
      for (int i = 0; i < t; i++) {
        Attention.probabilities(
            p,
            i,
            queries,
            (long) i * config.dModel() + h * d,
            keys,
            AttentionMask.FULL,
            0,
            config.nKvHeads(),
            h / (config.nHeads() / config.nKvHeads()),
            d);
        System.arraycopy(p, 0, all, (h * t + i) * t, t);
      }
    }
    return all;
  }
}
