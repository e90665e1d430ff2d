package llada.diffusion;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.Arrays;
import llada.model.Architecture.Decoding;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;
import llada.tensor.Tensor;

/**
 * The Monte Carlo bound on the likelihood of an answer (LLaDA, algorithm 3; the published
 * get_log_likelihood()). The prompt is never masked.
 *
 * <pre>
 *   l-form (eq. 6):  ln p(r0 | p0) >= - E over l ~ U{1..L}, l tokens masked, of
 *                                     (L / l) sum over masked i of CE_i
 *   t-form (eq. 3):                   - E over t ~ U(0, 1), each masked with probability p, of
 *                                     (1 / p) sum over masked i of CE_i,  p = (1 - eps) t + eps
 * </pre>
 *
 * <p>Without an eps the variance of the t-form is infinite: masks at a small t are rare and weigh 1
 * / t. It is that of training, 0.001 ({@link ForwardProcess}). Even so the terms are so skewed that
 * a standard error is told only from 64 batches on, and not for antithetic ones; then the interval
 * of 1.96 standard errors covers 95 %.
 *
 * <p>Stratified: one number is drawn for a batch of b copies and settles how much is masked in all
 * of them, evenly spread. In the l-form, with k ~ U{1..L}, copy i has l = ((round(k + i L / b) - 1)
 * mod L) + 1 masks; in the t-form, t = frac(u + i / b).
 *
 * <p>Antithetic: half as many copies are drawn, each followed by its mirror image, with L + 1 - l
 * masks that begin at the other end of the permutation, or 1 - t and 1 - u. Each copy for itself is
 * distributed as before, so the expectation does not change.
 */
public final class LikelihoodEstimator {
  /** With fewer, or in mirrored pairs, an interval of the t-form covers less than it says. */
  private static final int T_FORM_BATCHES = 64;

  /** Logits that a pass may hold: 256 MB. */
  private static final long LOGITS = 64L << 20;

  private final MaskPredictor predictor;
  private final LladaConfig config;
  private final LikelihoodOptions options;
  private final MaskDraws draws;

  /**
   * An estimator.
   *
   * @param predictor with room for the tokens that {@link #room} tells
   * @param config the special tokens; usually the predictor's own
   */
  public LikelihoodEstimator(
      MaskPredictor predictor, LladaConfig config, LikelihoodOptions options, MaskDraws draws) {
    this.predictor = predictor;
    this.config = config;
    this.options = options;
    this.draws = draws;
  }

  /**
   * Tokens that the predictor must have room for.
   *
   * @param tokens of prompt and answer
   * @param answer tokens of the answer
   */
  public static int room(LikelihoodOptions options, LladaConfig config, int tokens, int answer) {
    return together(options, config, answer) * (options.cfgScale() > 0 ? 2 : 1) * tokens;
  }

  /** Copies of a pass: those of a batch, or fewer if their logits were too many. */
  private static int together(LikelihoodOptions options, LladaConfig config, int answer) {
    long logits = (options.cfgScale() > 0 ? 2L : 1L) * answer * config.embeddingSize();
    return Math.clamp(LOGITS / Math.max(1, logits), 1, options.batchSize());
  }

  /** Whether the likelihood is no bound, but exact: {@link ChainRule}. */
  private boolean writesOn() {
    return config.architecture().decoding() == Decoding.LEFT_TO_RIGHT;
  }

  /**
   * Estimates.
   *
   * @param prompt (P), may be empty
   * @param answer (L), at least one token
   * @throws IllegalArgumentException if the answer is empty or both are longer than the model
   *     allows
   * @throws NonFiniteLogitsException if the weights are damaged
   */
  public LogLikelihood estimate(int[] prompt, int[] answer) {
    if (answer.length == 0) {
      throw new IllegalArgumentException("the answer has no token, so it has no likelihood");
    }
    if (writesOn()) {
      return new ChainRule(predictor, config).logLikelihood(prompt, answer);
    }
    double[] means = new double[options.batches()];
    for (int batch = 0; batch < means.length; batch++) {
      for (double term : terms(prompt, answer, batch)) {
        means[batch] += term / options.batchSize();
      }
    }
    return result(means, answer.length);
  }

  /** What the means of the batches come to, for an answer of this length. */
  LogLikelihood result(double[] means, int length) {
    double mean = Arrays.stream(means).average().orElseThrow();
    boolean lForm = options.form() == LikelihoodOptions.Form.L;
    boolean told = lForm || means.length >= T_FORM_BATCHES && !options.antithetic();
    double error = lForm && length == 1 ? 0 : told ? standardError(means) : Double.NaN;
    int passes = options.mcNum() * (options.cfgScale() > 0 ? 2 : 1);
    return new LogLikelihood(-mean, error, length, passes);
  }

  private static double standardError(double[] values) {
    double mean = Arrays.stream(values).average().orElse(0);
    double squares = Arrays.stream(values).map(v -> (v - mean) * (v - mean)).sum();
    return Math.sqrt(squares / (values.length - 1) / values.length); // 0 / 0 for a single one
  }

  /**
   * The terms of one batch: for each copy the weighted cross-entropy of what is masked.
   *
   * @return (batch_size)
   */
  double[] terms(int[] prompt, int[] answer, int batch) {
    Copy[] copies = copies(answer.length, batch);
    double[] terms = new double[copies.length];
    int step = together(options, config, answer.length);
    for (int from = 0; from < copies.length; from += step) {
      int to = Math.min(copies.length, from + step);
      pass(prompt, answer, Arrays.copyOfRange(copies, from, to), terms, from);
    }
    return terms;
  }

  /**
   * One masked copy.
   *
   * @param masked (L) which tokens of the answer
   * @param weight of each of their terms
   */
  record Copy(boolean[] masked, double weight) {
    int count() {
      int count = 0;
      for (boolean m : masked) {
        count += m ? 1 : 0;
      }
      return count;
    }
  }

  /** The copies of one batch, for an answer of this length. */
  Copy[] copies(int length, int batch) {
    int drawn = options.antithetic() ? options.batchSize() / 2 : options.batchSize();
    return options.form() == LikelihoodOptions.Form.L
        ? byNumber(length, batch, drawn)
        : byProbability(length, batch, drawn);
  }

  private Copy[] byNumber(int length, int batch, int drawn) {
    Copy[] copies = new Copy[options.batchSize()];
    int[] counts = counts(draws.first(batch, length), length, drawn);
    for (int i = 0; i < drawn; i++) {
      int[] order = draws.permutation(batch, i, length);
      if (options.antithetic()) {
        copies[2 * i] = masked(order, counts[i], false);
        copies[2 * i + 1] = masked(order, length + 1 - counts[i], true);
      } else {
        copies[i] = masked(order, counts[i], false);
      }
    }
    return copies;
  }

  private static Copy masked(int[] order, int count, boolean mirrored) {
    boolean[] masked = new boolean[order.length];
    for (int i = 0; i < order.length; i++) {
      masked[i] = (mirrored ? order.length - 1 - order[i] : order[i]) < count;
    }
    // p_mask is a float32 in the published code.
    return new Copy(masked, 1 / (double) ((float) count / order.length));
  }

  /**
   * How many tokens each copy of a batch masks; in float32 and rounded half to even, as published.
   *
   * @param k the number drawn, 1 to {@code length}
   */
  static int[] counts(int k, int length, int batch) {
    int[] counts = new int[batch];
    float end = (float) (k + (batch - 1) * ((double) length / batch));
    float step = batch == 1 ? 0 : (end - k) / (batch - 1);
    for (int i = 0; i < batch; i++) {
      float x = i < batch / 2 || batch == 1 ? k + step * i : end - step * (batch - 1 - i);
      counts[i] = ((int) Math.rint(x) - 1) % length + 1;
    }
    return counts;
  }

  private Copy[] byProbability(int length, int batch, int drawn) {
    Copy[] copies = new Copy[options.batchSize()];
    double shift = draws.uniforms(batch, 0, length)[length];
    for (int i = 0; i < drawn; i++) {
      double[] u = draws.uniforms(batch, i, length);
      double t = (shift + (double) i / drawn) % 1;
      if (options.antithetic()) {
        copies[2 * i] = masked(u, pMask(t), false);
        copies[2 * i + 1] = masked(u, pMask(1 - t), true);
      } else {
        copies[i] = masked(u, pMask(t), false);
      }
    }
    return copies;
  }

  /** The probability of a mask, which keeps away from 0 as in training. */
  private static double pMask(double t) {
    return (1 - ForwardProcess.EPS) * t + ForwardProcess.EPS;
  }

  private static Copy masked(double[] u, double p, boolean mirrored) {
    boolean[] masked = new boolean[u.length - 1];
    for (int i = 0; i < masked.length; i++) {
      masked[i] = (mirrored ? 1 - u[i] : u[i]) < p;
    }
    return new Copy(masked, 1 / p);
  }

  private void pass(int[] prompt, int[] answer, Copy[] copies, double[] terms, int first) {
    int length = prompt.length + answer.length;
    int[][] x = new int[copies.length][];
    boolean[][] given = new boolean[copies.length][length];
    IntArrayList rows = new IntArrayList();
    IntArrayList targets = new IntArrayList();
    for (int b = 0; b < copies.length; b++) {
      x[b] = Arrays.copyOf(prompt, length);
      Arrays.fill(given[b], 0, prompt.length, true);
      for (int i = 0; i < answer.length; i++) {
        boolean masked = copies[b].masked()[i];
        x[b][prompt.length + i] = masked ? config.maskTokenId() : answer[i];
        if (masked) {
          rows.add(b * length + prompt.length + i);
          targets.add(answer[i]);
        }
      }
    }
    if (rows.isEmpty()) {
      return; // possible in the t-form: such a copy counts as 0
    }
    double[] losses = crossEntropy(x, given, rows.toIntArray(), targets.toIntArray());
    for (int r = 0; r < losses.length; r++) {
      int b = rows.getInt(r) / length;
      terms[first + b] += copies[b].weight() * losses[r];
    }
  }

  /** -ln p of the targets in these rows of a batch, in nats. */
  private double[] crossEntropy(int[][] x, boolean[][] given, int[] rows, int[] targets) {
    Guidance guidance = new Guidance(predictor, options.cfgScale());
    Tensor logits = guidance.forward(x, null, given, config.maskTokenId(), rows);
    double[] losses = new double[rows.length];
    if (options.cfgScale() == 0) {
      double[] ones = new double[rows.length];
      Arrays.fill(ones, 1);
      predictor.kernels().maskedCrossEntropy(losses, logits, targets, ones);
    } else {
      double[] guided = new double[logits.dim(1)];
      for (int r = 0; r < rows.length; r++) {
        guidance.read(logits, r, rows.length, guided);
        losses[r] = Softmax.crossEntropy(guided, targets[r]);
      }
    }
    for (int r = 0; r < rows.length; r++) {
      if (!Double.isFinite(losses[r])) {
        throw new NonFiniteLogitsException(losses[r], targets[r], rows[r] % x[0].length, 0);
      }
    }
    return losses;
  }

  /**
   * Whether the answer is what greedy decoding writes after the prompt, one token a step, the
   * surest first (the published suffix_greedy_prediction(), for is_check_greedy). It stops at the
   * first token that differs.
   */
  public boolean isGreedy(int[] prompt, int[] answer) {
    if (writesOn()) {
      return new ChainRule(predictor, config).isGreedy(prompt, answer);
    }
    int length = prompt.length + answer.length;
    int[] x = Arrays.copyOf(prompt, length);
    Arrays.fill(x, prompt.length, length, config.maskTokenId());
    boolean[] given = new boolean[length];
    Arrays.fill(given, 0, prompt.length, true);
    Guidance guidance = new Guidance(predictor, options.cfgScale());
    double[] logits = new double[config.embeddingSize()];
    IntArrayList open = new IntArrayList();
    for (int i = prompt.length; i < length; i++) {
      open.add(i);
    }
    while (!open.isEmpty()) {
      int[] rows = open.toIntArray();
      Tensor all =
          guidance.forward(
              new int[][] {x}, null, new boolean[][] {given}, config.maskTokenId(), rows);
      int surest = 0;
      int token = 0;
      double confidence = -1;
      for (int r = 0; r < rows.length; r++) {
        guidance.read(all, r, rows.length, logits);
        int likeliest = Softmax.likeliest(logits);
        double p = Softmax.probability(logits, likeliest);
        if (Double.isNaN(p)) {
          throw new NonFiniteLogitsException((float) logits[likeliest], likeliest, rows[r], 0);
        }
        if (p > confidence) {
          confidence = p;
          surest = r;
          token = likeliest;
        }
      }
      if (token != answer[rows[surest] - prompt.length]) {
        return false;
      }
      x[rows[surest]] = token;
      open.removeInt(surest);
    }
    return true;
  }
}
