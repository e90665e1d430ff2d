package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.format.Gguf;
import llada.format.Safetensors;
import llada.kernel.ScalarKernels;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Folders with the keys of published models, small and with random weights. */
final class PublishedFoldersTest {
  private static final int[] IDS = {5, 17, 300, 5, 1000, 1};

  @TempDir Path temp;

  /** iLLaDA: grouped key-value heads, tied embedding, the mask at id 5. */
  @Test
  void illada() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("iLLaDA-8B"));
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"architectures": ["ILLaDAModelLM"], "model_type": "illada", "d_model": 64, "n_layers": 2,
         "n_heads": 4, "n_kv_heads": 2, "mlp_hidden_size": 96, "vocab_size": 1024,
         "embedding_size": 1024, "max_sequence_length": 8192, "rope_theta": 1000000.0,
         "rms_norm_eps": 1e-06, "weight_tying": true, "mask_token_id": 5, "eos_token_id": 1,
         "activation_type": "silu", "block_type": "llama", "layer_norm_type": "rms"}
        """);
    for (String name : new String[] {"tokenizer.json", "tokenizer_config.json"}) {
      Files.copy(
          Golden.resources().resolve("checkpoints/shakespeare-llada").resolve(name),
          folder.resolve(name));
    }
    SplittableRandom random = new SplittableRandom(1);
    try (Arena arena = Arena.ofShared()) {
      Map<String, Tensor> all = new LinkedHashMap<>();
      all.put("model.transformer.wte.weight", random(arena, random, 1024, 64));
      for (int i = 0; i < 2; i++) {
        String block = "model.transformer.blocks." + i + ".";
        all.put(block + "attn_norm.weight", random(arena, random, 64));
        all.put(block + "q_proj.weight", random(arena, random, 64, 64));
        all.put(block + "k_proj.weight", random(arena, random, 32, 64));
        all.put(block + "v_proj.weight", random(arena, random, 32, 64));
        all.put(block + "attn_out.weight", random(arena, random, 64, 64));
        all.put(block + "ff_norm.weight", random(arena, random, 64));
        all.put(block + "ff_proj.weight", random(arena, random, 96, 64));
        all.put(block + "up_proj.weight", random(arena, random, 96, 64));
        all.put(block + "ff_out.weight", random(arena, random, 64, 96));
      }
      all.put("model.transformer.ln_f.weight", random(arena, random, 64));
      Safetensors.write(folder.resolve("model.safetensors"), all, Map.of());
    }
    Path gguf = temp.resolve("illada.gguf");
    ConvertTest.convert(folder, gguf, QuantizationMix.F32);
    try (Arena arena = Arena.ofConfined()) {
      Gguf file = Gguf.open(gguf, arena);
      assertThat(file.entries()).doesNotContainKey("output.weight").hasSize(2 + 2 * 9);
      assertThat(file.integer("tokenizer.ggml.mask_token_id", 0, 1024)).isEqualTo(5);
      assertThat(file.integer("llada.attention.head_count_kv", 0, 64)).isEqualTo(2);
      assertThat(file.string("general.name")).isEqualTo("iLLaDA-8B");
    }
    assertThat(logits(gguf, IDS)).isEqualTo(logits(folder, IDS));
    Path back = temp.resolve("back");
    ConvertTest.convert(gguf, back, QuantizationMix.F32);
    assertThat(logits(back, IDS)).isEqualTo(logits(folder, IDS));
    Path small = temp.resolve("illada-q4_0.gguf");
    ConvertTest.convert(folder, small, QuantizationMix.Q4_0);
    try (Checkpoint quantised = Checkpoint.open(small)) {
      assertThat(quantised.weights().tied()).isTrue();
      assertThat(quantised.config().maskTokenId()).isEqualTo(5);
    }
  }

  /** LLaDA-1.5: the configuration of LLaDA-8B, bfloat16 in shards. */
  @Test
  void llada15() throws IOException {
    Path folder = Files.createDirectory(temp.resolve("LLaDA-1.5"));
    BadModelTest.copy(Golden.resources().resolve("golden/tiny-llada-bf16-sharded"), folder);
    Path gguf = temp.resolve("llada-1.5.gguf");
    ConvertTest.convert(folder, gguf, QuantizationMix.BF16);
    Path back = temp.resolve("back");
    ConvertTest.convert(gguf, back, QuantizationMix.BF16);
    try (Checkpoint a = Checkpoint.open(folder);
        Checkpoint b = Checkpoint.open(gguf);
        Checkpoint c = Checkpoint.open(back)) {
      assertThat(b.name()).isEqualTo("LLaDA-1.5");
      assertThat(b.weights().tied()).isFalse();
      assertThat(c.config()).isEqualTo(a.config());
    }
    int[] ids = {5, 17, 300, 319, 319, 1};
    assertThat(logits(back, ids)).isEqualTo(logits(folder, ids));
  }

  private static Tensor random(Arena arena, SplittableRandom random, long... dims) {
    int count = (int) (dims.length == 1 ? dims[0] : dims[0] * dims[1]);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian(dims.length == 1 ? 1 : 0, 0.1);
    }
    return Tensor.of(arena, values, dims);
  }

  private static float[] logits(Path model, int... ids) {
    try (Checkpoint checkpoint = Checkpoint.open(model);
        MaskPredictor predictor =
            new MaskPredictor(
                checkpoint.config(), checkpoint.weights(), new ScalarKernels(), ids.length)) {
      return predictor
          .forward(TokenBatch.of(ids), IntStream.range(0, ids.length).toArray())
          .toArray();
    }
  }
}
