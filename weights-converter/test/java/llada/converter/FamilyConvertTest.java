package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import llada.GoldenFolders;
import llada.api.Setup;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.format.Gguf;
import llada.format.Json;
import llada.kernel.ScalarKernels;
import llada.model.Architecture;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The family's models go there and back between folders and GGUF files. */
class FamilyConvertTest {
  /** Of ours and of the published converter's keys, those that only one of them writes. */
  private static final Set<String> ONLY_ONE =
      Set.of("general.name", "general.size_label", "llada-moe.feed_forward_length");

  @TempDir Path temp;

  private Path source(Architecture architecture) throws IOException {
    Path golden = GoldenFolders.example(architecture);
    if (Files.exists(golden.resolve("tokenizer.json"))) {
      return golden;
    }
    // The vectors of LLaMA have no tokenizer, which a GGUF file needs: any does.
    Path folder = Files.createDirectory(temp.resolve("source"));
    for (String name : List.of("config.json", "model.safetensors")) {
      Files.copy(golden.resolve(name), folder.resolve(name));
    }
    Files.copy(
        GoldenFolders.example(Architecture.LLADA2).resolve("tokenizer.json"),
        folder.resolve("tokenizer.json"));
    return folder;
  }

  private static float[] logits(Path model) {
    int[] ids = {7, 300, 41, 12, 300, 99, 1, 250, 33};
    try (Checkpoint checkpoint = Checkpoint.open(model);
        MaskPredictor predictor =
            new MaskPredictor(
                checkpoint.config().withBlock(4),
                checkpoint.weights(),
                new ScalarKernels(),
                ids.length)) {
      return predictor.forward(TokenBatch.of(ids), new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8}).toArray();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"LLADA_MOE", "LLADA2", "LLAMA"})
  void thereAndBackIsIdentity(Architecture architecture) throws IOException {
    Path from = source(architecture);
    Path gguf = temp.resolve("model.gguf");
    Path back = temp.resolve("back");
    ConvertTest.convert(from, gguf, QuantizationMix.F32);
    ConvertTest.convert(gguf, back, QuantizationMix.F32);
    assertThat(Difference.between(from, back, Setup.DEFAULT.threads(1), Progress.NONE))
        .isNotEmpty()
        .allMatch(d -> d.maxError() == 0);
    try (Checkpoint a = Checkpoint.open(from);
        Checkpoint b = Checkpoint.open(back)) {
      assertThat(b.weights().byName().keySet()).isEqualTo(a.weights().byName().keySet());
      assertThat(b.config().attention()).isEqualTo(a.config().attention());
      assertThat(b.config().feedForwards()).isEqualTo(a.config().feedForwards());
      assertThat((Object) b.config().tokens().ends()).isEqualTo(a.config().tokens().ends());
    }
    assertThat(logits(back)).isEqualTo(logits(from));
    // LLaMA's frequencies are divided by rounded divisors.
    assertThat(logits(gguf))
        .containsExactly(logits(from), org.assertj.core.data.Offset.offset(1e-5f));
  }

  /** What we write is what the published converter wrote: every tensor, and the metadata. */
  @ParameterizedTest
  @EnumSource(names = {"LLADA_MOE", "LLADA2"})
  void theFileIsThatOfThePublishedConverter(Architecture architecture) throws IOException {
    Path from = source(architecture);
    Path gguf = temp.resolve("model.gguf");
    ConvertTest.convert(from, gguf, QuantizationMix.F32);
    try (Arena arena = Arena.ofShared()) {
      Gguf ours = Gguf.open(gguf, arena);
      Gguf theirs = Gguf.open(GoldenFolders.files(from, "*.gguf").getFirst(), arena);
      assertThat(ours.tensors().keySet())
          .containsExactlyInAnyOrderElementsOf(theirs.tensors().keySet());
      theirs
          .tensors()
          .forEach(
              (name, tensor) -> {
                assertThat(ours.tensor(name).shape()).as(name).isEqualTo(tensor.shape());
                assertThat(ours.tensor(name).data().mismatch(tensor.data())).as(name).isEqualTo(-1);
              });
      Map<String, Object> wanted = new LinkedHashMap<>(theirs.metadata());
      wanted.keySet().removeAll(ONLY_ONE);
      wanted.remove("tokenizer.ggml.token_type");
      wanted.remove("tokenizer.ggml.pre"); // one of several names for the same splits
      assertThat(ours.metadata()).containsAllEntriesOf(wanted);
    }
  }

  static Stream<QuantizationMix> mixtures() {
    return Stream.of(
        QuantizationMix.BF16, QuantizationMix.Q8_0, QuantizationMix.Q4_0, QuantizationMix.Q4_K_M);
  }

  @ParameterizedTest
  @MethodSource("mixtures")
  void quantisedExperts(QuantizationMix mix) throws IOException {
    for (Architecture architecture : List.of(Architecture.LLADA_MOE, Architecture.LLADA2)) {
      Path gguf = temp.resolve(architecture + ".gguf");
      ConvertTest.convert(source(architecture), gguf, mix);
      try (Checkpoint checkpoint = Checkpoint.open(gguf)) {
        assertThat(checkpoint.tensors())
            .filteredOn(t -> t.name().contains("gate_inp") || t.name().contains("exp_probs_b"))
            .isNotEmpty()
            .allMatch(t -> t.type().equals("F32"));
      }
      assertThat(logits(gguf)).doesNotContain(Float.NaN);
    }
  }

  /** The published class reads its own keys; what it does not know is not there. */
  @ParameterizedTest
  @EnumSource(names = {"LLADA_MOE", "LLADA2", "LLAMA"})
  void configurationsAreThoseThatWereRead(Architecture architecture) throws IOException {
    Path from = source(architecture);
    Path back = temp.resolve("back");
    ConvertTest.convert(from, back, QuantizationMix.F32);
    Map<String, Object> written = Json.read(back.resolve("config.json"), 1 << 20).map();
    Map<String, Object> read = Json.read(from.resolve("config.json"), 1 << 20).map();
    for (String key : List.of("architectures", "model_type", "hidden_size", "num_hidden_layers")) {
      assertThat(written.get(key)).as(key).isEqualTo(read.get(key));
    }
    Set<String> besides =
        Set.of(
            "eos_token_id",
            "mask_token_id",
            "rope_theta",
            "rope_scaling",
            "router_num_group",
            "router_topk_group",
            "output_router_logits",
            "pad_token_id",
            "head_dim",
            "max_window_layers",
            "sliding_window",
            "dense_intermediate_size",
            "shared_expert_intermediate_size",
            "hidden_act");
    written.forEach(
        (key, value) -> {
          if (!besides.contains(key) && read.get(key) != null) {
            assertThat(value instanceof Number n ? n.doubleValue() : value)
                .as(key)
                .isEqualTo(read.get(key) instanceof Number n ? n.doubleValue() : read.get(key));
          }
        });
  }
}
