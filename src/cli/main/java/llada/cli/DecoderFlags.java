package llada.cli;

import java.util.Locale;
import java.util.Optional;
import llada.diffusion.BlockOptions;
import llada.diffusion.Daedal;
import llada.diffusion.Decoder;
import llada.diffusion.DecoderText;
import llada.diffusion.Repetition;
import llada.diffusion.cache.CachePolicy;
import llada.diffusion.commit.CommitRule;
import llada.diffusion.commit.Prophet;
import llada.tensor.DType;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** What makes the sampler faster than the published one, or its text better. */
final class DecoderFlags {
  @Option(
      names = "--fast",
      negatable = true,
      description =
          "Many times faster at nearly the same quality: --cache dual --commit threshold=0.9"
              + " --stop-at-eos, and --block-length 32 where that divides --gen-length. What is"
              + " given beside it holds. The default for chat and for the model that comes with"
              + " LLaDA.java, unless --steps, --cache, --commit, --remasking or --mode is given;"
              + " --no-fast is the published sampler.")
  private Boolean fast;

  @Option(
      names = "--cache",
      paramLabel = "CACHE",
      description = {
        "Which keys and values are reused from step to step: " + DecoderText.CACHES + ".",
        "REFRESH computes all anew after so many steps. Default: none, every step computes"
            + " everything."
      })
  private String cache;

  @Option(
      names = "--cache-type",
      paramLabel = "TYPE",
      defaultValue = "f32",
      converter = CacheType.class,
      description = "How the cache keeps numbers: f32, bf16 or q8_0. Default: ${DEFAULT-VALUE}.")
  private DType cacheType;

  @Option(
      names = "--commit",
      paramLabel = "RULE",
      description = {
        "How many proposals a step keeps: " + DecoderText.RULES + ".",
        "Default: quota, the same number in every step."
      })
  private String commit;

  @Option(
      names = "--prophet",
      description = "Fill all masks at once as soon as the model is sure of the whole answer.")
  private boolean prophet;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "X",
      defaultValue = "1",
      description =
          "Makes tokens less likely that the answer has nearby; 1 is off, 1.1 to 1.3 is usual."
              + " Default: 1.")
  private double repetitionPenalty;

  @Option(
      names = "--no-repeat-ngram",
      paramLabel = "N",
      defaultValue = "0",
      description = "Never say the same N tokens in a row twice; 0 is off. Default: 0.")
  private int noRepeatNgram;

  @Option(
      names = "--variable-length",
      description =
          "Find the length of the answer while it is written, from 64 tokens up to --gen-length"
              + " (DAEDAL). Needs --fast or a --commit other than quota.")
  private boolean variableLength;

  @Option(
      names = "--threshold",
      paramLabel = "P",
      description =
          "LLaDA2: fill all masks of a block whose proposal is likelier than P. Default: 0.95.")
  private Double threshold;

  @Option(
      names = "--editing-threshold",
      paramLabel = "P",
      description =
          "LLaDA2.1: replace tokens of the block at hand where another is likelier than P; its card"
              + " has --threshold 0.7 --editing-threshold 0.5 for quality, 0.5 and 0 for speed."
              + " Default: no token is replaced.")
  private Double editingThreshold;

  @Option(
      names = "--max-post-steps",
      paramLabel = "N",
      description = "Passes for replacing once a block has no mask. Default: 16.")
  private Integer maxPostSteps;

  /**
   * How blocks are filled by a model that writes block by block.
   *
   * @param length of a block, if one was given
   */
  private BlockOptions blocks(Integer length) {
    BlockOptions blocks = BlockOptions.DEFAULT;
    if (length != null) {
      blocks = blocks.withBlockLength(length);
    }
    if (threshold != null) {
      blocks = blocks.withThreshold(threshold);
    }
    if (editingThreshold != null) {
      int passes = maxPostSteps == null ? BlockOptions.Editing.POST_STEPS : maxPostSteps;
      blocks = blocks.edited(new BlockOptions.Editing(editingThreshold, passes, 1));
    } else if (maxPostSteps != null) {
      throw new UsageException("--max-post-steps needs --editing-threshold");
    }
    return blocks;
  }

  /**
   * Whether the preset is asked for, or taken without being asked.
   *
   * @param usual whether it is where nothing is said
   */
  boolean fast(boolean usual) {
    return fast != null ? fast : usual && cache == null && commit == null;
  }

  /**
   * The decoder that was asked for.
   *
   * @param usual whether the preset is taken where nothing is said
   * @param blockLength if one was given
   * @throws UsageException if a cache or a rule is unknown
   */
  Decoder decoder(boolean usual, Integer blockLength) {
    Decoder base = fast(usual) ? Decoder.fast() : Decoder.exact();
    try {
      CachePolicy policy = cache == null ? base.cache() : DecoderText.cache(cache);
      CommitRule rule = commit == null ? base.commit() : DecoderText.commit(commit);
      return new Decoder(
          policy,
          cacheType,
          prophet ? new Prophet(rule) : rule,
          new Repetition(repetitionPenalty, noRepeatNgram),
          variableLength ? Optional.of(new Daedal()) : Optional.empty(),
          blocks(blockLength));
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }

  /** Reads {@code --cache-type}. */
  private static final class CacheType implements CommandLine.ITypeConverter<DType> {
    @Override
    public DType convert(String name) {
      return switch (name.toLowerCase(Locale.ROOT)) {
        case "f32" -> DType.F32;
        case "bf16" -> DType.BF16;
        case "q8_0" -> DType.Q8_0;
        default ->
            throw new CommandLine.TypeConversionException(
                "'%s' is none of f32, bf16, q8_0".formatted(name));
      };
    }
  }
}
