package llada.checkpoint;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import llada.format.FormatException;
import llada.format.Json;
import llada.kernel.scalar.Router;
import llada.model.Architecture;
import llada.model.AttentionConfig;
import llada.model.FeedForwardConfig;
import llada.model.LladaConfig;
import llada.model.RopeScaling;

/**
 * The config.json of LLaDA-MoE, LLaDA2 and LLaMA. Values that are read stand with the defaults of
 * the published classes: a key that is absent means those.
 */
final class FamilyConfig {
  private static final int LARGEST = 1 << 24;
  private static final int MOST = 1 << 16; // layers, experts, heads

  /** What a token of LLaDA2 sees, where no file says otherwise. */
  static final int BLOCK = 32;

  private static final String COMMON =
      """
      vocab_size                       read   null
      hidden_size                      read   null
      num_hidden_layers                read   null
      num_attention_heads              read   null
      num_key_value_heads              read   null
      hidden_act                       only   "silu"
      tie_word_embeddings              read   false
      rope_theta                       read   10000.0
      rope_parameters                  read   null
      rope_scaling                     read   null
      attention_dropout                any    0.0
      output_router_logits             any    false
      """;

  private static final Map<Architecture, ConfigTable> TABLES = new EnumMap<>(Architecture.class);

  static {
    TABLES.put(
        Architecture.LLADA_MOE,
        ConfigTable.of(
            COMMON
                + """
                dense_intermediate_size          read   null
                expert_intermediate_size         read   null
                shared_expert_intermediate_size  read   null
                num_experts                      read   null
                num_experts_per_tok              read   null
                moe_layer_freq                   read   []
                qk_layernorm                     read   false
                partial_rotary_factor            read   1.0
                rms_norm_eps                     read   1e-5
                max_position_embeddings          read   4096
                attention_bias                   read   false
                moe_router_enable_expert_bias    read   false
                head_dim                         read   null
                clip_qkv                         only   null
                norm_topk_prob                   only   null, false
                routed_scaling_factor            only   1
                moe_router_score_function        only   "softmax"
                router_num_group                 only   null
                router_topk_group                only   null
                """));
    TABLES.put(
        Architecture.LLADA2,
        ConfigTable.of(
            COMMON
                + """
                intermediate_size                read   null
                moe_intermediate_size            read   null
                num_experts                      read   null
                num_shared_experts               read   0
                num_experts_per_tok              read   2
                n_group                          read   8
                topk_group                       read   4
                routed_scaling_factor            read   2.5
                first_k_dense_replace            read   0
                head_dim                         read   null
                use_qk_norm                      read   true
                use_qkv_bias                     read   false
                use_bias                         read   true
                partial_rotary_factor            read   0.5
                rotary_dim                       read   null
                rms_norm_eps                     read   1e-5
                max_position_embeddings          read   16384
                block_size                       read   null
                norm_head                        only   false
                norm_softmax                     only   false
                norm_topk_prob                   only   true
                score_function                   only   "sigmoid"
                router_dtype                     only   "fp32"
                moe_router_enable_expert_bias    only   true
                use_sliding_window               only   false
                sliding_window                   any    null
                max_window_layers                any    null
                embedding_dropout                any    0.0
                output_dropout                   any    0.0
                expert_capacity                  never  that is LLaDA2.2, whose tokens of a block choose their experts together, which is not supported: use LLaDA2.0 or 2.1
                """));
    TABLES.put(
        Architecture.LLAMA,
        ConfigTable.of(
            COMMON
                + """
                intermediate_size                read   null
                head_dim                         read   null
                rms_norm_eps                     read   1e-6
                max_position_embeddings          read   2048
                attention_bias                   only   false
                mlp_bias                         only   false
                """));
  }

  private final Architecture architecture;
  private final Json json;
  private final ConfigTable table;

  private FamilyConfig(Architecture architecture, Json json) {
    this.architecture = architecture;
    this.json = json;
    this.table = TABLES.get(architecture);
  }

  /**
   * The configuration in {@code json}.
   *
   * @throws FormatException if a key is missing, has a wrong value, or may change numbers and is
   *     not known
   */
  static LladaConfig read(Architecture architecture, Json json, OtherFiles others) {
    FamilyConfig reader = new FamilyConfig(architecture, json);
    reader.table.check(json);
    try {
      return reader.read(others);
    } catch (IllegalArgumentException e) {
      throw new FormatException(json.where() + ": " + e.getMessage(), e);
    }
  }

  private LladaConfig read(OtherFiles others) {
    int c = size("hidden_size");
    int layers = number("num_hidden_layers", 1, MOST);
    int vocab = size("vocab_size");
    List<FeedForwardConfig> feedForwards = feedForwards(layers);
    requireExperts(architecture, feedForwards, json.where());
    return new LladaConfig(
        architecture,
        c,
        layers,
        attention(c, others),
        feedForwards,
        vocab,
        vocab,
        size("max_position_embeddings"),
        get("rms_norm_eps").number(),
        flag("tie_word_embeddings"),
        others.tokens(architecture, json, vocab));
  }

  /** A model whose files speak of experts has some. */
  static void requireExperts(
      Architecture architecture, List<FeedForwardConfig> feedForwards, String where) {
    boolean dense = architecture == Architecture.LLADA || architecture == Architecture.LLAMA;
    if (!dense && feedForwards.stream().noneMatch(f -> f instanceof FeedForwardConfig.Experts)) {
      throw new FormatException(
          "%s: all %d layers are dense; a model of this architecture has experts"
              .formatted(where, feedForwards.size()));
    }
  }

  private Json get(String key) {
    return table.get(json, key);
  }

  private int number(String key, int least, int most) {
    return get(key).integer(least, most);
  }

  private int size(String key) {
    return number(key, 1, LARGEST);
  }

  private boolean flag(String key) {
    return get(key).bool();
  }

  private AttentionConfig attention(int c, OtherFiles others) {
    boolean llada2 = architecture == Architecture.LLADA2;
    boolean llama = architecture == Architecture.LLAMA;
    int heads = number("num_attention_heads", 1, MOST);
    Json given = get("num_key_value_heads").or(0L); // 0: as many, as the class of LLaDA2.1 has it
    int kvHeads = given.integer(!llada2 && !json.get("num_key_value_heads").isNull() ? 1 : 0, MOST);
    Json ownDim = get("head_dim");
    boolean derived = ownDim.isNull() || architecture == Architecture.LLADA_MOE;
    int headDim = derived ? LladaConfig.headDim(c, heads) : ownDim.integer(1, MOST);
    agrees(ownDim, headDim);
    RopeConfig rope =
        RopeConfig.read(
            json,
            new RopeConfig(
                get("rope_theta").number(),
                llama ? 1 : get(RopeConfig.SHARE).number(),
                RopeScaling.NONE),
            Set.of(llama ? RopeConfig.LLAMA3 : RopeConfig.SHARE));
    int rotary = (int) (headDim * rope.share());
    if (llada2) {
      agrees(get("rotary_dim"), rotary);
    }
    boolean bias = architecture == Architecture.LLADA_MOE && flag("attention_bias");
    return new AttentionConfig(
        heads,
        kvHeads == 0 ? heads : kvHeads,
        headDim,
        rotary,
        rope.theta(),
        rope.scaling(),
        !llama && flag(llada2 ? "use_qk_norm" : "qk_layernorm"),
        llada2 ? flag("use_qkv_bias") : bias,
        llada2 ? flag("use_bias") : bias,
        llada2 ? block(others) : llama ? AttentionConfig.CAUSAL : AttentionConfig.FULL);
  }

  private int block(OtherFiles others) {
    Json given = get("block_size");
    for (String key : List.of("block_length", "block_size")) {
      given = given.or(others.generation().get(key).value());
    }
    return given.or((long) BLOCK).integer(1, LARGEST);
  }

  private static void agrees(Json given, int wanted) {
    if (!given.isNull() && given.integer() != wanted) {
      throw new FormatException(
          "%s is %s, but the other keys make it %d; correct one or remove this"
              .formatted(given.where(), given.value(), wanted));
    }
  }

  private List<FeedForwardConfig> feedForwards(int layers) {
    return switch (architecture) {
      case LLADA2 -> {
        int dense = Math.min(layers, number("first_k_dense_replace", 0, MOST));
        yield FeedForwardConfig.denseFirst(
            layers,
            dense,
            new FeedForwardConfig.Dense(dense > 0 ? size("intermediate_size") : 0),
            sigmoidExperts());
      }
      case LLADA_MOE -> byFrequency(layers);
      default ->
          Collections.nCopies(layers, new FeedForwardConfig.Dense(size("intermediate_size")));
    };
  }

  private FeedForwardConfig.Experts sigmoidExperts() {
    int hidden = size("moe_intermediate_size");
    long shared = (long) hidden * number("num_shared_experts", 0, MOST);
    if (shared > LARGEST) {
      throw new FormatException(
          "%s: num_shared_experts times moe_intermediate_size is %d; it must be at most %d"
              .formatted(json.where(), shared, LARGEST));
    }
    return new FeedForwardConfig.Experts(
        number("num_experts", 1, MOST),
        number("num_experts_per_tok", 1, MOST),
        hidden,
        (int) shared,
        new Router(
            Router.Scores.SIGMOID,
            Router.Bias.SELECTION,
            number("num_experts_per_tok", 1, MOST) > 1,
            (float) get("routed_scaling_factor").number(),
            number("n_group", 1, MOST),
            number("topk_group", 1, MOST)));
  }

  /** A layer has experts where moe_layer_freq is 1. */
  private List<FeedForwardConfig> byFrequency(int layers) {
    Json frequency = get("moe_layer_freq");
    if (frequency.size() != layers) {
      throw new FormatException(
          "%s has %d entries; it needs one, 0 or 1, for each of %d layers"
              .formatted(frequency.where(), frequency.size(), layers));
    }
    Json shared = get("shared_expert_intermediate_size");
    Router.Bias bias =
        flag("moe_router_enable_expert_bias") ? Router.Bias.WEIGHT : Router.Bias.NONE;
    FeedForwardConfig.Experts experts =
        new FeedForwardConfig.Experts(
            number("num_experts", 1, MOST),
            number("num_experts_per_tok", 1, MOST),
            size("expert_intermediate_size"),
            shared.isNull() ? 0 : shared.integer(1, LARGEST),
            new Router(Router.Scores.SOFTMAX, bias, false, 1, 1, 1));
    List<FeedForwardConfig> all = new ArrayList<>();
    for (Json one : frequency.list()) {
      all.add(
          one.integer(0, 1) == 1
              ? experts
              : new FeedForwardConfig.Dense(size("dense_intermediate_size")));
    }
    return List.copyOf(all);
  }

  /** The keys of a config.json that {@link #read} and the published code read as {@code config}. */
  static Map<String, Object> written(LladaConfig config) {
    AttentionConfig attention = config.attention();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("vocab_size", config.embeddingSize());
    values.put("hidden_size", config.dModel());
    values.put("num_hidden_layers", config.nLayers());
    values.put("num_attention_heads", config.nHeads());
    values.put("num_key_value_heads", config.nKvHeads());
    values.put("tie_word_embeddings", config.weightTying());
    values.put("rope_theta", HuggingFaceConfig.shortest(config.ropeTheta()));
    values.put("rms_norm_eps", HuggingFaceConfig.shortest(config.rmsNormEps()));
    values.put("max_position_embeddings", config.maxSequenceLength());
    RopeConfig.written(attention).ifPresent(scaling -> values.put("rope_scaling", scaling));
    if (config.architecture() != Architecture.LLAMA) {
      values.put(RopeConfig.SHARE, (double) attention.rotaryDims() / attention.headDim());
    }
    switch (config.architecture()) {
      case LLADA2 -> llada2(values, config, config.experts().orElseThrow());
      case LLADA_MOE -> lladaMoe(values, config, config.experts().orElseThrow());
      default -> {
        values.put("head_dim", config.headDim());
        values.put("intermediate_size", config.mlpHiddenSize());
      }
    }
    return TABLES.get(config.architecture()).written(values);
  }

  private static void llada2(
      Map<String, Object> values, LladaConfig config, FeedForwardConfig.Experts experts) {
    AttentionConfig attention = config.attention();
    values.put("head_dim", config.headDim());
    values.put("rotary_dim", attention.rotaryDims());
    values.put("use_qk_norm", attention.qkNorm());
    values.put("use_qkv_bias", attention.qkvBias());
    values.put("use_bias", attention.outBias());
    values.put("intermediate_size", dense(config, experts));
    values.put("first_k_dense_replace", denseLayers(config));
    values.put("moe_intermediate_size", experts.hidden());
    values.put("num_experts", experts.count());
    if (experts.sharedHidden() % experts.hidden() != 0) {
      throw new FormatException(
          "the shared expert has %d channels, no multiple of the %d of the others; config.json cannot say so"
              .formatted(experts.sharedHidden(), experts.hidden()));
    }
    values.put("num_shared_experts", experts.sharedHidden() / experts.hidden());
    values.put("num_experts_per_tok", experts.perToken());
    values.put("n_group", experts.router().groups());
    values.put("topk_group", experts.router().groupsUsed());
    values.put(
        "routed_scaling_factor", Double.parseDouble(Float.toString(experts.router().scale())));
    if (attention.block() != BLOCK) {
      values.put("block_size", attention.block());
    }
  }

  private static void lladaMoe(
      Map<String, Object> values, LladaConfig config, FeedForwardConfig.Experts experts) {
    values.put("qk_layernorm", config.attention().qkNorm());
    values.put("attention_bias", config.attention().qkvBias());
    values.put("dense_intermediate_size", dense(config, experts));
    values.put("expert_intermediate_size", experts.hidden());
    values.put(
        "shared_expert_intermediate_size",
        experts.sharedHidden() == 0 ? null : experts.sharedHidden());
    values.put("num_experts", experts.count());
    values.put("num_experts_per_tok", experts.perToken());
    values.put(
        "moe_layer_freq",
        config.feedForwards().stream()
            .map(f -> f instanceof FeedForwardConfig.Experts ? 1 : 0)
            .toList());
    values.put("moe_router_enable_expert_bias", experts.router().bias() == Router.Bias.WEIGHT);
  }

  /** F of the dense layers; where there are none it is read by nobody, but must be there. */
  static int dense(LladaConfig config, FeedForwardConfig.Experts experts) {
    return config.mlpHiddenSize() > 0 ? config.mlpHiddenSize() : experts.hidden();
  }

  /**
   * How many of the first layers are dense.
   *
   * @throws FormatException if a later one is
   */
  static int denseLayers(LladaConfig config) {
    int dense = 0;
    while (dense < config.nLayers()
        && config.feedForward(dense) instanceof FeedForwardConfig.Dense) {
      dense++;
    }
    for (int layer = dense; layer < config.nLayers(); layer++) {
      if (config.feedForward(layer) instanceof FeedForwardConfig.Dense) {
        throw new FormatException(
            "layer %d is dense after one with experts; only a folder of LLaDA-MoE can say so"
                .formatted(layer));
      }
    }
    return dense;
  }
}
