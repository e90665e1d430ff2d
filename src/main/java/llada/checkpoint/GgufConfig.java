package llada.checkpoint;

import java.util.OptionalInt;
import llada.format.FormatException;
import llada.format.Gguf;
import llada.model.LladaConfig;
import llada.tensor.Tensor;
import llada.tokenizer.Tokenizer;

/** Reads the metadata of a GGUF file of architecture {@code llada}. */
final class GgufConfig {
  private static final int LARGEST = 1 << 24;

  private GgufConfig() {}

  /**
   * The configuration of {@code gguf}.
   *
   * @throws FormatException if a key is missing, has a wrong value, or names another architecture
   */
  static LladaConfig read(Gguf gguf, Tokenizer tokenizer) {
    if (!gguf.architecture().equals("llada")) {
      throw new FormatException(
          "%s: general.architecture is '%s'; only the dense 'llada' is supported"
              .formatted(gguf.file(), gguf.architecture()));
    }
    refuse(gguf, "llada.attention.causal", "a model that looks back only is no LLaDA");
    refuse(gguf, "diffusion.shift_logits", "that is Dream's way; LLaDA's logits are not shifted");
    int heads = gguf.integer("llada.attention.head_count", 1, LARGEST);
    int rows = embeddingRows(gguf);
    int eos = id(gguf, "tokenizer.ggml.eos_token_id").orElseThrow(() -> noId(gguf, "eos"));
    try {
      LladaConfig config =
          new LladaConfig(
              gguf.integer("llada.embedding_length", 1, LARGEST),
              gguf.integer("llada.block_count", 1, LARGEST),
              heads,
              gguf.integer("llada.attention.head_count_kv", 1, LARGEST, heads),
              gguf.integer("llada.feed_forward_length", 1, LARGEST),
              gguf.integer("llada.vocab_size", 1, LARGEST, Math.min(rows, tokenizer.size())),
              rows,
              gguf.integer("llada.context_length", 1, LARGEST),
              gguf.number("llada.rope.freq_base", 10000),
              gguf.number("llada.attention.layer_norm_rms_epsilon"),
              !gguf.entries().containsKey(TensorNames.GGUF.head()),
              id(gguf, "tokenizer.ggml.mask_token_id").orElseThrow(() -> noId(gguf, "mask")),
              eos,
              id(gguf, "tokenizer.ggml.padding_token_id").orElse(eos),
              tokenizer.id(Checkpoint.END_OF_TURN),
              id(gguf, "tokenizer.ggml.bos_token_id"));
      int rotary = gguf.integer("llada.rope.dimension_count", 1, LARGEST, config.headDim());
      if (rotary != config.headDim()) {
        throw new FormatException(
            "%s: llada.rope.dimension_count is %d, but a head has %d channels; partial rotation is not supported"
                .formatted(gguf.file(), rotary, config.headDim()));
      }
      return config;
    } catch (IllegalArgumentException e) {
      throw new FormatException(gguf.file() + ": " + e.getMessage(), e);
    }
  }

  private static void refuse(Gguf gguf, String key, String reason) {
    if (gguf.bool(key, false)) {
      throw new FormatException("%s: %s is true; %s".formatted(gguf.file(), key, reason));
    }
  }

  private static int embeddingRows(Gguf gguf) {
    Tensor embedding = gguf.tensor(TensorNames.GGUF.embedding());
    if (embedding.shape().rank() != 2 || embedding.shape().dim(0) > LARGEST) {
      throw new FormatException(
          "%s: tensor %s is %s; a matrix of at most %d rows is needed"
              .formatted(gguf.file(), TensorNames.GGUF.embedding(), embedding.shape(), LARGEST));
    }
    return embedding.dim(0);
  }

  private static OptionalInt id(Gguf gguf, String key) {
    return gguf.has(key) ? OptionalInt.of(gguf.integer(key, 0, LARGEST)) : OptionalInt.empty();
  }

  private static FormatException noId(Gguf gguf, String which) {
    return new FormatException(
        "%s: metadata key tokenizer.ggml.%s_token_id is missing; a diffusion model needs it: convert the model again"
            .formatted(gguf.file(), which));
  }
}
