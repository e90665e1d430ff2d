package llada.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import llada.format.FormatException;
import llada.format.Json;
import llada.model.LladaConfig;

/**
 * Reads {@code config.json}. Keys that name another architecture are refused rather than ignored: a
 * model that runs and is wrong is worse than one that does not run.
 */
final class HuggingFaceConfig {
  private static final int LARGEST = 1 << 24;

  /** Keys with the only value that this implementation of LLaDA has; absent is as good. */
  private static final Map<String, Object> FIXED =
      Map.ofEntries(
          Map.entry("activation_type", "silu"),
          Map.entry("alibi", false),
          Map.entry("attention_layer_norm", false),
          Map.entry("bias_for_layer_norm", false),
          Map.entry("block_group_size", 1L),
          Map.entry("block_type", "llama"),
          Map.entry("include_bias", false),
          Map.entry("include_qkv_bias", false),
          Map.entry("input_emb_norm", false),
          Map.entry("layer_norm_type", "rms"),
          Map.entry("layer_norm_with_affine", true),
          Map.entry("rope", true),
          Map.entry("rope_full_precision", true),
          Map.entry("scale_logits", false));

  /**
   * Keys that say nothing about inference. They are written since the published code's defaults for
   * some (dropout of 0.1) are not what its checkpoints have.
   */
  private static final Map<String, Object> WRITTEN_ONLY =
      Map.ofEntries(
          Map.entry("alibi_bias_max", 8.0),
          Map.entry("attention_dropout", 0.0),
          Map.entry("attention_layer_norm_with_affine", true),
          Map.entry("embedding_dropout", 0.0),
          Map.entry("flash_attention", false),
          Map.entry("init_device", "cpu"),
          Map.entry("init_fn", "mitchell"),
          Map.entry("init_std", 0.02),
          Map.entry("mlp_ratio", 4L),
          Map.entry("precision", "amp_bf16"),
          Map.entry("residual_dropout", 0.0),
          Map.entry("use_cache", false));

  /** Keys that are read, or whose names sound like arithmetic but say nothing about it. */
  private static final Set<String> KNOWN =
      Set.of(
          ("attn_implementation _attn_implementation mlp_hidden_size"
                  + " multi_query_attention n_heads n_kv_heads output_hidden_states"
                  + " rms_norm_eps rope_parameters rope_scaling rope_theta")
              .split(" "));

  /** Where the published folders keep the code that loads them. */
  private static final Map<String, String> AUTO_MAP =
      Map.of(
          "AutoConfig", "configuration_llada.LLaDAConfig",
          "AutoModel", "modeling_llada.LLaDAModelLM",
          "AutoModelForCausalLM", "modeling_llada.LLaDAModelLM");

  private HuggingFaceConfig() {}

  /**
   * Special tokens that the tokenizer's files name; they fill in what config.json does not say.
   *
   * @param mask id of the mask
   * @param eot id of the end of a chat turn
   * @param bos id of the start of text
   */
  record TokenizerIds(OptionalInt mask, OptionalInt eot, OptionalInt bos) {
    static final TokenizerIds NONE =
        new TokenizerIds(OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty());
  }

  /**
   * The configuration in {@code json}.
   *
   * @throws FormatException if a key is missing, has a wrong value, or names another architecture
   */
  static LladaConfig read(Json json, TokenizerIds ids) {
    checkArchitecture(json);
    FIXED.forEach(
        (key, value) -> {
          Json found = json.get(key);
          if (!found.isNull() && !found.value().equals(value)) {
            throw new FormatException(
                "%s is %s; only %s is supported".formatted(found.where(), found.value(), value));
          }
        });
    int dModel = size(json, "d_model");
    int heads = size(json, "n_heads");
    int vocab = size(json, "vocab_size");
    int eos = firstInteger(json.get("eos_token_id"));
    LladaConfig config;
    try {
      config =
          new LladaConfig(
              dModel,
              size(json, "n_layers"),
              heads,
              kvHeads(json, heads),
              mlpHiddenSize(json, dModel),
              vocab,
              json.get("embedding_size").or((long) vocab).integer(1, LARGEST),
              size(json, "max_sequence_length"),
              ropeTheta(json),
              json.get("rms_norm_eps").or(1e-5).number(),
              json.get("weight_tying").or(true).bool(),
              maskId(json, ids),
              eos,
              json.get("pad_token_id").or((long) eos).integer(0, LARGEST),
              ids.eot,
              ids.bos);
    } catch (IllegalArgumentException e) {
      throw new FormatException(json.where() + ": " + e.getMessage(), e);
    }
    checkOthers(json, config);
    return config;
  }

  /** What is said twice must agree, and what is not read must not matter. */
  private static void checkOthers(Json json, LladaConfig config) {
    Map<String, Object> again =
        Map.of(
            "hidden_act", "silu",
            "hidden_size", (long) config.dModel(),
            "num_hidden_layers", (long) config.nLayers(),
            "num_attention_heads", (long) config.nHeads(),
            "num_key_value_heads", (long) config.nKvHeads(),
            "head_dim", (long) config.headDim(),
            "intermediate_size", (long) config.mlpHiddenSize());
    for (String key : json.map().keySet()) {
      Json found = json.get(key);
      if (again.containsKey(key)) {
        if (!found.isNull() && !found.value().equals(again.get(key))) {
          throw new FormatException(
              "%s is %s, but LLaDA's own keys make it %s; correct one or remove this"
                  .formatted(found.where(), found.value(), again.get(key)));
        }
      } else if (ConfigKeys.computes(key)
          && !(KNOWN.contains(key) || FIXED.containsKey(key) || WRITTEN_ONLY.containsKey(key))
          && !ConfigKeys.off(key, found.value(), false)) {
        throw ConfigKeys.unknown(found.where(), found.value());
      }
    }
  }

  /** From its own key, or as transformers 5 writes it: in an object, whose type must be default. */
  private static double ropeTheta(Json json) {
    Json theta = json.get("rope_theta");
    for (String key : List.of("rope_parameters", "rope_scaling")) {
      Json rope = json.get(key).or(Map.of());
      for (String name : rope.map().keySet()) {
        Json value = rope.get(name);
        if (name.equals("rope_theta") && !value.isNull()) {
          if (!theta.isNull() && theta.number() != value.number()) {
            throw new FormatException(
                "%s is %s, but %s is %s; remove the wrong one"
                    .formatted(value.where(), value.value(), theta.where(), theta.value()));
          }
          theta = value;
        } else if (!ConfigKeys.off(name, value.value(), false)
            && !(name.endsWith("type") && "default".equals(value.value()))) {
          throw new FormatException(
              "%s is %s; rotary positions are supported as they are, not scaled: only the type default"
                  .formatted(value.where(), value.value()));
        }
      }
    }
    return theta.or(10000.0).number();
  }

  private static void checkArchitecture(Json json) {
    Json type = json.get("model_type");
    List<String> architectures =
        json.get("architectures").isNull()
            ? List.of()
            : json.get("architectures").list().stream().map(Json::string).toList();
    String found = (type.isNull() ? "" : type.string()) + " " + String.join(" ", architectures);
    String lower = found.toLowerCase(Locale.ROOT);
    if (!lower.contains("llada") || lower.contains("moe") || lower.contains("llada2")) {
      throw new FormatException(
          "%s: model_type and architectures are '%s'; the dense LLaDA models are supported (model_type llada: LLaDA-8B, LLaDA-1.5, iLLaDA)"
              .formatted(json.where(), found.strip()));
    }
  }

  private static int size(Json json, String key) {
    return json.get(key).integer(1, LARGEST);
  }

  /** The published rule: n_kv_heads if given, else one or all, as multi_query_attention says. */
  private static int kvHeads(Json json, int heads) {
    Json multiQuery = json.get("multi_query_attention");
    Json given = json.get("n_kv_heads");
    int implied = !multiQuery.isNull() && multiQuery.bool() ? 1 : heads;
    if (given.isNull()) {
      return implied;
    }
    int kvHeads = given.integer(1, LARGEST);
    if (!multiQuery.isNull() && kvHeads != implied) {
      throw new FormatException(
          "%s is %d, but multi_query_attention is %s, which means %d; set one of them to null"
              .formatted(given.where(), kvHeads, multiQuery.value(), implied));
    }
    return kvHeads;
  }

  private static int mlpHiddenSize(Json json, int dModel) {
    Json given = json.get("mlp_hidden_size");
    if (!given.isNull()) {
      return given.integer(1, LARGEST);
    }
    double hidden = json.get("mlp_ratio").or(4L).number() * dModel;
    if (hidden < 1 || hidden > LARGEST || hidden != Math.rint(hidden)) {
      throw new FormatException(
          "%s: mlp_ratio times d_model is %s; it must be a whole number from 1 to %d"
              .formatted(json.where(), hidden, LARGEST));
    }
    return (int) hidden;
  }

  private static int maskId(Json json, TokenizerIds ids) {
    Json given = json.get("mask_token_id");
    if (given.isNull() && ids.mask.isPresent()) {
      return ids.mask.getAsInt();
    }
    if (given.isNull()) {
      throw new FormatException(
          given.where()
              + " is missing and the tokenizer has no <|mdm_mask|>; add \"mask_token_id\", the id"
              + " of the mask (126336 for LLaDA-8B, 5 for iLLaDA)");
    }
    return given.integer(0, LARGEST);
  }

  /** EOS is one id in most files, a list of ids in some. */
  private static int firstInteger(Json json) {
    return json.value() instanceof List<?> list && !list.isEmpty()
        ? json.get(0).integer(0, LARGEST)
        : json.integer(0, LARGEST);
  }

  /** The 1e-5 that was meant where a GGUF file has the float32 next to it. */
  private static double shortest(double value) {
    return (float) value == value ? Double.parseDouble(Float.toString((float) value)) : value;
  }

  /**
   * The text of a config.json that {@link #read} and the published code read as {@code config}.
   *
   * @param withCode whether that code lies beside it, so that transformers can find it there
   */
  static byte[] write(LladaConfig config, boolean withCode) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeArrayFieldStart("architectures");
      json.writeString("LLaDAModelLM");
      json.writeEndArray();
      json.writeStringField("model_type", "llada");
      if (withCode) {
        json.writeObjectFieldStart("auto_map");
        for (Map.Entry<String, String> entry : new TreeMap<>(AUTO_MAP).entrySet()) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
      }
      Map<String, Object> constant = new TreeMap<>(FIXED);
      constant.putAll(WRITTEN_ONLY);
      for (Map.Entry<String, Object> entry : constant.entrySet()) {
        json.writeObjectField(entry.getKey(), entry.getValue());
      }
      json.writeNumberField("d_model", config.dModel());
      json.writeNumberField("n_layers", config.nLayers());
      json.writeNumberField("n_heads", config.nHeads());
      json.writeNumberField("n_kv_heads", config.nKvHeads());
      json.writeNumberField("mlp_hidden_size", config.mlpHiddenSize());
      json.writeNumberField("vocab_size", config.vocabSize());
      json.writeNumberField("embedding_size", config.embeddingSize());
      json.writeNumberField("max_sequence_length", config.maxSequenceLength());
      json.writeNumberField("rope_theta", shortest(config.ropeTheta()));
      json.writeNumberField("rms_norm_eps", shortest(config.rmsNormEps()));
      json.writeBooleanField("weight_tying", config.weightTying());
      json.writeNumberField("mask_token_id", config.maskTokenId());
      json.writeNumberField("eos_token_id", config.eosTokenId());
      json.writeNumberField("pad_token_id", config.padTokenId());
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail so
    }
    return bytes.toByteArray();
  }
}
