package llada.diffusion;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.Arrays;
import java.util.List;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;

/**
 * Fills the gaps of a text, with both sides as context: what a masked diffusion model does as
 * easily as writing on.
 *
 * <p>A gap whose length is open is tried with {@link #CANDIDATES}. Each is filled and scored by the
 * likelihood bound of the whole text per token, with the same draws for all, and the best is kept.
 * Several open gaps are settled one after the other while the rest stand still, and once more if
 * any of them has changed. The score prefers what the model finds natural as a whole: a fill that
 * does not join the text behind it makes that text unlikely. It knows nothing of how long the
 * writer wanted the gap to be.
 */
public final class Infilling {
  /** Lengths that are tried for an open gap. */
  static final int[] CANDIDATES = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64};

  private static final int FIRST_GUESS = 4;
  private static final int ROUNDS = 2;

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
    int[] masked(int[] of, int mask) {
      IntArrayList text = new IntArrayList();
      for (int i = 0; i < fixed.size(); i++) {
        text.addElements(text.size(), fixed.get(i));
        for (int j = 0; i < of.length && j < of[i]; j++) {
          text.add(mask);
        }
      }
      return text.toIntArray();
    }

    /** The tokens that fill a gap of a finished text. */
    int[] fill(int[] text, int[] of, int gap) {
      int start = 0;
      for (int i = 0; i <= gap; i++) {
        start += fixed.get(i).length + (i < gap ? of[i] : 0);
      }
      return Arrays.copyOfRange(text, start, start + of[gap]);
    }
  }

  /**
   * A text without gaps.
   *
   * @param fills (G) the tokens of each gap
   * @param score likelihood bound in nats per token, all tokens counted; NaN if no length was open
   * @param tried texts that were filled and scored
   * @param generation of the text that was kept
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
   * @param listener sees the steps of every text that is tried
   */
  public Filled fill(Gaps gaps, int longestGap, StepListener listener) {
    int[] lengths = gaps.lengths().clone();
    boolean open = false;
    for (int i = 0; i < lengths.length; i++) {
      if (lengths[i] == 0) {
        open = true;
        lengths[i] = Math.min(FIRST_GUESS, longestGap);
      }
    }
    if (!open) {
      return filled(gaps, lengths, Double.NaN, 1, generate(gaps, lengths, listener));
    }
    Generation best = generate(gaps, lengths, listener);
    double bestScore = score(best);
    int tried = 1;
    for (int round = 0; round < ROUNDS; round++) {
      boolean changed = false;
      for (int gap = 0; gap < lengths.length; gap++) {
        if (gaps.lengths()[gap] != 0) {
          continue;
        }
        int standing = lengths[gap];
        int kept = standing;
        for (int candidate : CANDIDATES) {
          if (candidate > longestGap || candidate == standing) {
            continue;
          }
          lengths[gap] = candidate;
          Generation generation = generate(gaps, lengths, listener);
          double score = score(generation);
          tried++;
          if (score < bestScore) {
            best = generation;
            bestScore = score;
            kept = candidate;
          }
        }
        lengths[gap] = kept;
        changed |= kept != standing;
      }
      if (!changed || lengths.length == 1) {
        break;
      }
    }
    return filled(gaps, lengths, bestScore, tried, best);
  }

  private Generation generate(Gaps gaps, int[] lengths, StepListener listener) {
    int masks = Arrays.stream(lengths).sum();
    int[] text = gaps.masked(lengths, config.maskTokenId());
    return sampler.infill(text, options, steps == null ? masks : steps, random, listener);
  }

  private double score(Generation generation) {
    return estimator.estimate(new int[0], generation.x()[0]).natsPerToken();
  }

  private static Filled filled(
      Gaps gaps, int[] lengths, double score, int tried, Generation generation) {
    List<int[]> fills = new java.util.ArrayList<>();
    for (int i = 0; i < lengths.length; i++) {
      fills.add(gaps.fill(generation.x()[0], lengths, i));
    }
    return new Filled(fills, score, tried, generation);
  }
}
