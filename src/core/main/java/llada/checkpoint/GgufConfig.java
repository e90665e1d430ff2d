package llada.checkpoint;

import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import llada.format.FormatException;
import llada.format.Gguf;
import llada.format.GgufWriter;
import llada.model.LladaConfig;
import llada.tensor.Tensor;
import llada.tokenizer.Tokenizer;

/** The metadata of a GGUF file of architecture {@code llada}, but for the vocabulary. */
final class GgufConfig {
  private static final int LARGEST = 1 << 24;
  private static final String EMBEDDING = "token_embd.weight";
  private static final int QUANTIZATION_VERSION = 2;

  /** Keys of the architecture that are read, or that nothing is computed by. */
  private static final Set<String> KNOWN =
      Set.of(
          ("attention.causal attention.head_count attention.head_count_kv"
                  + " attention.layer_norm_epsilon attention.layer_norm_rms_epsilon"
                  + " block_count context_length embedding_length feed_forward_length"
                  + " pooling_type rope.dimension_count rope.freq_base"
                  + " rope.scaling.finetuned rope.scaling.original_context_length vocab_size")
              .split(" "));

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
              !gguf.entries().containsKey("output.weight"),
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
      refuseOthers(gguf, config);
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

  /** A key of the architecture that is not read must have a value that changes nothing. */
  private static void refuseOthers(Gguf gguf, LladaConfig config) {
    gguf.metadata()
        .forEach(
            (key, value) -> {
              boolean size =
                  key.equals("llada.attention.key_length")
                      || key.equals("llada.attention.value_length");
              if (key.startsWith("llada.")
                  && !KNOWN.contains(key.substring("llada.".length()))
                  && !(size && value.equals((long) config.headDim()))
                  && !ConfigKeys.off(key, value, true)) {
                throw ConfigKeys.unknown(
                    gguf.file() + ": metadata key " + key,
                    value instanceof List<?> list ? "an array of " + list.size() : value);
              }
            });
  }

  private static int embeddingRows(Gguf gguf) {
    Tensor embedding = gguf.tensor(EMBEDDING);
    if (embedding.shape().rank() != 2 || embedding.shape().dim(0) > LARGEST) {
      throw new FormatException(
          "%s: tensor %s is %s; a matrix of at most %d rows is needed"
              .formatted(gguf.file(), EMBEDDING, embedding.shape(), LARGEST));
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

  /**
   * Writes what {@link #read} reads, and what other programs want beside it: a loader that finds no
   * {@code diffusion.shift_logits} takes it for true.
   *
   * @param name for {@code general.name}
   * @param fileType which mixture of types the weights have: {@link QuantizationMix#fileType}
   */
  static void write(GgufWriter out, LladaConfig config, String name, int fileType) {
    out.string("general.architecture", "llada")
        .string("general.type", "model")
        .string("general.name", name)
        .uint32("general.file_type", fileType)
        .uint32("general.quantization_version", QUANTIZATION_VERSION)
        .uint32("llada.block_count", config.nLayers())
        .uint32("llada.context_length", config.maxSequenceLength())
        .uint32("llada.embedding_length", config.dModel())
        .uint32("llada.feed_forward_length", config.mlpHiddenSize())
        .uint32("llada.attention.head_count", config.nHeads())
        .uint32("llada.attention.head_count_kv", config.nKvHeads())
        .uint32("llada.vocab_size", config.vocabSize())
        .uint32("llada.rope.dimension_count", config.headDim())
        .float32("llada.rope.freq_base", (float) config.ropeTheta())
        .float32("llada.attention.layer_norm_rms_epsilon", (float) config.rmsNormEps())
        .bool("llada.attention.causal", false)
        .bool("diffusion.shift_logits", false)
        .string("tokenizer.ggml.model", "gpt2")
        .uint32("tokenizer.ggml.eos_token_id", config.eosTokenId())
        .uint32("tokenizer.ggml.padding_token_id", config.padTokenId())
        .uint32("tokenizer.ggml.mask_token_id", config.maskTokenId());
    config.bosTokenId().ifPresent(id -> out.uint32("tokenizer.ggml.bos_token_id", id));
    out.bool("tokenizer.ggml.add_bos_token", true).bool("tokenizer.ggml.add_eos_token", false);
  }
}
