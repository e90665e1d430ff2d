package llada.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import llada.format.FormatException;
import llada.format.Json;
import llada.model.Architecture;
import llada.model.AttentionConfig;
import llada.model.FeedForwardConfig;
import llada.model.LladaConfig;
import llada.model.RopeScaling;

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

  /**
   * Where the published folders keep the code that loads them: the part of its files' names, and
   * its configuration's. That of LLaMA belongs to transformers.
   */
  private static final Map<Architecture, Map.Entry<String, String>> CODE =
      Map.of(
          Architecture.LLADA, Map.entry("llada", "LLaDAConfig"),
          Architecture.LLADA_MOE, Map.entry("lladamoe", "LLaDAMoEConfig"),
          Architecture.LLADA2, Map.entry("llada2_moe", "LLaDA2MoeConfig"));

  private HuggingFaceConfig() {}

  /**
   * The configuration in {@code json}.
   *
   * @param others what fills in special tokens
   * @throws FormatException if a key is missing, has a wrong value, or names another architecture
   */
  static LladaConfig read(Json json, OtherFiles others) {
    Architecture architecture = architecture(json);
    if (architecture != Architecture.LLADA) {
      return FamilyConfig.read(architecture, json, others);
    }
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
    int layers = size(json, "n_layers");
    RopeConfig rope = RopeConfig.read(json, new RopeConfig(10000, 1, RopeScaling.NONE), Set.of());
    LladaConfig config;
    try {
      int headDim = LladaConfig.headDim(dModel, heads);
      config =
          new LladaConfig(
              Architecture.LLADA,
              dModel,
              layers,
              AttentionConfig.of(heads, kvHeads(json, heads), headDim, rope.theta()),
              Collections.nCopies(layers, new FeedForwardConfig.Dense(mlpHiddenSize(json, dModel))),
              vocab,
              json.get("embedding_size").or((long) vocab).integer(1, LARGEST),
              size(json, "max_sequence_length"),
              json.get("rms_norm_eps").or(1e-5).number(),
              json.get("weight_tying").or(true).bool(),
              others.tokens(Architecture.LLADA, json, vocab));
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

  /**
   * By the class: model_type llada is that of dense models and of LLaDA-MoE. A dense LLaDA may have
   * any class that calls itself so.
   */
  private static Architecture architecture(Json json) {
    Json type = json.get("model_type");
    List<String> classes =
        json.get("architectures").isNull()
            ? List.of()
            : json.get("architectures").list().stream().map(Json::string).toList();
    Optional<Architecture> known =
        classes.isEmpty()
            ? Arrays.stream(Architecture.values())
                .filter(a -> a != Architecture.LLADA_MOE && modelType(a).equals(type.value()))
                .findFirst()
            : Architecture.ofClass(classes.getFirst());
    String found = (type.isNull() ? "" : type.string()) + " " + String.join(" ", classes);
    String lower = found.toLowerCase(Locale.ROOT);
    if (known.isPresent() && (known.get() != Architecture.LLADA || dense(lower))) {
      return known.get();
    }
    if (!dense(lower)) {
      throw OtherModels.refusal(json.where() + ": model_type and architectures are", found.strip());
    }
    return Architecture.LLADA;
  }

  private static boolean dense(String lower) {
    return lower.contains("llada") && !lower.contains("moe") && !lower.contains("llada2");
  }

  private static String modelType(Architecture architecture) {
    return switch (architecture) {
      case LLADA, LLADA_MOE -> "llada";
      case LLADA2 -> "llada2_moe";
      case LLAMA -> "llama";
    };
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

  /** The 1e-5 that was meant where a GGUF file has the float32 next to it. */
  static double shortest(double value) {
    return (float) value == value ? Double.parseDouble(Float.toString((float) value)) : value;
  }

  /** The names of the files of the published code; none for LLaMA. */
  static List<String> code(Architecture architecture) {
    return CODE.containsKey(architecture)
        ? List.of(
            "configuration_%s.py".formatted(CODE.get(architecture).getKey()),
            "modeling_%s.py".formatted(CODE.get(architecture).getKey()))
        : List.of();
  }

  /**
   * The text of a config.json that {@link #read} and the published code read as {@code config}.
   *
   * @param withCode whether that code lies beside it, so that transformers can find it there
   */
  static byte[] write(LladaConfig config, boolean withCode) {
    Architecture architecture = config.architecture();
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("architectures", List.of(architecture.huggingFaceClass()));
    all.put("model_type", modelType(architecture));
    if (withCode) {
      Map.Entry<String, String> code = CODE.get(architecture);
      String model = "modeling_%s.%s".formatted(code.getKey(), architecture.huggingFaceClass());
      Map<String, Object> map = new LinkedHashMap<>();
      map.put("AutoConfig", "configuration_%s.%s".formatted(code.getKey(), code.getValue()));
      map.put("AutoModel", model);
      map.put("AutoModelForCausalLM", model);
      all.put("auto_map", map);
    }
    all.putAll(architecture == Architecture.LLADA ? written(config) : FamilyConfig.written(config));
    config.tokens().mask().ifPresent(mask -> all.put("mask_token_id", mask));
    List<Integer> ends = new ArrayList<>(List.of(config.eosTokenId()));
    ends.addAll(config.tokens().otherEnds());
    all.put("eos_token_id", ends.size() == 1 ? ends.getFirst() : ends);
    all.put("pad_token_id", config.padTokenId());
    if (architecture == Architecture.LLAMA) {
      config.bosTokenId().ifPresent(bos -> all.put("bos_token_id", bos));
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      write(json, all);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail so
    }
    return bytes.toByteArray();
  }

  private static void write(JsonGenerator json, Object value) throws IOException {
    switch (value) {
      case Map<?, ?> map -> {
        json.writeStartObject();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          json.writeFieldName(entry.getKey().toString());
          write(json, entry.getValue());
        }
        json.writeEndObject();
      }
      case List<?> list -> {
        json.writeStartArray();
        for (Object each : list) {
          write(json, each);
        }
        json.writeEndArray();
      }
      case null, default -> json.writeObject(value);
    }
  }

  private static Map<String, Object> written(LladaConfig config) {
    Map<String, Object> constant = new TreeMap<>(FIXED);
    constant.putAll(WRITTEN_ONLY);
    Map<String, Object> all = new LinkedHashMap<>(constant);
    all.put("d_model", config.dModel());
    all.put("n_layers", config.nLayers());
    all.put("n_heads", config.nHeads());
    all.put("n_kv_heads", config.nKvHeads());
    all.put("mlp_hidden_size", config.mlpHiddenSize());
    all.put("vocab_size", config.vocabSize());
    all.put("embedding_size", config.embeddingSize());
    all.put("max_sequence_length", config.maxSequenceLength());
    all.put("rope_theta", shortest(config.ropeTheta()));
    all.put("rms_norm_eps", shortest(config.rmsNormEps()));
    all.put("weight_tying", config.weightTying());
    return all;
  }
}
