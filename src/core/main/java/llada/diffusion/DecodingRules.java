package llada.diffusion;

import java.util.Locale;
import llada.diffusion.cache.CachePolicy;
import llada.diffusion.cache.DualCache;
import llada.diffusion.commit.Quota;
import llada.model.Architecture.Decoding;
import llada.model.LladaConfig;

/** Which options go with which way of decoding. */
final class DecodingRules {
  private DecodingRules() {}

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
