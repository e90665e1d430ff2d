package llada.diffusion;

import java.util.Arrays;
import java.util.OptionalLong;
import llada.kernel.Kernels;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.GumbelMax;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.model.LladaConfig;
import llada.tensor.Tensor;

/**
 * From the logits of a step to a token and a score for every position that was asked about, all
 * rows at a time. Tokens are exact: the arg max of the float32 logits, or of these with noise in
 * double. Scores are of the kernels' accuracy.
 *
 * <p>Guided logits and those filtered by top-k or top-p take the longer way of {@link
 * RowProposals}.
 */
final class Proposals {
  private static final double NEVER = Double.NEGATIVE_INFINITY;

  /** A gap between logits that is as good as any larger one. */
  private static final double WIDE = 30;

  private final SamplerOptions options;
  private final LladaConfig config;
  private final RandomSource random;
  private final Kernels kernels;
  private final Guidance guidance;
  private final RowProposals rowByRow; // null where the kernels do
  private final Exclusions exclusions;
  private final double[] guided;
  private final GumbelMax.Noise noise =
      new GumbelMax.Noise() {
        @Override
        public void fill(double[] u, int row, int firstToken, int count) {
          random.noise(u, step, sequence(row), position(row), firstToken, count);
        }

        @Override
        public OptionalLong key(int row) {
          return random.noiseKey(step, sequence(row), position(row));
        }
      };

  // Of the step at hand.
  private int[] rows;
  private int length;
  private int step;

  // They grow to the largest number of rows.
  private SoftmaxStatistics.Rows statistics = new SoftmaxStatistics.Rows(0);
  private int[] tokens = new int[0];
  private double[] scores = new double[0];
  private double[] confidences = new double[0];
  private double[] entropies = new double[0];
  private double[] gaps = new double[0];

  Proposals(
      SamplerOptions options,
      LladaConfig config,
      RandomSource random,
      Kernels kernels,
      Guidance guidance) {
    this.options = options;
    this.config = config;
    this.random = random;
    this.kernels = kernels;
    this.guidance = guidance;
    boolean plain = options.cfgScale() == 0 && options.topK() == 0 && options.topP() == 1;
    this.rowByRow = plain ? null : new RowProposals(options, config, random);
    this.guided = new double[plain ? 0 : config.embeddingSize()];
    this.exclusions = exclusions(options, config);
  }

  private static Exclusions exclusions(SamplerOptions options, LladaConfig config) {
    boolean published = options.mode() == SamplerMode.PUBLISHED;
    int[] eos = {config.eosTokenId()};
    int[] none = {};
    int[] fromChoice = options.logitsEosInf() ? eos : none;
    int[] fromSoftmax = fromChoice;
    if (!published && config.tokens().mask().isPresent()) {
      fromChoice = with(fromChoice, config.maskTokenId());
    }
    if (published && options.confidenceEosEotInf()) {
      // The slip: the tokens leave the softmax after the proposal was made. EOS is written to the
      // noised logits, which are the logits themselves only at temperature 0.
      if (config.eotTokenId().isPresent()) {
        fromSoftmax = with(fromSoftmax, config.eotTokenId().getAsInt());
      }
      if (options.temperature() == 0) {
        fromSoftmax = with(fromSoftmax, config.eosTokenId());
      }
    }
    int limit = published ? config.embeddingSize() : config.vocabSize();
    return new Exclusions(limit, fromChoice, fromSoftmax);
  }

  private static int[] with(int[] ids, int id) {
    int[] more = Arrays.copyOf(ids, ids.length + 1);
    more[ids.length] = id;
    return more;
  }

  /**
   * Proposes for all rows of a step; {@link #token} and {@link #score} tell what.
   *
   * @param logits what {@link Guidance#forward} gave for {@code rows}
   * @param stepRows which of the B * T rows
   * @param sequenceLength T
   * @param globalStep counted over all blocks
   * @throws NonFiniteLogitsException if a logit is NaN or infinite
   */
  void propose(Tensor logits, int[] stepRows, int sequenceLength, int globalStep) {
    rows = stepRows;
    length = sequenceLength;
    step = globalStep;
    if (tokens.length < rows.length) {
      statistics = new SoftmaxStatistics.Rows(rows.length);
      tokens = new int[rows.length];
      scores = new double[rows.length];
      confidences = new double[rows.length];
      entropies = new double[rows.length];
      gaps = new double[rows.length];
    }
    if (rowByRow == null) {
      proposeTogether(logits);
      return;
    }
    for (int r = 0; r < rows.length; r++) {
      guidance.read(logits, r, rows.length, guided);
      Proposal proposal = rowByRow.propose(guided, step, sequence(r), position(r));
      tokens[r] = proposal.token();
      scores[r] = proposal.score();
      confidences[r] = Softmax.probability(guided, tokens[r]);
      entropies[r] = Softmax.entropy(guided);
      gaps[r] = gap(Softmax.margin(guided), Math.exp(Softmax.logMax(guided)));
    }
  }

  private void proposeTogether(Tensor logits) {
    kernels.softmaxStatistics(statistics, logits, exclusions);
    for (int r = 0; r < rows.length; r++) {
      int bad = statistics.firstNonFinite[r];
      if (bad >= 0) {
        throw new NonFiniteLogitsException(logit(logits, r, bad), bad, position(r), step);
      }
    }
    if (options.temperature() > 0) {
      kernels.gumbelMax(tokens, logits, exclusions, options.temperature(), noise);
    } else {
      System.arraycopy(statistics.argMax, 0, tokens, 0, rows.length);
    }
    for (int r = 0; r < rows.length; r++) {
      scores[r] = score(logits, r);
      confidences[r] = confidence(logits, r);
      entropies[r] = statistics.entropy[r];
      gaps[r] = gap(statistics.margin[r], 1 / statistics.sum[r]);
    }
  }

  private double confidence(Tensor logits, int r) {
    return exclusions.counted(tokens[r]) ? statistics.probability(r, chosenLogit(logits, r)) : 0;
  }

  /**
   * The largest logit less the second, from the probabilities: p2 / p1 = 1 - margin / p1. Capped,
   * since of a large gap only its size can be told.
   */
  private static double gap(double margin, double largest) {
    return Math.min(WIDE, -Math.log1p(-Math.min(1, margin / largest)));
  }

  private double score(Tensor logits, int r) {
    if (options.confidenceEosEotInf()
        && options.mode() == SamplerMode.INTENDED
        && config.ends(tokens[r])) {
      return NEVER;
    }
    return switch (options.remasking()) {
      case LOW_CONFIDENCE -> confidence(logits, r);
      case RANDOM -> random.score(step, sequence(r), position(r));
      case ENTROPY -> -statistics.entropy[r];
      case MARGIN -> statistics.margin[r];
    };
  }

  /** Without a look at the logits where the kernels have already told. */
  private float chosenLogit(Tensor logits, int r) {
    return tokens[r] == statistics.argMax[r]
        ? statistics.argMaxLogit[r]
        : logit(logits, r, tokens[r]);
  }

  /** The token proposed for row r of the last step. */
  int token(int r) {
    return tokens[r];
  }

  /** What {@link Remasking} ranks it by. */
  double score(int r) {
    return scores[r];
  }

  /** p of that token, whatever it is ranked by. */
  double confidence(int r) {
    return confidences[r];
  }

  /** Of the distribution of row r, in nats. */
  double entropy(int r) {
    return entropies[r];
  }

  /** The largest logit of row r less the second, at most {@link #WIDE}. */
  double gap(int r) {
    return gaps[r];
  }

  private int sequence(int r) {
    return rows[r] / length;
  }

  private int position(int r) {
    return rows[r] % length;
  }

  private static float logit(Tensor logits, int row, int token) {
    return logits.get((long) row * logits.dim(1) + token);
  }
}
