package llada.api;

import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import llada.diffusion.BlockOptions;
import llada.diffusion.Decoder;
import llada.diffusion.DecodingRules;
import llada.diffusion.KeptPrefix;
import llada.diffusion.SamplerMode;
import llada.diffusion.SamplerOptions;
import llada.model.Architecture.Decoding;
import llada.model.LladaConfig;
import llada.tokenizer.Tokenizer;

/**
 * A request that fits the model.
 *
 * @param prompt its tokens
 * @param kept what earlier turns of its conversation kept
 */
record Asked(Request request, int[] prompt, SamplerOptions options, Optional<KeptPrefix> kept) {
  /**
   * Checks a request.
   *
   * @param which begins the message, to tell it from others
   * @throws RequestException if prompt and answer are too long, an id is none, or the model cannot
   *     do what is asked
   */
  static Asked of(
      Request request, Framing framing, Tokenizer tokenizer, LladaConfig config, String which) {
    int[] prompt = framing.encode(tokenizer, request.prompt());
    Decoder usual = framing.framed() ? Decoder.fast() : Decoder.exact();
    SamplerOptions options =
        fitted(request.options(framing.framed(), usual), request.block(), config);
    boolean gaps = request.prompt() instanceof Request.Gaps;
    int before = gaps ? prompt.length - options.genLength() : prompt.length;
    checkLength(before, options.genLength(), config.maxSequenceLength(), which);
    for (int id : prompt) {
      if (id < 0 || id >= config.embeddingSize()) {
        throw new RequestException(
            "%sthe prompt has the id %d; the model's go from 0 to %d"
                .formatted(which, id, config.embeddingSize() - 1));
      }
    }
    try {
      DecodingRules.check(before, options, config);
    } catch (IllegalArgumentException e) {
      throw new RequestException(which + e.getMessage());
    }
    return new Asked(request, prompt, options, Optional.empty());
  }

  /** The same as the next turn of a conversation. */
  Asked with(KeptPrefix conversation) {
    return new Asked(request, prompt, options, Optional.of(conversation));
  }

  /** Blocks of the length that was asked for; and what is behind an end is never looked at. */
  private static SamplerOptions fitted(
      SamplerOptions options, OptionalInt block, LladaConfig config) {
    if (config.architecture().decoding() != Decoding.BLOCK_BY_BLOCK) {
      return options;
    }
    Decoder decoder = options.decoder();
    BlockOptions blocks =
        block.isPresent() ? decoder.blocks().withBlockLength(block.getAsInt()) : decoder.blocks();
    boolean stops = options.stopAtEos() || options.mode() == SamplerMode.INTENDED;
    return options.toBuilder().decoder(decoder.with(blocks)).stopAtEos(stops).build();
  }

  /** Positions that a pass may compute for it. */
  int room() {
    return (options.cfgScale() > 0 ? 2 : 1) * length();
  }

  /** Whether the prompt has gaps, which are filled; else an answer follows it. */
  boolean gaps() {
    return request.prompt() instanceof Request.Gaps;
  }

  /** Tokens of the prompt, less gaps. */
  int promptTokens(LladaConfig config) {
    return gaps()
        ? (int) Arrays.stream(prompt).filter(id -> !config.isMask(id)).count()
        : prompt.length;
  }

  /** Tokens of prompt and answer. */
  int length() {
    return prompt.length + (gaps() ? 0 : options.genLength());
  }

  /**
   * Bytes that it takes beside the buffers of a pass, while it is answered.
   *
   * @param config the model's
   */
  long bytes(LladaConfig config) {
    boolean finishes = config.architecture().decoding() != Decoding.ANY_ORDER;
    long kept =
        switch (options.decoder().cache().keeps()) {
          case NOTHING -> finishes ? MemoryNeed.kvBytesPerToken(config) : 0;
          case KEYS_AND_VALUES -> MemoryNeed.kvBytesPerToken(config);
          case OUTPUTS ->
              MemoryNeed.kvBytesPerToken(config)
                  + 2L * Float.BYTES * config.nLayers() * config.dModel();
        };
    return kept * room();
  }

  private static void checkLength(int prompt, int answer, int most, String which) {
    long together = (long) prompt + answer;
    if (together > most) {
      long excess = together - most;
      String shorter = "shorten the prompt by %d tokens".formatted(excess);
      String smaller = "ask for an answer of at most %d".formatted(most - prompt);
      throw new RequestException(
          "%sthe prompt has %d tokens and the answer %d, together %d; the model takes at most %d (max_sequence_length): %s"
              .formatted(
                  which,
                  prompt,
                  answer,
                  together,
                  most,
                  prompt >= most
                      ? shorter
                      : excess < prompt ? smaller + ", or " + shorter : smaller));
    }
  }
}
