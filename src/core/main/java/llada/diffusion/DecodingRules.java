package llada.diffusion;

import java.util.Locale;
import llada.diffusion.cache.CachePolicy;
import llada.diffusion.cache.DualCache;
import llada.diffusion.commit.Quota;
import llada.model.Architecture.Decoding;
import llada.model.LladaConfig;

/** What can be asked of a model, by its way of decoding. */
public final class DecodingRules {
  private DecodingRules() {}

  /**
   * Checks what can be checked before anything is computed.
   *
   * @throws IllegalArgumentException if the model cannot do what the options ask, or prompt and
   *     answer are too long
   */
  public static void check(int promptLength, SamplerOptions options, LladaConfig config) {
    check(options, config);
    checkLength(promptLength, options.genLength(), config);
    Decoding decoding = config.architecture().decoding();
    if (decoding == Decoding.LEFT_TO_RIGHT && promptLength == 0) {
      throw new IllegalArgumentException(
          "the prompt is empty; a model that writes from left to right needs a token to go on from");
    }
    if (decoding == Decoding.BLOCK_BY_BLOCK) {
      int whole = BlockDiffusion.wholeBlocks(promptLength, options, config);
      if (whole > config.maxSequenceLength()) {
        throw new IllegalArgumentException(
            "prompt and answer are %d tokens in whole blocks, which exceeds max_sequence_length, %d; give a smaller gen_length"
                .formatted(whole, config.maxSequenceLength()));
      }
    }
  }

  private static void checkLength(int promptLength, int genLength, LladaConfig config) {
    if (promptLength + genLength > config.maxSequenceLength()) {
      throw new IllegalArgumentException(
          "the prompt has %d tokens and gen_length is %d; together they exceed max_sequence_length, %d; shorten the prompt or give a gen_length of at most %d"
              .formatted(
                  promptLength,
                  genLength,
                  config.maxSequenceLength(),
                  Math.max(0, config.maxSequenceLength() - promptLength)));
    }
  }

  /**
   * Checks that a model can fill gaps.
   *
   * @throws IllegalArgumentException if its tokens do not see what is behind them
   */
  public static void checkFills(LladaConfig config) {
    if (config.architecture().decoding() != Decoding.ANY_ORDER) {
      throw new IllegalArgumentException(
          "a gap is filled from both sides, and this model does not see what is behind it: take a LLaDA of full attention");
    }
  }

  /**
   * Checks whether a model's likelihood can be told.
   *
   * @param prompt tokens of it
   * @throws IllegalArgumentException if not
   */
  public static void checkScores(LikelihoodOptions options, LladaConfig config, int prompt) {
    Decoding decoding = config.architecture().decoding();
    if (decoding == Decoding.BLOCK_BY_BLOCK) {
      throw new IllegalArgumentException(
          "the likelihood bound is of models whose tokens see the whole text, and for one that writes block by block none is published: score with a LLaDA of full attention, or with LLaMA");
    }
    if (decoding == Decoding.LEFT_TO_RIGHT && options.cfgScale() > 0) {
      throw new IllegalArgumentException(
          "cfg_scale is %s, but this model writes from left to right: leave it out"
              .formatted(options.cfgScale()));
    }
    if (decoding == Decoding.LEFT_TO_RIGHT && prompt == 0 && config.bosTokenId().isEmpty()) {
      throw new IllegalArgumentException(
          "the prompt is empty and the model has no start token; the first token of a text needs one before it");
    }
  }

  /**
   * Checks that a model can do what is asked. The presets {@link Decoder#exact} and {@link
   * Decoder#fast} go with every model: those that finish what is before always keep it in a cache,
   * which changes no token.
   *
   * @throws IllegalArgumentException naming the option, its value and the remedy
   */
  static void check(SamplerOptions options, LladaConfig config) {
    Decoding decoding = config.architecture().decoding();
    Decoder decoder = options.decoder();
    boolean plainBlocks = decoder.blocks().isPlain();
    if (decoding == Decoding.ANY_ORDER) {
      require(
          plainBlocks,
          decoding,
          "threshold %s is of blocks that are final".formatted(decoder.blocks().threshold()),
          "choose the commit rule threshold");
      return;
    }
    String out = "leave it out";
    require(
        plainBlocks || decoding == Decoding.BLOCK_BY_BLOCK,
        decoding,
        "threshold %s is of blocks".formatted(decoder.blocks().threshold()),
        out);
    require(options.cfgScale() == 0, decoding, "cfg_scale is " + options.cfgScale(), out);
    require(
        options.remasking() == Remasking.LOW_CONFIDENCE,
        decoding,
        "remasking is " + options.remasking().name().toLowerCase(Locale.ROOT),
        out);
    require(!options.confidenceEosEotInf(), decoding, "confidence_eos_eot_inf is on", out);
    require(
        options.steps() == options.genLength(),
        decoding,
        "steps is %d for %d tokens".formatted(options.steps(), options.genLength()),
        decoding == Decoding.BLOCK_BY_BLOCK ? "give the steps of a block" : out);
    require(
        decoder.keeps() == CachePolicy.Keeps.NOTHING || decoder.cache().equals(new DualCache()),
        decoding,
        "the cache " + DecoderText.of(decoder.cache()) + " is for answers in any order",
        "its own cache is exact and always on: " + out);
    require(
        decoder.commit() instanceof Quota || decoder.commit().equals(Decoder.fast().commit()),
        decoding,
        "the commit rule is " + DecoderText.of(decoder.commit()),
        decoding == Decoding.BLOCK_BY_BLOCK ? "give the threshold of a block" : out);
    require(!decoder.repetition().active(), decoding, "repetition control is on", out);
    require(decoder.length().isEmpty(), decoding, "the length of the answer is variable", out);
  }

  private static void require(boolean holds, Decoding decoding, String fact, String remedy) {
    if (!holds) {
      String how =
          switch (decoding) {
            case ANY_ORDER -> "fills its masks in any order";
            case BLOCK_BY_BLOCK -> "writes block by block";
            case LEFT_TO_RIGHT -> "writes from left to right";
          };
      throw new IllegalArgumentException("%s, but this model %s: %s".formatted(fact, how, remedy));
    }
  }
}
