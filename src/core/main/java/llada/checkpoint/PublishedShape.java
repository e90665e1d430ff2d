package llada.checkpoint;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.IntFunction;
import llada.kernel.scalar.Router;
import llada.model.Architecture;
import llada.model.AttentionConfig;
import llada.model.FeedForwardConfig;
import llada.model.LladaConfig;
import llada.model.RopeScaling;
import llada.model.SpecialTokens;

/**
 * The sizes of models of the family, for files and measurements without their weights.
 *
 * <p>LLaDA-8B (also LLaDA-1.5) is that of its config.json. LLaDA-1B is table 5 of the paper (arXiv
 * 2502.09992), with the tokenizer, context and rotary base of the 8B model. iLLaDA-8B is its model
 * card; the card gives only the mask's id, so the other special tokens stand where we put them, and
 * the rotary base is LLaDA's. LLaDA2-mini (2.0 and 2.1), LLaDA-MoE-7B-A1B and LLaMA 3 8B are those
 * of their config.json; of Ling's special tokens, {@code <role>} and {@code </role>} stand where we
 * put them.
 */
public enum PublishedShape {
  LLADA_8B("llada-8b", 32, layers -> llada(layers, 4096, 32, 12288)),
  ILLADA_8B("illada-8b", 32, PublishedShape::illada),
  LLADA_1B("llada-1b", 22, layers -> llada(layers, 2048, 4, 5634)),
  LLADA2_MINI("llada2-mini", 20, PublishedShape::llada2),
  LLADA_MOE("llada-moe", 16, PublishedShape::lladaMoe),
  LLAMA3_8B("llama3-8b", 32, PublishedShape::llama3);

  private static final int LLADA_VOCABULARY = 126464;
  private static final int ILLADA_VOCABULARY = 155136;
  private static final int LING_VOCABULARY = 157184;
  private static final int LLAMA_VOCABULARY = 128256;
  private static final double ROPE_THETA = 500000;
  private static final double EPS = 1e-5;

  private final String text;
  private final int layers;
  private final IntFunction<LladaConfig> config;

  PublishedShape(String text, int layers, IntFunction<LladaConfig> config) {
    this.text = text;
    this.layers = layers;
    this.config = config;
  }

  /** Number of blocks. */
  public int layers() {
    return layers;
  }

  /** The configuration, with another number of layers. */
  public LladaConfig config(int wantedLayers) {
    return config.apply(wantedLayers);
  }

  private static LladaConfig llada(int layers, int channels, int kvHeads, int feedForward) {
    return new LladaConfig(
        channels,
        layers,
        32,
        kvHeads,
        feedForward,
        LLADA_VOCABULARY,
        LLADA_VOCABULARY,
        4096,
        ROPE_THETA,
        EPS,
        false,
        126336,
        126081,
        126081,
        OptionalInt.of(126348),
        OptionalInt.of(126080));
  }

  private static LladaConfig illada(int layers) {
    return new LladaConfig(
        4096,
        layers,
        32,
        8,
        14336,
        ILLADA_VOCABULARY,
        ILLADA_VOCABULARY,
        8192,
        ROPE_THETA,
        EPS,
        true,
        5,
        1,
        1,
        OptionalInt.of(4),
        OptionalInt.of(0));
  }

  private static LladaConfig llada2(int layers) {
    Router router = new Router(Router.Scores.SIGMOID, Router.Bias.SELECTION, true, 2.5f, 8, 4);
    return new LladaConfig(
        Architecture.LLADA2,
        2048,
        layers,
        attention(16, 4, 64, 600000, true, FamilyConfig.BLOCK),
        FeedForwardConfig.denseFirst(
            layers,
            Math.min(1, layers - 1), // a single layer is one with experts
            new FeedForwardConfig.Dense(5120),
            new FeedForwardConfig.Experts(256, 8, 512, 512, router)),
        LING_VOCABULARY,
        LING_VOCABULARY,
        32768,
        1e-6,
        false,
        lingTokens());
  }

  private static LladaConfig lladaMoe(int layers) {
    return new LladaConfig(
        Architecture.LLADA_MOE,
        2048,
        layers,
        attention(16, 16, 128, 50000, true, AttentionConfig.FULL),
        Collections.nCopies(layers, new FeedForwardConfig.Experts(64, 8, 1024, 0, Router.SOFTMAX)),
        LING_VOCABULARY,
        LING_VOCABULARY,
        8192,
        EPS,
        false,
        lingTokens());
  }

  private static LladaConfig llama3(int layers) {
    return new LladaConfig(
        Architecture.LLAMA,
        4096,
        layers,
        attention(32, 8, 128, ROPE_THETA, false, AttentionConfig.CAUSAL),
        Collections.nCopies(layers, new FeedForwardConfig.Dense(14336)),
        LLAMA_VOCABULARY,
        LLAMA_VOCABULARY,
        8192,
        EPS,
        false,
        SpecialTokens.of(
            OptionalInt.empty(), 128001, 128001, OptionalInt.of(128009), OptionalInt.of(128000)));
  }

  /** Heads of 128 channels without biases. */
  private static AttentionConfig attention(
      int heads, int kvHeads, int rotary, double theta, boolean qkNorm, int block) {
    return new AttentionConfig(
        heads, kvHeads, 128, rotary, theta, RopeScaling.NONE, qkNorm, false, false, block);
  }

  private static SpecialTokens lingTokens() {
    return SpecialTokens.of(
        OptionalInt.of(156895), 156892, 156892, OptionalInt.of(156900), OptionalInt.of(156891));
  }

  /** Ids from here on have no token, unless a special one. */
  int tokens() {
    return switch (this) {
      case LLADA_8B, LLADA_1B -> 126349;
      case ILLADA_8B -> ILLADA_VOCABULARY;
      case LLADA2_MINI, LLADA_MOE -> 157153;
      case LLAMA3_8B -> LLAMA_VOCABULARY;
    };
  }

  /** The special tokens by id. */
  Map<Integer, String> specialTokens() {
    return switch (this) {
      case LLADA_8B, LLADA_1B -> {
        Map<Integer, String> names = reserved(126080);
        names(names, 126080, "<|startoftext|> <|endoftext|> [CLS] [gMASK]");
        names(names, 126336, "<|mdm_mask|>");
        names(names, 126340, "<role> </role>");
        names(names, 126346, "<|start_header_id|> <|end_header_id|> <|eot_id|>");
        yield names;
      }
      case ILLADA_8B -> {
        Map<Integer, String> names = new LinkedHashMap<>();
        names(
            names,
            0,
            "<|startoftext|> <|endoftext|> <|start_header_id|> <|end_header_id|> <|eot_id|> <|mdm_mask|>");
        yield names;
      }
      case LLADA2_MINI, LLADA_MOE -> {
        Map<Integer, String> names = reserved(156891);
        names(names, 156891, "<|startoftext|> <|endoftext|> [CLS] [gMASK] <|mask|>");
        names(names, 156898, "<role> </role> <|role_end|>");
        yield names;
      }
      case LLAMA3_8B -> {
        Map<Integer, String> names = reserved(128000);
        names(names, 128000, "<|begin_of_text|> <|end_of_text|>");
        names(names, 128006, "<|start_header_id|> <|end_header_id|>");
        names(names, 128009, "<|eot_id|>");
        yield names;
      }
    };
  }

  private Map<Integer, String> reserved(int first) {
    Map<Integer, String> names = new LinkedHashMap<>();
    for (int id = first; id < tokens(); id++) {
      names.put(id, "<|reserved_token_" + (id - first) + "|>");
    }
    return names;
  }

  private static void names(Map<Integer, String> names, int first, String texts) {
    List<String> all = List.of(texts.split(" "));
    for (int i = 0; i < all.size(); i++) {
      names.put(first + i, all.get(i));
    }
  }

  /** As the command line writes it. */
  @Override
  public String toString() {
    return text;
  }
}
