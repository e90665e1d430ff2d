package llada.diffusion;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;

/**
 * Fills the gaps of a text, with both sides as context: what a masked diffusion model does as
 * easily as writing on.
 *
 * <p>A gap whose length is open is tried with {@link #CANDIDATES}, all of it masked: the length is
 * kept under which the text behind the gap, up to the next gap, is likeliest given what stands
 * before. The masks stand for every possible fill, so this is Bayes' rule with all lengths as
 * likely beforehand; and since the same tokens are scored under the same draws, it favours neither
 * short nor long gaps, as the likelihood of a fill does: in total that prefers the shortest, per
 * token nearly always the longest. Where nothing follows, nothing tells, and the longest is taken.
 */
public final class Infilling {
  /** Lengths that are tried for an open gap. */
  static final int[] CANDIDATES = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};

  private final DiffusionSampler sampler;
  private final LikelihoodEstimator estimator;
  private final LladaConfig config;
  private final SamplerOptions options;
  private final Integer steps;
  private final RandomSource random;

  /**
   * A text with gaps.
   *
   * @param fixed (G + 1) the tokens before, between and behind the gaps
   * @param lengths (G) tokens of each gap; 0 where it is open
   */
  public record Gaps(List<int[]> fixed, int[] lengths) {
    /**
     * Checks that there is a gap.
     *
     * @throws IllegalArgumentException if there is none, or the numbers do not fit
     */
    public Gaps {
      if (lengths.length == 0 || fixed.size() != lengths.length + 1) {
        throw new IllegalArgumentException(
            "%d gaps and %d pieces of text: a text with gaps has one piece more than gaps"
                .formatted(lengths.length, fixed.size()));
      }
    }

    /** Tokens of the fixed text. */
    int fixedLength() {
      return fixed.stream().mapToInt(piece -> piece.length).sum();
    }

    /** The tokens, with masks in gaps of these lengths. */
    public int[] masked(int[] of, int mask) {
      IntArrayList text = new IntArrayList();
      for (int i = 0; i < fixed.size(); i++) {
        text.addElements(text.size(), fixed.get(i));
        for (int j = 0; i < of.length && j < of[i]; j++) {
          text.add(mask);
        }
      }
      return text.toIntArray();
    }

    /** Where a gap begins. */
    int start(int[] of, int gap) {
      int start = 0;
      for (int i = 0; i <= gap; i++) {
        start += fixed.get(i).length + (i < gap ? of[i] : 0);
      }
      return start;
    }

    /** The tokens that fill a gap of a finished text. */
    int[] fill(int[] text, int[] of, int gap) {
      int start = start(of, gap);
      return Arrays.copyOfRange(text, start, start + of[gap]);
    }
  }

  /**
   * A text without gaps.
   *
   * @param fills (G) the tokens of each gap
   * @param score likelihood bound of the whole text in nats per token; NaN if no length was open
   * @param tried lengths that were scored
   * @param generation how it was filled
   */
  public record Filled(List<int[]> fills, double score, int tried, Generation generation) {}

  /**
   * Fills with this predictor.
   *
   * @param options of the sampler, without its lengths
   * @param steps forward passes for each text; null for one a token
   * @param likelihood how open lengths are scored
   */
  public Infilling(
      MaskPredictor predictor,
      LladaConfig config,
      SamplerOptions options,
      Integer steps,
      LikelihoodOptions likelihood,
      long seed) {
    this.sampler = new DiffusionSampler(predictor, config);
    this.estimator = new LikelihoodEstimator(predictor, config, likelihood, MaskDraws.seeded(seed));
    this.config = config;
    this.options = options;
    this.steps = steps;
    this.random = RandomSource.seeded(seed);
  }

  /** The longest text that {@link #fill} may make of these gaps. */
  public static int longest(Gaps gaps, int longestGap) {
    int sum = gaps.fixedLength();
    for (int length : gaps.lengths()) {
      sum += length == 0 ? longestGap : length;
    }
    return sum;
  }

  /**
   * Fills.
   *
   * @param longestGap the largest length that is tried for an open gap
   * @param listener sees the steps
   */
  public Filled fill(Gaps gaps, int longestGap, StepListener listener) {
    int[] lengths = gaps.lengths().clone();
    boolean open = Arrays.stream(lengths).anyMatch(length -> length == 0);
    int tried = settle(gaps, lengths, longestGap, gap -> score(gaps, lengths, gap));
    Generation filled = generate(gaps, lengths, listener);
    double score = open ? estimator.estimate(new int[0], filled.x()[0]).natsPerToken() : Double.NaN;
    return filled(gaps, lengths, score, tried, filled);
  }

  /**
   * How likely what stands behind a gap is, in nats per token; the less the likelier.
   *
   * @param lengths (G) tokens of each gap, up to this one
   */
  public double score(Gaps gaps, int[] lengths, int gap) {
    int end = gaps.start(lengths, gap) + lengths[gap];
    int[] before = Arrays.copyOf(gaps.masked(lengths, config.maskTokenId()), end);
    return estimator.estimate(before, gaps.fixed().get(gap + 1)).natsPerToken();
  }

  /**
   * Finds the lengths that are open, one gap after the other.
   *
   * @param lengths (G) 0 where it is open; overwritten
   * @param score of a gap with the lengths as they stand; as {@link #score}
   * @return how many lengths were tried
   */
  public static int settle(Gaps gaps, int[] lengths, int longestGap, IntToDoubleFunction score) {
    int tried = 0;
    for (int gap = 0; gap < lengths.length; gap++) {
      if (lengths[gap] > 0) {
        continue;
      }
      int kept = longestGap; // where nothing follows
      double best = Double.POSITIVE_INFINITY;
      for (int candidate : CANDIDATES) {
        if (candidate > longestGap || gaps.fixed().get(gap + 1).length == 0) {
          break;
        }
        lengths[gap] = candidate;
        double found = score.applyAsDouble(gap);
        tried++;
        kept = found < best || candidate == 1 ? candidate : kept;
        best = Math.min(best, found);
      }
      lengths[gap] = kept;
    }
    return tried;
  }

  private Generation generate(Gaps gaps, int[] lengths, StepListener listener) {
    int masks = Arrays.stream(lengths).sum();
    int[] text = gaps.masked(lengths, config.maskTokenId());
    return sampler.infill(text, options, steps == null ? masks : steps, random, listener);
  }

  private static Filled filled(
      Gaps gaps, int[] lengths, double score, int tried, Generation generation) {
    List<int[]> fills = new ArrayList<>();
    for (int i = 0; i < lengths.length; i++) {
      fills.add(gaps.fill(generation.x()[0], lengths, i));
    }
    return new Filled(fills, score, tried, generation);
  }
}
