package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.Golden;
import llada.GoldenFolders;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.format.Json;
import llada.format.Safetensors;
import llada.format.TensorEntry;
import llada.kernel.Numbers;
import llada.kernel.Precision;
import llada.kernel.scalar.AttentionMask;
import llada.model.AttentionConfig;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;
import llada.model.Probe;
import llada.model.Sight;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Logits and intermediate values of the family's models, against the published modelling code in
 * float32 and an independent program in float64; from folders and from GGUF files.
 */
final class FamilyGoldenTest {
  /** Of a logit or an activation, as the vectors' own notes state it. */
  private static final double TOLERANCE = 2e-4;

  /** Names that differ between the vectors and {@link Probe}. */
  private static final Map<String, String> NAMES =
      Map.of("mlp_norm", "ff_norm", "mlp_out", "ff_out");

  @AfterAll
  static void everyFileWasCompared() {
    GoldenFolders.requireAll(FamilyGoldenTest.class);
  }

  static Stream<Arguments> everyCheckpointOnEveryBackend() {
    return GoldenFolders.checkpoints().stream()
        .flatMap(c -> Stream.of("scalar", "vector", "auto").map(b -> Arguments.of(c, b)));
  }

  @ParameterizedTest
  @MethodSource("everyCheckpointOnEveryBackend")
  void logitsAgree(Path folder, String backend, TestReporter reporter) {
    logitsAgree(folder, folder, backend, reporter);
  }

  static Stream<Arguments> everyGgufFileOnEveryBackend() {
    List<Path> files =
        GoldenFolders.checkpoints().stream()
            .flatMap(folder -> GoldenFolders.files(folder, "*.gguf").stream())
            .toList();
    return GoldenFolders.need(files, "GGUF file")
        .flatMap(file -> Stream.of("scalar", "vector", "auto").map(b -> Arguments.of(file, b)));
  }

  @ParameterizedTest
  @MethodSource("everyGgufFileOnEveryBackend")
  void logitsOfGgufFilesAgree(Path file, String backend, TestReporter reporter) {
    logitsAgree(file, file.getParent(), backend, reporter);
    GoldenFolders.compared(file);
  }

  private static void logitsAgree(
      Path model, Path folder, String backendName, TestReporter reporter) {
    Path list = folder.resolve("golden/logits.json");
    try (Checkpoint checkpoint = Checkpoint.open(model);
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT);
        Arena arena = Arena.ofShared()) {
      Map<String, Tensor> expected = new HashMap<>();
      for (Path file : GoldenFolders.files(folder, "golden/logits.*.safetensors")) {
        expected.putAll(all(file, arena));
      }
      Set<String> compared = new HashSet<>();
      for (Json golden : Golden.json(list).get("cases").list()) {
        int[][] ids = Golden.ints(golden.get("input_ids"));
        Json attention = golden.get("attention");
        boolean[][] visible = Golden.mask(attention.get("attention_mask"));
        LladaConfig config = checkpoint.config().withBlock(block(attention));
        int rows = ids.length * ids[0].length;
        boolean added = attention.get("kind").string().equals("published_bias");
        TokenBatch batch =
            new TokenBatch(
                ids, visible, Optional.of(new Sight(block(attention), true)).filter(_ -> added));
        try (MaskPredictor predictor =
            new MaskPredictor(config, checkpoint.weights(), backend.kernels(), rows)) {
          Tensor logits = predictor.forward(batch, IntStream.range(0, rows).toArray());
          for (String key : List.of("tensor_f32", "tensor_f64", "logits")) {
            if (golden.get(key).isNull()) {
              continue;
            }
            String name = golden.get(key).string();
            Tensor wanted = expected.get(name);
            Tensor found = Numbers.copy(arena, logits);
            for (int row = 0; row < rows; row++) { // what a row of padding gives means nothing
              if (visible != null && !visible[row / ids[0].length][row % ids[0].length]) {
                for (long i = row * (long) config.embeddingSize(), n = 0;
                    n < config.embeddingSize();
                    i++, n++) {
                  found.set(i, wanted.get(i));
                }
              }
            }
            assertThat(found.shape().elements()).isEqualTo(wanted.shape().elements());
            double worst = Numbers.largestDifference(found, wanted);
            String what =
                "%s, %s, %s: largest error of a logit %.3g"
                    .formatted(model, name, backendName, worst);
            reporter.publishEntry("logits", what);
            assertThat(worst).as(what).isLessThanOrEqualTo(TOLERANCE);
            compared.add(name);
          }
        }
      }
      assertThat(compared).isEqualTo(expected.keySet());
      GoldenFolders.files(folder, "golden/logits.*").forEach(GoldenFolders::compared);
    }
  }

  private static Map<String, Tensor> all(Path file, Arena arena) {
    return new HashMap<>(Safetensors.open(file, arena).tensors());
  }

  private static int block(Json attention) {
    return switch (attention.get("kind").string()) {
      case "full", "padding" -> AttentionConfig.FULL;
      case "causal" -> AttentionConfig.CAUSAL;
      case "block_causal", "published_bias" ->
          attention.get("block_length").integer(1, Integer.MAX_VALUE);
      default -> throw new AssertionError("attention of " + attention.value());
    };
  }

  /** What a forward pass shows, under the names of the vectors. */
  private static final class Seen implements Probe {
    private final Map<String, float[]> values = new HashMap<>();
    private final Map<String, int[]> experts = new HashMap<>();

    private static String key(int layer, String name) {
      return layer < 0 ? name : "layers.%d.%s".formatted(layer, name);
    }

    @Override
    public void see(int layer, String name, Tensor value) {
      values.put(key(layer, name), value.toArray());
    }

    @Override
    public void routed(int layer, int[] chosen, float[] weights) {
      experts.put(key(layer, "router_idx"), chosen.clone());
      values.put(key(layer, "router_weight"), weights.clone());
    }
  }

  @ParameterizedTest
  @MethodSource("everyCheckpointOnEveryBackend")
  void activationsAgree(Path folder, String backendName, TestReporter reporter) {
    Golden.need(folder, "golden/activations.json");
    Json golden = Golden.json(folder.resolve("golden/activations.json"));
    int[] ids = integers(golden.get("input_ids"));
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT);
        Arena arena = Arena.ofShared()) {
      Path file = folder.resolve("golden/activations.f32.safetensors");
      Safetensors expected = Safetensors.open(file, arena);
      LladaConfig config = checkpoint.config().withBlock(block(golden.get("attention")));
      Seen seen = new Seen();
      try (MaskPredictor predictor =
          new MaskPredictor(config, checkpoint.weights(), backend.kernels(), ids.length)) {
        predictor.forward(TokenBatch.of(ids), IntStream.range(0, ids.length).toArray(), seen);
      }
      for (String key : expected.entries().keySet()) {
        String name = key.replaceFirst("^f32[.]", "");
        String last = name.substring(name.lastIndexOf('.') + 1);
        if (last.equals("router_idx")) {
          assertThat(seen.experts.get(name))
              .as(key)
              .isEqualTo(integers(file, key, expected.entries().get(key)));
          continue;
        }
        name = name.replace(last, NAMES.getOrDefault(last, last));
        float[] found = seen.values.get(name);
        assertThat(found).as("%s: %s", folder, name).isNotNull();
        if (last.equals("q_rope") || last.equals("k_rope")) {
          int heads = last.equals("q_rope") ? config.nHeads() : config.nKvHeads();
          found = headsFirst(found, ids.length, heads, config.headDim());
        }
        Tensor wanted = expected.tensor(key);
        double worst =
            Numbers.largestDifference(Tensor.of(arena, found, wanted.shape().toArray()), wanted);
        String what = "%s, %s, %s: largest error %.3g".formatted(folder, key, backendName, worst);
        reporter.publishEntry("activations", what);
        assertThat(worst).as(what).isLessThanOrEqualTo(TOLERANCE);
      }
      assertThat(expected.entries().size()).isEqualTo(golden.get("tensors").map().size());
      GoldenFolders.files(folder, "golden/activations.*").forEach(GoldenFolders::compared);
    }
  }

  private static int[] integers(Json list) {
    return list.list().stream().mapToInt(j -> (int) j.integer()).toArray();
  }

  /** An I32 tensor, which cannot serve as weights, so that nothing else reads it. */
  private static int[] integers(Path file, String name, TensorEntry entry) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
      assertThat(entry.type()).as(name).isEqualTo("I32");
      int[] values = new int[(int) entry.shape().elements()];
      bytes.position(Math.toIntExact(Long.BYTES + bytes.getLong(0) + entry.begin()));
      bytes.asIntBuffer().get(values);
      return values;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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

  @Test
  void everyQuerySeesTheKeysOfItsBlockAndThoseBefore() {
    for (Path set : GoldenFolders.sets()) {
      for (Path file : GoldenFolders.files(set, "block_causal_masks.json")) {
        for (Json golden : Golden.json(file).get("cases").list()) {
          int length = golden.get("total_length").integer(1, 1 << 20);
          int block = golden.get("block_length").integer(1, 1 << 20);
          AttentionMask mask = AttentionMask.blocks(null, 1, length, block);
          assertThat(IntStream.range(0, length).map(row -> mask.reach(row, length)).toArray())
              .as(golden.where())
              .isEqualTo(integers(golden.get("visible_keys")));
        }
        GoldenFolders.compared(file);
      }
    }
  }
}
