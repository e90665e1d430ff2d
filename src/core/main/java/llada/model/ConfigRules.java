package llada.model;

import java.util.HashSet;
import java.util.List;
import llada.kernel.scalar.Router;

/** The rules that make the numbers of a {@link LladaConfig} a model. */
final class ConfigRules {
  /** More channels than any model has, and few enough to compute sizes with. */
  private static final int LARGEST = 1 << 24;

  private ConfigRules() {}

  /** C / H, which must be whole. */
  static int headDim(int dModel, int nHeads) {
    positive("d_model", dModel);
    positive("n_heads", nHeads);
    require(
        dModel % nHeads == 0,
        "d_model is %d, which is no multiple of n_heads, %d".formatted(dModel, nHeads));
    return dModel / nHeads;
  }

  static void check(
      int dModel,
      int nLayers,
      AttentionConfig attention,
      List<FeedForwardConfig> feedForwards,
      int vocabSize,
      int embeddingSize,
      int maxSequenceLength) {
    positive("d_model", dModel);
    positive("n_layers", nLayers);
    positive("n_heads", attention.heads());
    positive("n_kv_heads", attention.kvHeads());
    positive("head_dim", attention.headDim());
    positive("vocab_size", vocabSize);
    positive("max_sequence_length", maxSequenceLength);
    require(
        feedForwards.size() == nLayers,
        "%d feed-forwards are described, but n_layers is %d"
            .formatted(feedForwards.size(), nLayers));
    new HashSet<>(feedForwards).forEach(ConfigRules::check); // a hostile L must not take long
    require(
        attention.heads() % attention.kvHeads() == 0,
        "n_heads is %d, which is no multiple of n_kv_heads, %d"
            .formatted(attention.heads(), attention.kvHeads()));
    require(
        (long) attention.heads() * attention.headDim() <= LARGEST,
        "%d heads of %d channels; together they may have %d"
            .formatted(attention.heads(), attention.headDim(), LARGEST));
    require(
        embeddingSize >= vocabSize,
        "embedding_size is %d, less than vocab_size, %d".formatted(embeddingSize, vocabSize));
  }

  static void check(AttentionConfig attention, double rmsNormEps) {
    int rotary = attention.rotaryDims();
    require(
        rotary > 0 && rotary % 2 == 0 && rotary <= attention.headDim(),
        rotary == attention.headDim()
            ? "a head has %d channels; rotary embedding needs an even number".formatted(rotary)
            : "%d of a head's %d channels turn; it must be an even number, and no more than there are"
                .formatted(rotary, attention.headDim()));
    require(
        attention.ropeTheta() > 0 && Double.isFinite(attention.ropeTheta()),
        "rope_theta is %s; it must be positive".formatted(attention.ropeTheta()));
    require(
        rmsNormEps > 0 && rmsNormEps < 1,
        "rms_norm_eps is %s; it must lie between 0 and 1".formatted(rmsNormEps));
    require(
        attention.block() >= 0,
        "blocks of %d tokens; the number must be positive".formatted(attention.block()));
  }

  private static void check(FeedForwardConfig feedForward) {
    switch (feedForward) {
      case FeedForwardConfig.Dense(int hidden) -> positive("mlp_hidden_size", hidden);
      case FeedForwardConfig.Experts e -> {
        positive("number of experts", e.count());
        positive("channels of an expert", e.hidden());
        require(e.sharedHidden() >= 0, "channels of the shared expert are " + e.sharedHidden());
        require(
            e.perToken() > 0 && e.perToken() <= e.count(),
            "a token goes to %d of %d experts; it must be from 1 to that"
                .formatted(e.perToken(), e.count()));
        Router r = e.router();
        require(
            r.groups() > 0 && e.count() % r.groups() == 0,
            "%d experts do not divide into %d groups".formatted(e.count(), r.groups()));
        require(
            r.groups() == 1 || e.count() / r.groups() >= 2,
            "%d groups of one expert; a group needs two".formatted(r.groups()));
        require(
            r.groupsUsed() > 0
                && r.groupsUsed() <= r.groups()
                && (long) e.count() / r.groups() * r.groupsUsed() >= e.perToken(),
            "%d of %d groups are used, of %d experts; they must hold the %d of a token"
                .formatted(r.groupsUsed(), r.groups(), e.count(), e.perToken()));
      }
    }
  }

  static void check(SpecialTokens tokens, int vocabSize, int rows) {
    tokens.mask().ifPresent(value -> id("mask_token_id", value, rows));
    id("eos_token_id", tokens.eos(), rows);
    proposed("eos_token_id", tokens.eos(), vocabSize);
    id("pad_token_id", tokens.pad(), rows);
    tokens.eot().ifPresent(value -> id("end-of-turn id", value, rows));
    tokens.eot().ifPresent(value -> proposed("end-of-turn id", value, vocabSize));
    tokens.bos().ifPresent(value -> id("bos_token_id", value, rows));
    tokens.otherEnds().forEach(value -> id("eos_token_id", value, rows));
  }

  private static void positive(String name, int value) {
    require(value > 0, "%s is %d; it must be positive".formatted(name, value));
  }

  private static void id(String name, int value, int rows) {
    require(
        value >= 0 && value < rows,
        "%s is %d; it must be from 0 to %d, a row of the embedding"
            .formatted(name, value, rows - 1));
  }

  private static void proposed(String name, int value, int tokens) {
    require(
        value < tokens,
        "%s is %d, but vocab_size %d; an id beyond it is never proposed, so no answer would end: set vocab_size to the number of tokens"
            .formatted(name, value, tokens));
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}
