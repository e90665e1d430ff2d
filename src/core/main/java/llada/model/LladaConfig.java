package llada.model;

import java.util.OptionalInt;

/**
 * Everything that a checkpoint says about its shape and its special tokens. No constant of a
 * particular model stands anywhere else.
 *
 * @param dModel C, channels of the residual stream
 * @param nLayers L
 * @param nHeads H, query heads
 * @param nKvHeads key-value heads; H is a multiple of it (1 is multi-query attention)
 * @param mlpHiddenSize F
 * @param vocabSize V, tokens that mean something
 * @param embeddingSize rows of the embedding and of the head, at least V; the rest is padding
 * @param maxSequenceLength the longest sequence the model was made for
 * @param ropeTheta base of the rotary frequencies
 * @param rmsNormEps added to the mean square
 * @param weightTying whether the head is the embedding
 * @param maskTokenId the absorbing state M
 * @param eosTokenId end of text
 * @param padTokenId fills left-padded batches
 * @param eotTokenId end of a chat turn, if the tokenizer has one
 * @param bosTokenId start of text, if known
 */
public record LladaConfig(
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

  /**
   * Checks the rules that make these numbers a model.
   *
   * @throws IllegalArgumentException naming the value and the rule
   */
  public LladaConfig {
    positive("d_model", dModel);
    positive("n_layers", nLayers);
    positive("n_heads", nHeads);
    positive("n_kv_heads", nKvHeads);
    positive("mlp_hidden_size", mlpHiddenSize);
    positive("vocab_size", vocabSize);
    positive("max_sequence_length", maxSequenceLength);
    require(
        dModel % nHeads == 0,
        "d_model is %d, which is no multiple of n_heads, %d".formatted(dModel, nHeads));
    require(
        dModel / nHeads % 2 == 0,
        "a head has %d channels; rotary embedding needs an even number".formatted(dModel / nHeads));
    require(
        nHeads % nKvHeads == 0,
        "n_heads is %d, which is no multiple of n_kv_heads, %d".formatted(nHeads, nKvHeads));
    require(
        embeddingSize >= vocabSize,
        "embedding_size is %d, less than vocab_size, %d".formatted(embeddingSize, vocabSize));
    require(
        ropeTheta > 0 && Double.isFinite(ropeTheta),
        "rope_theta is %s; it must be positive".formatted(ropeTheta));
    require(
        rmsNormEps > 0 && rmsNormEps < 1,
        "rms_norm_eps is %s; it must lie between 0 and 1".formatted(rmsNormEps));
    id("mask_token_id", maskTokenId, embeddingSize);
    id("eos_token_id", eosTokenId, embeddingSize);
    proposed("eos_token_id", eosTokenId, vocabSize);
    id("pad_token_id", padTokenId, embeddingSize);
    int rows = embeddingSize;
    eotTokenId.ifPresent(value -> id("end-of-turn id", value, rows));
    int tokens = vocabSize;
    eotTokenId.ifPresent(value -> proposed("end-of-turn id", value, tokens));
    bosTokenId.ifPresent(value -> id("bos_token_id", value, rows));
  }

  /** D, channels of a head. */
  public int headDim() {
    return dModel / nHeads;
  }

  /** Channels of all keys, or of all values, of a token. */
  public int kvChannels() {
    return nKvHeads * headDim();
  }

  /** Whether a token ends an answer: EOS, or the end of a turn. */
  public boolean ends(int token) {
    return token == eosTokenId || eotTokenId.isPresent() && token == eotTokenId.getAsInt();
  }

  /** Number of weights, the head counted only if it is its own. */
  public long parameters() {
    long block =
        2L * dModel * dModel
            + 2L * dModel * kvChannels()
            + 3L * dModel * mlpHiddenSize
            + 2L * dModel;
    return (weightTying ? 1L : 2L) * embeddingSize * dModel + nLayers * block + dModel;
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
