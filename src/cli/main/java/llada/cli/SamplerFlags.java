package llada.cli;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerMode;
import llada.diffusion.SamplerOptions;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How the sampler unmasks; the names are those of the published generate(). */
final class SamplerFlags {
  @Option(
      names = "--gen-length",
      paramLabel = "N",
      defaultValue = "128",
      description = "Tokens of the answer. Default: ${DEFAULT-VALUE}.")
  private int genLength;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Denoising steps over the whole answer; fewer are faster and coarser. Default: as many as"
              + " --gen-length, one token a step. With --fast and --commit the text decides.")
  private Integer steps;

  @Option(
      names = "--block-length",
      paramLabel = "N",
      description =
          "Tokens unmasked together before the next block is begun; must divide --gen-length, and"
              + " the number of blocks must divide --steps. Default: for generate all of"
              + " --gen-length; for chat, and for the model that comes along, 32 where that divides"
              + " it.")
  private Integer blockLength;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      defaultValue = "0",
      description = "Gumbel noise on the proposals; 0 takes the likeliest. Default: 0.")
  private double temperature;

  @Option(
      names = "--cfg-scale",
      paramLabel = "X",
      defaultValue = "0",
      description = "Classifier-free guidance; above 0 doubles the work of a step. Default: 0.")
  private double cfgScale;

  @Option(
      names = "--remasking",
      paramLabel = "HOW",
      converter = RemaskingName.class,
      defaultValue = "low_confidence",
      description =
          "Which proposals are kept: low_confidence (likeliest first), random, entropy (surest"
              + " distribution first) or margin (widest lead over the second). Default:"
              + " ${DEFAULT-VALUE}.")
  private Remasking remasking;

  @Option(names = "--logits-eos-inf", description = "Never propose the end-of-text token.")
  private boolean logitsEosInf;

  @Option(
      names = "--confidence-eos-eot-inf",
      description = "Keep proposals of the end-of-text and end-of-turn tokens last.")
  private boolean confidenceEosEotInf;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      defaultValue = "0",
      description = "Propose only among the K likeliest tokens; 0 is off. Default: 0.")
  private int topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1",
      description =
          "Propose only among the likeliest tokens that together reach probability P; 1 is off."
              + " Default: 1.")
  private double topP;

  @Option(
      names = "--stop-at-eos",
      description = "Finish as soon as the answer has an end-of-text token and no mask before it.")
  private boolean stopAtEos;

  @Option(
      names = "--mode",
      paramLabel = "MODE",
      converter = ModeName.class,
      defaultValue = "intended",
      description =
          "intended, or published: repeats the slips of the published code exactly, to compare with"
              + " its outputs. Default: ${DEFAULT-VALUE}.")
  private SamplerMode mode;

  @Mixin private DecoderFlags decoder = new DecoderFlags();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description =
          "Seed of every random number; the same seed gives the same tokens. Default: drawn anew and"
              + " shown at the end.")
  private Long seed;

  /** The largest block that chat takes when none is given. */
  private static final int CHAT_BLOCK = 32;

  /**
   * The options for a single answer.
   *
   * @param likeChat whether its blocks are those of chat
   */
  SamplerOptions forGenerate(boolean likeChat) {
    boolean blocks = likeChat || decoder.fast(false);
    int usual = blocks ? chatBlock(genLength) : genLength;
    return options(likeChat, blockLength == null ? usual : blockLength);
  }

  /** The options for a turn of a conversation. */
  SamplerOptions forChat() {
    return forGenerate(true);
  }

  /** The block length of chat when none is given. */
  static int chatBlock(int genLength) {
    return genLength % CHAT_BLOCK == 0 ? CHAT_BLOCK : genLength;
  }

  private SamplerOptions options(boolean likeChat, int block) {
    boolean plain =
        steps == null && mode == SamplerMode.INTENDED && remasking == Remasking.LOW_CONFIDENCE;
    boolean usual = likeChat && plain;
    return SamplerOptions.defaults().toBuilder()
        .lengths(steps == null ? genLength : steps, genLength, block)
        .temperature(temperature)
        .cfgScale(cfgScale)
        .remasking(remasking)
        .logitsEosInf(logitsEosInf)
        .confidenceEosEotInf(confidenceEosEotInf)
        .topK(topK)
        .topP(topP)
        .stopAtEos(stopAtEos || decoder.fast(usual))
        .mode(mode)
        .decoder(decoder.decoder(usual, blockLength))
        .build();
  }

  /** The seed that was given, or a new one short enough to be typed again. */
  long seed() {
    if (seed == null) {
      seed = (long) RandomGenerator.getDefault().nextInt(1, 1_000_000);
    }
    return seed;
  }

  /** The seed that was given, or this one: for runs that can be taken up again. */
  long seed(long otherwise) {
    return seed == null ? otherwise : seed;
  }

  /**
   * The options of a preset, less what the command line says otherwise.
   *
   * @param given whether an option stands on the command line
   */
  SamplerOptions over(SamplerOptions preset, Predicate<String> given) {
    int length = given.test("--gen-length") ? genLength : preset.genLength();
    int block =
        blockLength != null
            ? blockLength
            : length % preset.blockLength() == 0 ? preset.blockLength() : length;
    return preset.toBuilder()
        .lengths(steps == null ? length : steps, length, block)
        .temperature(given.test("--temperature") ? temperature : preset.temperature())
        .cfgScale(given.test("--cfg-scale") ? cfgScale : preset.cfgScale())
        .remasking(given.test("--remasking") ? remasking : preset.remasking())
        .logitsEosInf(logitsEosInf || preset.logitsEosInf())
        .confidenceEosEotInf(confidenceEosEotInf || preset.confidenceEosEotInf())
        .topK(topK)
        .topP(topP)
        .stopAtEos(stopAtEos)
        .mode(mode)
        .build();
  }

  /** Classifier-free guidance, if it was given. */
  double cfgScale() {
    return cfgScale;
  }

  /** As it is written on the command line. */
  static String text(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT);
  }

  private static <E extends Enum<E>> E named(String name, E[] choices) {
    for (E choice : choices) {
      if (text(choice).equals(name)) {
        return choice;
      }
    }
    throw new CommandLine.TypeConversionException(
        "'%s' is none of %s"
            .formatted(
                name,
                Arrays.stream(choices).map(SamplerFlags::text).collect(Collectors.joining(", "))));
  }

  /** Reads {@code --remasking}. */
  static final class RemaskingName implements CommandLine.ITypeConverter<Remasking> {
    @Override
    public Remasking convert(String name) {
      return named(name, Remasking.values());
    }
  }

  /** Reads {@code --mode}. */
  private static final class ModeName implements CommandLine.ITypeConverter<SamplerMode> {
    @Override
    public SamplerMode convert(String name) {
      return named(name, SamplerMode.values());
    }
  }
}
