package llada.checkpoint;

import it.unimi.dsi.fastutil.floats.FloatList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.ints.IntList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import llada.format.FormatException;
import llada.format.Gguf;
import llada.format.GgufWriter;
import llada.kernel.scalar.Router;
import llada.model.Architecture;
import llada.model.AttentionConfig;
import llada.model.FeedForwardConfig;
import llada.model.LladaConfig;
import llada.model.RopeScaling;
import llada.model.SpecialTokens;
import llada.tensor.Shape;
import llada.tensor.Tensor;
import llada.tokenizer.Tokenizer;

/** The metadata of a GGUF file, but for the vocabulary. */
final class GgufConfig {
  private static final int LARGEST = 1 << 24;
  private static final int MOST = 1 << 16; // layers, experts, heads
  private static final String EMBEDDING = "token_embd.weight";
  private static final String ROPE_DIVISORS = "rope_freqs.weight";
  private static final int QUANTIZATION_VERSION = 2;
  private static final int SOFTMAX = 1; // as llama.cpp numbers gating functions
  private static final int SIGMOID = 2;

  /** Keys of the architecture that are read, or that nothing is computed by. */
  private static final Set<String> KNOWN =
      Set.of(
          ("attention.causal attention.head_count attention.head_count_kv"
                  + " attention.layer_norm_epsilon attention.layer_norm_rms_epsilon"
                  + " block_count context_length embedding_length feed_forward_length"
                  + " pooling_type rope.dimension_count rope.freq_base"
                  + " rope.scaling.finetuned rope.scaling.original_context_length vocab_size")
              .split(" "));

  /** Those of models with experts. */
  private static final Set<String> KNOWN_OF_EXPERTS =
      Set.of(
          ("expert_count expert_used_count expert_group_count expert_group_used_count"
                  + " expert_gating_func expert_feed_forward_length"
                  + " expert_shared_feed_forward_length expert_shared_count expert_weights_scale"
                  + " expert_weights_norm leading_dense_block_count")
              .split(" "));

  private final Gguf gguf;
  private final Architecture architecture;

  private GgufConfig(Gguf gguf, Architecture architecture) {
    this.gguf = gguf;
    this.architecture = architecture;
  }

  /**
   * The configuration of {@code gguf}.
   *
   * @throws FormatException if a key is missing, has a wrong value, or names another architecture
   */
  static LladaConfig read(Gguf gguf, Tokenizer tokenizer) {
    Architecture architecture =
        Architecture.ofGguf(gguf.architecture())
            .orElseThrow(
                () ->
                    OtherModels.refusal(
                        gguf.file() + ": general.architecture is", gguf.architecture()));
    GgufConfig reader = new GgufConfig(gguf, architecture);
    try {
      LladaConfig config = reader.read(tokenizer);
      reader.refuseOthers(config);
      return config;
    } catch (IllegalArgumentException e) {
      throw new FormatException(gguf.file() + ": " + e.getMessage(), e);
    }
  }

  /** The names of the tensors that are weights. */
  static Set<String> weights(Gguf gguf) {
    Set<String> names = new TreeSet<>(gguf.entries().keySet());
    if (gguf.architecture().equals(Architecture.LLAMA.ggufName())) {
      names.remove(ROPE_DIVISORS);
    }
    return names;
  }

  private LladaConfig read(Tokenizer tokenizer) {
    boolean llama = architecture == Architecture.LLAMA;
    refuse(
        key("attention.causal"),
        !llama,
        llama ? "a LLaMA looks back only" : "a model that looks back only is no LLaDA");
    refuse("diffusion.shift_logits", true, "that is Dream's way; LLaDA's logits are not shifted");
    int rows = embeddingRows();
    int vocab = number("vocab_size", 1, Math.min(rows, tokenizer.size()));
    int c = number("embedding_length", 1);
    int layers = number("block_count", 1);
    List<FeedForwardConfig> feedForwards = feedForwards(layers);
    FamilyConfig.requireExperts(architecture, feedForwards, gguf.file().toString());
    return new LladaConfig(
        architecture,
        c,
        layers,
        attention(c),
        feedForwards,
        vocab,
        rows,
        number("context_length", 1),
        gguf.number(key("attention.layer_norm_rms_epsilon")),
        !has("output.weight"),
        tokens(tokenizer));
  }

  private String key(String name) {
    return architecture.ggufName() + "." + name;
  }

  private boolean has(String tensor) {
    return gguf.entries().containsKey(tensor);
  }

  private int number(String name, int least) {
    return gguf.integer(key(name), least, LARGEST);
  }

  private int number(String name, int least, int absent) {
    return gguf.integer(key(name), least, LARGEST, absent);
  }

  private AttentionConfig attention(int c) {
    boolean experts = withExperts();
    int heads = gguf.integer(key("attention.head_count"), 1, experts ? MOST : LARGEST);
    boolean ownDim = architecture == Architecture.LLADA || !gguf.has(key("attention.key_length"));
    int headDim = ownDim ? LladaConfig.headDim(c, heads) : number("attention.key_length", 1);
    int rotary = number("rope.dimension_count", 1, headDim);
    if (rotary != headDim && !experts) {
      throw new FormatException(
          "%s: %s is %d, but a head has %d channels; partial rotation is not supported"
              .formatted(gguf.file(), key("rope.dimension_count"), rotary, headDim));
    }
    RopeScaling scaling =
        architecture == Architecture.LLAMA && has(ROPE_DIVISORS)
            ? new RopeScaling.Divided(divisors(rotary / 2))
            : RopeScaling.NONE;
    boolean fused = architecture == Architecture.LLADA2;
    return new AttentionConfig(
        heads,
        number("attention.head_count_kv", 1, heads),
        headDim,
        rotary,
        gguf.number(key("rope.freq_base"), 10000),
        scaling,
        experts && has("blk.0.attn_q_norm.weight"),
        experts && has(fused ? "blk.0.attn_qkv.bias" : "blk.0.attn_q.bias"),
        experts && has("blk.0.attn_output.bias"),
        switch (architecture.decoding()) {
          case ANY_ORDER -> AttentionConfig.FULL;
          case LEFT_TO_RIGHT -> AttentionConfig.CAUSAL;
          case BLOCK_BY_BLOCK ->
              gguf.integer("diffusion.block_length", 1, LARGEST, FamilyConfig.BLOCK);
        });
  }

  private FloatList divisors(int count) {
    Tensor tensor = gguf.tensor(ROPE_DIVISORS);
    if (!tensor.shape().equals(Shape.of(count))) {
      throw new FormatException(
          "%s: tensor %s is %s, but %d frequencies need one each"
              .formatted(gguf.file(), ROPE_DIVISORS, tensor.shape(), count));
    }
    FloatList all = FloatList.of(tensor.toArray());
    for (float divisor : all) {
      if (!(divisor > 0 && Float.isFinite(divisor))) {
        throw new FormatException(
            "%s: tensor %s holds %s; a frequency cannot be divided by it"
                .formatted(gguf.file(), ROPE_DIVISORS, divisor));
      }
    }
    return all;
  }

  private boolean withExperts() {
    return architecture == Architecture.LLADA_MOE || architecture == Architecture.LLADA2;
  }

  private List<FeedForwardConfig> feedForwards(int layers) {
    if (!withExperts()) {
      return Collections.nCopies(
          layers, new FeedForwardConfig.Dense(number("feed_forward_length", 1)));
    }
    gguf.integer(key("block_count"), 1, MOST);
    int dense = Math.min(layers, number("leading_dense_block_count", 0, 0));
    return FeedForwardConfig.denseFirst(
        layers,
        dense,
        new FeedForwardConfig.Dense(dense > 0 ? number("feed_forward_length", 1) : 0),
        new FeedForwardConfig.Experts(
            gguf.integer(key("expert_count"), 1, MOST),
            gguf.integer(key("expert_used_count"), 1, MOST),
            number("expert_feed_forward_length", 1),
            shared(dense),
            router(dense)));
  }

  /**
   * F of the shared expert. Its key is that of all shared ones together, or of each; the tensor
   * tells which.
   */
  private int shared(int layer) {
    String name = "blk.%d.ffn_gate_shexp.weight".formatted(layer);
    if (!has(name)) {
      return 0;
    }
    Tensor tensor = gguf.tensor(name);
    int rows = tensor.shape().rank() == 2 ? tensor.dim(0) : 0;
    int said = number("expert_shared_feed_forward_length", 0, rows);
    if (said != rows && (long) said * number("expert_shared_count", 0, 1) != rows) {
      throw new FormatException(
          "%s: %s is %d, but tensor %s is %s"
              .formatted(
                  gguf.file(),
                  key("expert_shared_feed_forward_length"),
                  said,
                  name,
                  tensor.shape()));
    }
    return rows;
  }

  private Router router(int layer) {
    boolean sigmoid = architecture == Architecture.LLADA2;
    int function = sigmoid ? SIGMOID : SOFTMAX;
    only("expert_gating_func", number("expert_gating_func", 0, function), function);
    boolean normed = gguf.bool(key("expert_weights_norm"), sigmoid);
    only("expert_weights_norm", normed, sigmoid);
    double scale =
        sigmoid
            ? gguf.number(key("expert_weights_scale"))
            : gguf.number(key("expert_weights_scale"), 1);
    if (!sigmoid) {
      only("expert_weights_scale", scale == 0 ? 1 : scale, 1.0);
      boolean bias = has("blk.%d.exp_probs_b.bias".formatted(layer));
      return new Router(
          Router.Scores.SOFTMAX, bias ? Router.Bias.WEIGHT : Router.Bias.NONE, false, 1, 1, 1);
    }
    return new Router(
        Router.Scores.SIGMOID,
        Router.Bias.SELECTION,
        number("expert_used_count", 1) > 1,
        (float) scale,
        number("expert_group_count", 1, 1),
        number("expert_group_used_count", 1, 1));
  }

  private void only(String name, Object found, Object wanted) {
    if (!found.equals(wanted)) {
      throw new FormatException(
          "%s: metadata key %s is %s; only %s is supported"
              .formatted(gguf.file(), key(name), found, wanted));
    }
  }

  private SpecialTokens tokens(Tokenizer tokenizer) {
    int eos = id("eos").orElseThrow(() -> noId("eos"));
    OptionalInt turn = tokenizer.id(architecture.endOfTurn());
    IntList others = new IntArrayList();
    for (String which : List.of("eot", "eom")) {
      OptionalInt id = id(which);
      if (id.isPresent() && id.getAsInt() != eos && !id.equals(turn)) {
        others.add(id.getAsInt());
      }
    }
    return new SpecialTokens(
        mask(tokenizer), eos, id("padding").orElse(eos), turn, id("bos"), others);
  }

  private OptionalInt mask(Tokenizer tokenizer) {
    List<String> texts = architecture.masks();
    if (texts.isEmpty() || id("mask").isPresent()) {
      return texts.isEmpty() ? OptionalInt.empty() : id("mask");
    }
    // llama.cpp's converter writes the id only if the tokenizer's files name a mask
    return texts.stream()
        .map(tokenizer::id)
        .filter(id -> id.isPresent() && architecture != Architecture.LLADA)
        .findFirst()
        .orElseThrow(() -> noId("mask"));
  }

  private void refuse(String key, boolean wrong, String reason) {
    if (gguf.bool(key, !wrong) == wrong) {
      throw new FormatException("%s: %s is %s; %s".formatted(gguf.file(), key, wrong, reason));
    }
  }

  /** A key of the architecture that is not read must have a value that changes nothing. */
  private void refuseOthers(LladaConfig config) {
    gguf.metadata()
        .forEach(
            (key, value) -> {
              String name = key.substring(Math.min(key.length(), key("").length()));
              boolean size =
                  name.equals("attention.key_length") || name.equals("attention.value_length");
              if (key.startsWith(key(""))
                  && !KNOWN.contains(name)
                  && !(withExperts() && KNOWN_OF_EXPERTS.contains(name))
                  && !(size && value.equals((long) config.headDim()))
                  && !ConfigKeys.off(key, value, true)) {
                throw ConfigKeys.unknown(
                    gguf.file() + ": metadata key " + key,
                    value instanceof List<?> list ? "an array of " + list.size() : value);
              }
            });
  }

  private int embeddingRows() {
    Tensor embedding = gguf.tensor(EMBEDDING);
    if (embedding.shape().rank() != 2 || embedding.shape().dim(0) > LARGEST) {
      throw new FormatException(
          "%s: tensor %s is %s; a matrix of at most %d rows is needed"
              .formatted(gguf.file(), EMBEDDING, embedding.shape(), LARGEST));
    }
    return embedding.dim(0);
  }

  private OptionalInt id(String which) {
    String key = "tokenizer.ggml.%s_token_id".formatted(which);
    return gguf.has(key) ? OptionalInt.of(gguf.integer(key, 0, LARGEST)) : OptionalInt.empty();
  }

  private FormatException noId(String which) {
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
   * @param begins whether the start of text is put before a text
   */
  static void write(GgufWriter out, LladaConfig config, String name, int fileType, boolean begins) {
    Architecture architecture = config.architecture();
    AttentionConfig attention = config.attention();
    String prefix = architecture.ggufName() + ".";
    int hidden =
        config.experts().map(e -> FamilyConfig.dense(config, e)).orElse(config.mlpHiddenSize());
    out.string("general.architecture", architecture.ggufName())
        .string("general.type", "model")
        .string("general.name", name)
        .uint32("general.file_type", fileType)
        .uint32("general.quantization_version", QUANTIZATION_VERSION)
        .uint32(prefix + "block_count", config.nLayers())
        .uint32(prefix + "context_length", config.maxSequenceLength())
        .uint32(prefix + "embedding_length", config.dModel())
        .uint32(prefix + "feed_forward_length", hidden)
        .uint32(prefix + "attention.head_count", config.nHeads())
        .uint32(prefix + "attention.head_count_kv", config.nKvHeads())
        .uint32(prefix + "vocab_size", config.vocabSize())
        .uint32(prefix + "rope.dimension_count", attention.rotaryDims())
        .float32(prefix + "rope.freq_base", (float) config.ropeTheta())
        .float32(prefix + "attention.layer_norm_rms_epsilon", (float) config.rmsNormEps());
    if (architecture == Architecture.LLADA2
        || config.headDim() * config.nHeads() != config.dModel()) {
      out.uint32(prefix + "attention.key_length", config.headDim())
          .uint32(prefix + "attention.value_length", config.headDim());
    }
    config.experts().ifPresent(experts -> write(out, prefix, experts, config));
    switch (architecture.decoding()) {
      case ANY_ORDER ->
          out.bool(prefix + "attention.causal", false).bool("diffusion.shift_logits", false);
      case BLOCK_BY_BLOCK -> {
        out.string(prefix + "rope.scaling.type", "none").bool("diffusion.shift_logits", false);
        if (attention.block() != FamilyConfig.BLOCK) { // which every reader takes for granted
          out.uint32("diffusion.block_length", attention.block());
        }
      }
      case LEFT_TO_RIGHT ->
          RopeConfig.divisors(attention).ifPresent(by -> out.vector(ROPE_DIVISORS, by));
    }
    write(out, config.tokens());
    out.bool("tokenizer.ggml.add_bos_token", begins).bool("tokenizer.ggml.add_eos_token", false);
  }

  private static void write(
      GgufWriter out, String prefix, FeedForwardConfig.Experts experts, LladaConfig config) {
    int dense = FamilyConfig.denseLayers(config);
    out.uint32(prefix + "expert_count", experts.count())
        .uint32(prefix + "expert_used_count", experts.perToken())
        .uint32(prefix + "expert_feed_forward_length", experts.hidden());
    boolean sigmoid = config.architecture() == Architecture.LLADA2;
    if (sigmoid || dense > 0) {
      out.uint32(prefix + "leading_dense_block_count", dense);
    }
    if (experts.sharedHidden() > 0) { // as one, which every reader understands alike
      out.uint32(prefix + "expert_shared_feed_forward_length", experts.sharedHidden())
          .uint32(prefix + "expert_shared_count", 1);
    }
    if (sigmoid) {
      out.uint32(prefix + "expert_group_count", experts.router().groups())
          .uint32(prefix + "expert_group_used_count", experts.router().groupsUsed())
          .uint32(prefix + "expert_gating_func", SIGMOID)
          .float32(prefix + "expert_weights_scale", experts.router().scale())
          .bool(prefix + "expert_weights_norm", true);
    }
  }

  private static void write(GgufWriter out, SpecialTokens tokens) {
    out.string("tokenizer.ggml.model", "gpt2")
        .uint32("tokenizer.ggml.eos_token_id", tokens.eos())
        .uint32("tokenizer.ggml.padding_token_id", tokens.pad());
    tokens.mask().ifPresent(id -> out.uint32("tokenizer.ggml.mask_token_id", id));
    tokens.bos().ifPresent(id -> out.uint32("tokenizer.ggml.bos_token_id", id));
    IntList others = tokens.otherEnds();
    if (others.size() > 2) {
      throw new FormatException(
          "%d tokens end an answer beside the end of text and of a turn; a GGUF file holds 2"
              .formatted(others.size()));
    }
    for (int i = 0; i < others.size(); i++) {
      out.uint32("tokenizer.ggml.%s_token_id".formatted(i == 0 ? "eom" : "eot"), others.getInt(i));
    }
  }
}
