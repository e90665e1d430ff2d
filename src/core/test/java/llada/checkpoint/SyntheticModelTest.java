package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.backend.ThreadPool;
import llada.kernel.Parallel;
import llada.model.BlockWeights;
import llada.model.LladaWeights;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.model.WeightTable;
import llada.tensor.DType;
import llada.tensor.Tensor;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.SyntheticVocabulary;
import llada.tokenizer.Tokenizer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class SyntheticModelTest {
  private static final SyntheticModel.Sizes SMALL =
      new SyntheticModel.Sizes(256, 4, 4, 2, 768, 1000, 64);
  private static final String TEXT =
      "To be, or not to be: 42 times,\n\tdaß ist \u00e9t\u00e9 \u6f22\u5b57 \ud83d\ude00!";

  @TempDir Path folder;

  private Path write(SyntheticModel model, Parallel parallel) {
    Path file = folder.resolve(model.mix() + ".gguf");
    model.write(file, parallel, (_, _) -> {});
    return file;
  }

  private static SyntheticModel small(QuantizationMix mix, long seed) {
    return SyntheticModel.of(SMALL, mix, Optional.empty(), seed);
  }

  @ParameterizedTest
  @EnumSource(QuantizationMix.class)
  void aFileOfEveryTypeOpensAndComputesOrdinaryNumbers(QuantizationMix mix) {
    SyntheticModel model = small(mix, 1);
    try (Checkpoint checkpoint = Checkpoint.open(write(model, Parallel.SERIAL));
        Backend backend = Backends.choose("vector", 1);
        MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), 8)) {
      // The rotary base and the epsilon are float32 in the file.
      assertThat(checkpoint.config())
          .usingRecursiveComparison()
          .withComparatorForType(
              (a, b) -> Float.compare(a.floatValue(), b.floatValue()), Double.class)
          .isEqualTo(model.config());
      assertThat(checkpoint.tensors()).containsExactlyInAnyOrderElementsOf(model.tensors());
      int[] ids = {999, 4, 77, 999, 130, 9, 201, 999};
      Tensor logits = predictor.forward(TokenBatch.of(ids), IntStream.range(0, 8).toArray());
      assertThat(rms(logits)).isBetween(0.8, 1.25);
      LladaWeights weights = checkpoint.weights();
      BlockWeights block = weights.blocks().get(1);
      for (Tensor w :
          List.of(
              weights.embedding(), weights.head(), block.qProj(), block.vProj(), block.ffOut())) {
        double wanted = 1 / Math.sqrt(w.dim(1));
        assertThat(rms(w)).isCloseTo(wanted, within(0.08 * wanted));
        assertThat(mean(w)).isCloseTo(0, within(0.03 * wanted));
      }
      assertThat(rms(block.ffNorm())).isCloseTo(1, within(0.05));
    }
  }

  private static double rms(Tensor tensor) {
    float[] values = tensor.toArray();
    return Math.sqrt(
        IntStream.range(0, values.length)
            .mapToDouble(i -> (double) values[i] * values[i])
            .average()
            .orElseThrow());
  }

  private static double mean(Tensor tensor) {
    float[] values = tensor.toArray();
    return IntStream.range(0, values.length).mapToDouble(i -> values[i]).average().orElseThrow();
  }

  @Test
  void theBytesDependOnTheSeedAndOnNothingElse() throws IOException {
    byte[] one = Files.readAllBytes(write(small(QuantizationMix.Q4_K_M, 7), Parallel.SERIAL));
    try (ThreadPool pool = new ThreadPool(3)) {
      assertThat(Files.readAllBytes(write(small(QuantizationMix.Q4_K_M, 7), pool))).isEqualTo(one);
    }
    assertThat(Files.readAllBytes(write(small(QuantizationMix.Q4_K_M, 8), Parallel.SERIAL)))
        .isNotEqualTo(one);
  }

  @Test
  void aMatrixOfSeveralPiecesIsTheSameInFileAndMemory() {
    SyntheticModel model =
        SyntheticModel.of(
            new SyntheticModel.Sizes(512, 1, 4, 4, 1056, 1000, 64),
            QuantizationMix.Q8_0,
            Optional.empty(),
            0);
    try (Checkpoint checkpoint = Checkpoint.open(write(model, Parallel.SERIAL));
        Arena arena = Arena.ofConfined()) {
      LladaWeights memory = model.weights(arena, Parallel.SERIAL);
      Tensor up = checkpoint.weights().blocks().getFirst().upProj();
      assertThat(up.shape().elements()).isGreaterThan(2L * RandomWeights.PIECE);
      assertThat(up.data().mismatch(memory.blocks().getFirst().upProj().data())).isEqualTo(-1);
      assertThat(checkpoint.weights().head().data().mismatch(memory.head().data())).isEqualTo(-1);
    }
  }

  @Test
  void textSurvivesTheTokenizerAndSpecialTokensAreRecognised() {
    try (Checkpoint checkpoint =
        Checkpoint.open(write(small(QuantizationMix.Q8_0, 0), Parallel.SERIAL))) {
      Tokenizer tokenizer = checkpoint.tokenizer();
      int[] ids = tokenizer.encode(TEXT);
      assertThat(tokenizer.decode(ids)).isEqualTo(TEXT);
      assertThat(ids.length)
          .isLessThan(TEXT.getBytes(java.nio.charset.StandardCharsets.UTF_8).length);
      assertThat(tokenizer.encode("<|mdm_mask|>")).containsExactly(999);
      int[] chat =
          checkpoint
              .chatTemplate()
              .encode(tokenizer, List.of(new ChatTemplate.Message("user", "hi")));
      assertThat(chat[0]).isEqualTo(checkpoint.config().bosTokenId().getAsInt());
      assertThat(chat).contains(checkpoint.config().eotTokenId().getAsInt());
    }
  }

  @Test
  void publishedShapesAreThePublishedModels() {
    SyntheticModel llada = published(PublishedShape.LLADA_8B, QuantizationMix.BF16);
    // The total_size of the checkpoint's index, 16,031,162,368 bytes of bfloat16.
    assertThat(WeightTable.parameters(llada.config())).isEqualTo(8_015_581_184L);
    assertThat(llada.tensors()).hasSize(291);
    SyntheticVocabulary vocabulary = llada.vocabulary();
    assertThat(vocabulary.tokens()).hasSize(126464).doesNotHaveDuplicates();
    assertThat(vocabulary.merges()).hasSize(125824);
    assertThat(vocabulary.tokens().get(126336)).isEqualTo("<|mdm_mask|>");
    assertThat(vocabulary.tokens().get(126348)).isEqualTo("<|eot_id|>");
    Tokenizer tokenizer =
        Tokenizer.fromGguf(
            vocabulary.tokens(), vocabulary.types(), vocabulary.merges(), SyntheticVocabulary.PRE);
    assertThat(tokenizer.decode(tokenizer.encode(TEXT))).isEqualTo(TEXT);
    assertThat(tokenizer.encode("<|startoftext|>")).containsExactly(126080);

    SyntheticModel illada = published(PublishedShape.ILLADA_8B, QuantizationMix.Q4_0);
    assertThat(WeightTable.parameters(illada.config()) / 1e9).isCloseTo(7.615, within(0.001));
    assertThat(illada.vocabulary().tokens().get(5)).isEqualTo("<|mdm_mask|>");
    assertThat(illada.config().maskTokenId()).isEqualTo(5);
    assertThat(types(illada)).containsEntry("token_embd.weight", "Q6_K");
    assertThat(types(illada)).doesNotContainKey("output.weight");

    SyntheticModel one = published(PublishedShape.LLADA_1B, QuantizationMix.Q4_K);
    assertThat(WeightTable.parameters(one.config()) / 1e9).isCloseTo(1.49, within(0.01));
    assertThat(types(one)).containsEntry("blk.0.ffn_down.weight", "F16"); // 5634 is odd times 2
  }

  private static SyntheticModel published(PublishedShape shape, QuantizationMix mix) {
    return SyntheticModel.of(shape, shape.layers(), mix, Optional.empty(), 0);
  }

  private static Map<String, String> types(SyntheticModel model) {
    return model.tensors().stream()
        .collect(
            Collectors.toMap(
                Checkpoint.TensorInfo::name,
                Checkpoint.TensorInfo::type,
                (a, _) -> a,
                TreeMap::new));
  }

  @Test
  void mixturesFollowTheQuantiser() {
    Map<String, String> types = types(small(QuantizationMix.Q4_K_M, 0));
    for (int layer = 0; layer < 4; layer++) {
      String expected = layer >= 2 ? "Q6_K" : "Q4_K";
      assertThat(types)
          .containsEntry("blk." + layer + ".attn_v.weight", expected)
          .containsEntry("blk." + layer + ".ffn_down.weight", expected)
          .containsEntry("blk." + layer + ".attn_q.weight", "Q4_K")
          .containsEntry("blk." + layer + ".attn_norm.weight", "F32");
    }
    assertThat(types)
        .containsEntry("output.weight", "Q6_K")
        .containsEntry("token_embd.weight", "Q4_K");
    assertThat(types(small(QuantizationMix.Q4_0, 0))).containsEntry("output.weight", "Q6_K");
    assertThat(types(small(QuantizationMix.Q8_0, 0))).containsEntry("output.weight", "Q8_0");
    assertThat(types(small(QuantizationMix.F16, 0))).containsEntry("output.weight", "F16");
    SyntheticModel pure =
        SyntheticModel.of(SMALL, QuantizationMix.Q4_0, Optional.of(DType.Q4_0), 0);
    assertThat(types(pure)).containsEntry("output.weight", "Q4_0");
    assertThat(
            types(published(PublishedShape.LLADA_8B, QuantizationMix.Q4_K_M)).entrySet().stream()
                .filter(e -> e.getKey().contains("attn_v") && e.getValue().equals("Q6_K")))
        .hasSize(16);
  }

  @Test
  void sizesThatMakeNoModelAreRefused() {
    assertThatThrownBy(
            () ->
                SyntheticModel.of(
                    new SyntheticModel.Sizes(64, 1, 4, 4, 64, 261, 64),
                    QuantizationMix.F32,
                    Optional.empty(),
                    0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("261 cannot hold 256 bytes and 6 special tokens");
    assertThatThrownBy(
            () ->
                SyntheticModel.of(
                    new SyntheticModel.Sizes(64, 1, 5, 5, 64, 300, 64),
                    QuantizationMix.F32,
                    Optional.empty(),
                    0))
        .hasMessageContaining("d_model is 64, which is no multiple of n_heads, 5");
  }
}
