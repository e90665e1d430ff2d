package llada.model;

import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Everything that a checkpoint says about its shape and its special tokens, and all that the
 * forward pass knows of a model. No constant of a particular model stands anywhere else.
 *
 * @param architecture whose files it has, and how it writes
 * @param dModel C, channels of the residual stream
 * @param nLayers L
 * @param attention of every layer
 * @param feedForwards of each layer
 * @param vocabSize V, tokens that mean something
 * @param embeddingSize rows of the embedding and of the head, at least V; the rest is padding
 * @param maxSequenceLength the longest sequence the model was made for
 * @param rmsNormEps added to the mean square
 * @param weightTying whether the head is the embedding
 * @param tokens the special ones
 */
public record LladaConfig(
    Architecture architecture,
    int dModel,
    int nLayers,
    AttentionConfig attention,
    List<FeedForwardConfig> feedForwards,
    int vocabSize,
    int embeddingSize,
    int maxSequenceLength,
    double rmsNormEps,
    boolean weightTying,
    SpecialTokens tokens) {

  /**
   * Checks the rules that make these numbers a model.
   *
   * @throws IllegalArgumentException naming the value and the rule
   */
  public LladaConfig {
    ConfigRules.check(
        dModel, nLayers, attention, feedForwards, vocabSize, embeddingSize, maxSequenceLength);
    ConfigRules.check(attention, rmsNormEps);
    ConfigRules.check(tokens, vocabSize, embeddingSize);
  }

  /**
   * A dense LLaDA.
   *
   * @param nHeads H, query heads of C / H channels
   * @param nKvHeads key-value heads; H is a multiple of it
   * @param mlpHiddenSize F
   */
  public LladaConfig(
      int dModel,
      int nLayers,
      int nHeads,
      int nKvHeads,
      int mlpHiddenSize,
      int vocabSize,
      int embeddingSize,
      int maxSequenceLength,
      double ropeTheta,
      double rmsNormEps,
      boolean weightTying,
      int maskTokenId,
      int eosTokenId,
      int padTokenId,
      OptionalInt eotTokenId,
      OptionalInt bosTokenId) {
    this(
        Architecture.LLADA,
        dModel,
        nLayers,
        AttentionConfig.of(nHeads, nKvHeads, headDim(dModel, nHeads), ropeTheta),
        Collections.nCopies(Math.max(0, nLayers), new FeedForwardConfig.Dense(mlpHiddenSize)),
        vocabSize,
        embeddingSize,
        maxSequenceLength,
        rmsNormEps,
        weightTying,
        SpecialTokens.of(
            OptionalInt.of(maskTokenId), eosTokenId, padTokenId, eotTokenId, bosTokenId));
  }

  /** The same model, whose tokens see only those before them: for the autoregressive comparison. */
  public LladaConfig causal() {
    return withBlock(AttentionConfig.CAUSAL);
  }

  /** The same model, whose tokens see so far: {@link AttentionConfig#block}. */
  public LladaConfig withBlock(int block) {
    return new LladaConfig(
        architecture,
        dModel,
        nLayers,
        attention.withBlock(block),
        feedForwards,
        vocabSize,
        embeddingSize,
        maxSequenceLength,
        rmsNormEps,
        weightTying,
        tokens);
  }

  /**
   * C / H, the channels of a head where nothing else is said.
   *
   * @throws IllegalArgumentException if that is not whole
   */
  public static int headDim(int dModel, int nHeads) {
    return ConfigRules.headDim(dModel, nHeads);
  }

  /** The second half of a layer. */
  public FeedForwardConfig feedForward(int layer) {
    return feedForwards.get(layer);
  }

  /** H, query heads. */
  public int nHeads() {
    return attention.heads();
  }

  /** Key-value heads. */
  public int nKvHeads() {
    return attention.kvHeads();
  }

  /** D, channels of a head. */
  public int headDim() {
    return attention.headDim();
  }

  /** Channels of all keys, or of all values, of a token. */
  public int kvChannels() {
    return attention.kvChannels();
  }

  /** Base of the rotary frequencies. */
  public double ropeTheta() {
    return attention.ropeTheta();
  }

  /** F of the layers without experts; 0 if there are none. */
  public int mlpHiddenSize() {
    return feedForwards.stream()
        .mapToInt(f -> f instanceof FeedForwardConfig.Dense(int hidden) ? hidden : 0)
        .max()
        .orElse(0);
  }

  /** Whether any layer has experts. */
  public boolean hasExperts() {
    return experts().isPresent();
  }

  /**
   * The absorbing state M.
   *
   * @throws IllegalStateException if the model has none, as it writes from left to right
   */
  public int maskTokenId() {
    return tokens
        .mask()
        .orElseThrow(
            () -> new IllegalStateException(architecture + " has no mask: it is autoregressive"));
  }

  /** Whether a token is the absorbing state; none is in an autoregressive model. */
  public boolean isMask(int token) {
    return tokens.mask().isPresent() && tokens.mask().getAsInt() == token;
  }

  /** End of text. */
  public int eosTokenId() {
    return tokens.eos();
  }

  /** What fills left-padded batches. */
  public int padTokenId() {
    return tokens.pad();
  }

  /** End of a chat turn, if the tokenizer has one. */
  public OptionalInt eotTokenId() {
    return tokens.eot();
  }

  /** Start of text, if known. */
  public OptionalInt bosTokenId() {
    return tokens.bos();
  }

  /** Whether a token ends an answer. */
  public boolean ends(int token) {
    return tokens.ends(token);
  }

  /** The experts, if there are any; those of all layers are alike. */
  public Optional<FeedForwardConfig.Experts> experts() {
    return feedForwards.stream()
        .filter(f -> f instanceof FeedForwardConfig.Experts)
        .map(f -> (FeedForwardConfig.Experts) f)
        .findFirst();
  }

  /** Bytes of the buffers that experts need, for each token. */
  public long expertBytesPerToken() {
    return experts()
        .map(e -> e.count() + e.perToken() * (dModel + 2L * e.hidden()) + dModel)
        .map(numbers -> Float.BYTES * numbers)
        .orElse(0L);
  }
}
