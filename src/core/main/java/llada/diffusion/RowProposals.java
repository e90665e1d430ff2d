package llada.diffusion;

import it.unimi.dsi.fastutil.ints.IntHeapPriorityQueue;
import java.util.Arrays;
import llada.kernel.scalar.GumbelMax;
import llada.model.LladaConfig;

/**
 * From the logits of one position to a token and its score, in plain double loops: for logits that
 * are not the predictor's own, and for top-k and top-p, which need them in order. What {@link
 * Proposals} does with the kernels is the same.
 */
final class RowProposals {
  private static final double NEVER = Double.NEGATIVE_INFINITY;

  private final SamplerOptions options;
  private final LladaConfig config;
  private final RandomSource random;
  private final double[] restricted; // logits after top-k and top-p, when these are on
  private final int[] heap;

  RowProposals(SamplerOptions options, LladaConfig config, RandomSource random) {
    this.options = options;
    this.config = config;
    this.random = random;
    this.restricted = new double[config.embeddingSize()];
    this.heap = new int[config.embeddingSize()];
  }

  /**
   * Proposes for one position.
   *
   * @param logits (V), after guidance; overwritten
   * @param step counted over all blocks
   * @throws NonFiniteLogitsException if a logit is NaN or infinite
   */
  Proposal propose(double[] logits, int step, int sequence, int position) {
    prepare(logits, step, position);
    int token = choose(candidates(logits), step, sequence, position);
    return new Proposal(token, score(logits, token, step, sequence, position));
  }

  /**
   * Draws from softmax(logits / T), of which top-k and top-p keep the likeliest, with one uniform
   * number: the first token at which the sum of the probabilities is above it.
   *
   * @param logits (V), overwritten
   * @return the token, and its probability among those that were kept
   */
  Proposal draw(double[] logits, int step, int position) {
    prepare(logits, step, position);
    for (int v = 0; v < logits.length; v++) {
      logits[v] /= options.temperature();
    }
    double[] left = candidates(logits);
    double logSum = Softmax.logSumExp(left);
    double u = random.draw(step, 0, position);
    double sum = 0;
    Proposal last = null;
    for (int v = 0; v < left.length && (last == null || sum <= u); v++) {
      double p = Math.exp(left[v] - logSum);
      sum += p;
      if (p > 0) { // rounding may leave the sum below u
        last = new Proposal(v, p);
      }
    }
    return last;
  }

  private void prepare(double[] logits, int step, int position) {
    for (int v = 0; v < logits.length; v++) {
      if (!Double.isFinite(logits[v])) {
        throw new NonFiniteLogitsException(logits[v], v, position, step);
      }
    }
    if (options.logitsEosInf()) {
      logits[config.eosTokenId()] = NEVER;
    }
  }

  /** The logits that may be chosen from. */
  private double[] candidates(double[] logits) {
    boolean filtered = options.topK() > 0 || options.topP() < 1;
    if (options.mode() == SamplerMode.PUBLISHED && !filtered) {
      return logits;
    }
    System.arraycopy(logits, 0, restricted, 0, logits.length);
    if (options.mode() == SamplerMode.INTENDED) {
      config.tokens().mask().ifPresent(mask -> restricted[mask] = NEVER);
      Arrays.fill(restricted, config.vocabSize(), restricted.length, NEVER);
    }
    if (filtered) {
      keepLikeliest(restricted);
    }
    return restricted;
  }

  /** Top-k, then top-p on what is left, as nucleus sampling has it (Holtzman et al. 2020). */
  private void keepLikeliest(double[] logits) {
    if (options.topK() > 0) {
      keep(logits, options.topK(), Double.POSITIVE_INFINITY);
    }
    if (options.topP() < 1) {
      keep(logits, logits.length, options.topP());
    }
  }

  /**
   * Keeps the likeliest, at most so many, until they have that share of the whole. Only these are
   * put in order, not the vocabulary; of two that are equal the first comes first.
   */
  private void keep(double[] logits, int most, double share) {
    Arrays.setAll(heap, i -> i);
    IntHeapPriorityQueue rest =
        new IntHeapPriorityQueue(
            heap,
            (a, b) ->
                logits[a] != logits[b]
                    ? Double.compare(logits[b], logits[a])
                    : Integer.compare(a, b));
    double max = logits[rest.firstInt()];
    double total = 0;
    for (double logit : logits) {
      total += Math.exp(logit - max);
    }
    double sum = 0;
    int kept = 0;
    while (!rest.isEmpty() && kept < most && (kept == 0 || sum < share * total)) {
      sum += Math.exp(logits[rest.dequeueInt()] - max);
      kept++;
    }
    for (int i = 0; i < rest.size(); i++) { // what is left lies at the front of its array
      logits[heap[i]] = NEVER;
    }
  }

  /** Greedy, or Gumbel-max: see {@link GumbelMax}. */
  private int choose(double[] logits, int step, int sequence, int position) {
    int best = 0;
    double bestValue = NEVER;
    for (int v = 0; v < logits.length; v++) {
      if (logits[v] == NEVER) {
        continue;
      }
      double value =
          options.temperature() > 0
              ? GumbelMax.noised(
                  logits[v], options.temperature(), random.noise(step, sequence, position, v))
              : logits[v];
      if (value > bestValue) {
        bestValue = value;
        best = v;
      }
    }
    return best;
  }

  private double score(double[] logits, int token, int step, int sequence, int position) {
    boolean delay = options.confidenceEosEotInf();
    if (delay && options.mode() == SamplerMode.INTENDED && config.ends(token)) {
      return NEVER;
    }
    if (delay && options.mode() == SamplerMode.PUBLISHED) {
      // The slip: the tokens leave the softmax after the proposal was made. EOS is written to the
      // noised logits, which are the logits themselves only at temperature 0.
      config.eotTokenId().ifPresent(eot -> logits[eot] = NEVER);
      if (options.temperature() == 0) {
        logits[config.eosTokenId()] = NEVER;
      }
    }
    return switch (options.remasking()) {
      case LOW_CONFIDENCE -> Softmax.probability(logits, token);
      case RANDOM -> random.score(step, sequence, position);
      case ENTROPY -> -Softmax.entropy(logits);
      case MARGIN -> Softmax.margin(logits);
    };
  }
}
