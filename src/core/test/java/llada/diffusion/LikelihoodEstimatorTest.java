package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Random;
import java.util.function.LongFunction;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.kernel.Precision;
import llada.kernel.ScalarKernels;
import llada.kernel.scalar.MaskedCrossEntropy;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Estimates of short answers against the expectation over every mask. */
final class LikelihoodEstimatorTest {
  private static final int[] PROMPT = {17, 4, 88};
  private static final int[] ANSWER = {9, 120, 33, 61};

  private static Checkpoint checkpoint;
  private static MaskPredictor predictor;

  @BeforeAll
  static void open() {
    checkpoint = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"));
    predictor =
        new MaskPredictor(
            checkpoint.config(), checkpoint.weights(), new ScalarKernels(), 2 * 16 * 16);
  }

  @AfterAll
  static void close() {
    predictor.close();
    checkpoint.close();
  }

  private static LikelihoodOptions options(
      LikelihoodOptions.Form form, int mcNum, int batch, double cfg, boolean antithetic) {
    return new LikelihoodOptions(form, mcNum, batch, cfg, antithetic);
  }

  private static LikelihoodEstimator estimator(LikelihoodOptions options, long seed) {
    return new LikelihoodEstimator(predictor, checkpoint.config(), options, MaskDraws.seeded(seed));
  }

  /** Sum over the masked tokens of -ln p, by the scalar loss on one sequence at a time. */
  private static double crossEntropy(int mask, double cfg) {
    int[] x = new int[PROMPT.length + ANSWER.length];
    System.arraycopy(PROMPT, 0, x, 0, PROMPT.length);
    int[] all = new int[x.length];
    for (int i = 0; i < ANSWER.length; i++) {
      x[PROMPT.length + i] = (mask >> i & 1) == 1 ? checkpoint.config().maskTokenId() : ANSWER[i];
    }
    Arrays.setAll(all, i -> i);
    double[][] with = logits(x, all);
    int[] without = x.clone();
    Arrays.fill(without, 0, PROMPT.length, checkpoint.config().maskTokenId());
    double[][] unconditional = cfg == 0 ? with : logits(without, all);
    double sum = 0;
    for (int i = 0; i < ANSWER.length; i++) {
      if ((mask >> i & 1) == 1) {
        double[] a = with[PROMPT.length + i];
        double[] b = unconditional[PROMPT.length + i];
        double total = 0;
        for (int v = 0; v < a.length; v++) {
          total += Math.exp(b[v] + (cfg + 1) * (a[v] - b[v]));
        }
        int v = ANSWER[i];
        sum += Math.log(total) - (b[v] + (cfg + 1) * (a[v] - b[v]));
      }
    }
    return sum;
  }

  private static double[][] logits(int[] x, int[] rows) {
    Tensor logits = predictor.forward(TokenBatch.of(x), rows);
    double[][] out = new double[rows.length][logits.dim(1)];
    for (int r = 0; r < rows.length; r++) {
      for (int v = 0; v < out[r].length; v++) {
        out[r][v] = logits.get((long) r * out[r].length + v);
      }
    }
    return out;
  }

  /** The bound itself: every number of masks is as likely, and every choice of that many. */
  private static double expectation(double cfg) {
    int length = ANSWER.length;
    double sum = 0;
    for (int mask = 1; mask < 1 << length; mask++) {
      int l = Integer.bitCount(mask);
      double choices = choose(length, l);
      sum += crossEntropy(mask, cfg) * length / l / (length * choices);
    }
    return -sum;
  }

  private static double choose(int n, int k) {
    double c = 1;
    for (int i = 1; i <= k; i++) {
      c = c * (n - k + i) / i;
    }
    return c;
  }

  /** Mean and its standard error over many seeds. */
  private static double[] mean(LikelihoodOptions options, int seeds) {
    return mean(seeds, seed -> estimator(options, seed).estimate(PROMPT, ANSWER).value());
  }

  private static double[] mean(int seeds, LongFunction<Double> sample) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < seeds; i++) {
      double value = sample.apply(1000 + i);
      sum += value;
      squares += value * value;
    }
    double mean = sum / seeds;
    double variance = (squares / seeds - mean * mean) * seeds / (seeds - 1);
    return new double[] {mean, Math.sqrt(variance / seeds), variance};
  }

  private static void assertUnbiased(LikelihoodOptions options, int seeds) {
    double wanted = expectation(options.cfgScale());
    double[] found = mean(options, seeds);
    assertThat(Math.abs(found[0] - wanted))
        .as("%s: %.4f +- %.4f against %.4f", options, found[0], found[1], wanted)
        .isLessThan(4.5 * found[1] + 1e-9);
    assertThat(found[1]).isLessThan(0.06 * Math.abs(wanted));
  }

  @Test
  void theLFormIsUnbiased() {
    assertUnbiased(options(LikelihoodOptions.Form.L, 4, 4, 0, false), 60);
    assertUnbiased(options(LikelihoodOptions.Form.L, 3, 1, 0, false), 80);
    assertUnbiased(options(LikelihoodOptions.Form.L, 4, 4, 0, true), 60);
  }

  @Test
  void theTFormHasTheSameExpectation() {
    assertUnbiased(options(LikelihoodOptions.Form.T, 16, 16, 0, false), 120);
    assertUnbiased(options(LikelihoodOptions.Form.T, 16, 16, 0, true), 120);
  }

  @Test
  void guidanceIsPartOfTheLikelihood() {
    assertUnbiased(options(LikelihoodOptions.Form.L, 4, 4, 0.5, false), 60);
    assertThat(expectation(0.5)).isNotCloseTo(expectation(0), within(0.1));
  }

  @Test
  void theLFormVariesLessAndStratifyingHelps() {
    double stratified = mean(options(LikelihoodOptions.Form.L, 8, 8, 0, false), 60)[2];
    double single = mean(options(LikelihoodOptions.Form.L, 8, 1, 0, false), 60)[2];
    double tForm = mean(options(LikelihoodOptions.Form.T, 8, 8, 0, false), 60)[2];
    assertThat(stratified).isLessThan(single);
    assertThat(stratified).isLessThan(tForm);
  }

  /**
   * Two answers of a length with the same draws: their difference varies less. With a trained
   * model, since the logits of a random one hardly agree from answer to answer.
   */
  @Test
  void sharedDrawsTakeTheNoiseOutOfADifference() {
    try (Checkpoint trained =
            Checkpoint.open(Golden.resources().resolve("checkpoints/shakespeare-llada"));
        Backend backend = Backends.choose("vector", 2, Precision.EXACT);
        MaskPredictor model =
            new MaskPredictor(trained.config(), trained.weights(), backend.kernels(), 64)) {
      int[] prompt = trained.tokenizer().encode("ROMEO:\n");
      int[] answer = trained.tokenizer().encode("I will not go with you, my lord");
      int[] other = answer.clone();
      other[other.length - 1] = trained.tokenizer().encode(" love")[0];
      LikelihoodOptions options = options(LikelihoodOptions.Form.L, 2, 2, 0, false);
      double shared =
          mean(60, seed -> difference(trained, model, options, prompt, answer, other, seed, seed))[
              2];
      double apart =
          mean(60, seed -> difference(trained, model, options, prompt, answer, other, seed, -seed))[
              2];
      assertThat(shared).isLessThan(0.5 * apart);
    }
  }

  private static double difference(
      Checkpoint checkpoint,
      MaskPredictor model,
      LikelihoodOptions options,
      int[] prompt,
      int[] one,
      int[] other,
      long seed,
      long otherSeed) {
    return new LikelihoodEstimator(model, checkpoint.config(), options, MaskDraws.seeded(seed))
            .estimate(prompt, one)
            .value()
        - new LikelihoodEstimator(model, checkpoint.config(), options, MaskDraws.seeded(otherSeed))
            .estimate(prompt, other)
            .value();
  }

  @Test
  void standardErrorsTellTheSpread() {
    LikelihoodOptions options = options(LikelihoodOptions.Form.L, 16, 2, 0, false);
    double[] found = mean(options, 60);
    double told =
        mean(
            60,
            seed -> Math.pow(estimator(options, seed).estimate(PROMPT, ANSWER).standardError(), 2))[
            0];
    assertThat(told / found[2]).isBetween(0.5, 2.0);
    LikelihoodOptions one = options(LikelihoodOptions.Form.L, 2, 2, 0, false);
    assertThat(estimator(one, 1).estimate(PROMPT, ANSWER).standardError()).isNaN();
    assertThat(estimator(one, 1).estimate(PROMPT, new int[] {3}).standardError()).isZero();
  }

  @Test
  void oneTokenIsExact() {
    int[] x = Arrays.copyOf(PROMPT, PROMPT.length + 1);
    x[PROMPT.length] = checkpoint.config().maskTokenId();
    Tensor logits = predictor.forward(TokenBatch.of(x), new int[] {PROMPT.length});
    double wanted = -MaskedCrossEntropy.crossEntropy(logits, 0, 5);
    LogLikelihood found =
        estimator(options(LikelihoodOptions.Form.L, 4, 2, 0, false), 9)
            .estimate(PROMPT, new int[] {5});
    assertThat(found.value()).isCloseTo(wanted, within(1e-9));
    assertThat(found.natsPerToken()).isCloseTo(-wanted, within(1e-9));
    assertThat(found.perplexity()).isCloseTo(Math.exp(-wanted), within(1e-3));
  }

  @Test
  void antitheticCopiesMirrorEachOther() {
    LikelihoodEstimator.Copy[] copies =
        estimator(options(LikelihoodOptions.Form.L, 8, 8, 0, true), 3).copies(7, 0);
    for (int i = 0; i < 8; i += 2) {
      assertThat(copies[i].count() + copies[i + 1].count()).isEqualTo(8);
      int both = 0;
      for (int j = 0; j < 7; j++) {
        assertThat(copies[i].masked()[j] || copies[i + 1].masked()[j]).isTrue();
        both += copies[i].masked()[j] && copies[i + 1].masked()[j] ? 1 : 0;
      }
      assertThat(both).isEqualTo(1);
    }
  }

  /** The published check, written down plainly: every step commits the surest proposal. */
  @Test
  void greedyAnswersAreRecognised() {
    LikelihoodEstimator estimator = estimator(LikelihoodOptions.DEFAULT, 1);
    int mask = checkpoint.config().maskTokenId();
    int[] x = Arrays.copyOf(PROMPT, PROMPT.length + 4);
    Arrays.fill(x, PROMPT.length, x.length, mask);
    for (int step = 0; step < 4; step++) {
      int at = -1;
      int token = -1;
      double best = -1;
      for (int i = PROMPT.length; i < x.length; i++) {
        if (x[i] != mask) {
          continue;
        }
        double[] logits = logits(x, new int[] {i})[0];
        int likeliest = 0;
        for (int v = 0; v < logits.length; v++) {
          likeliest = logits[v] > logits[likeliest] ? v : likeliest;
        }
        double sum = 0;
        for (double l : logits) {
          sum += Math.exp(l - logits[likeliest]);
        }
        if (1 / sum > best) {
          best = 1 / sum;
          at = i;
          token = likeliest;
        }
      }
      x[at] = token;
    }
    int[] greedy = Arrays.copyOfRange(x, PROMPT.length, x.length);
    assertThat(estimator.isGreedy(PROMPT, greedy)).isTrue();
    for (int i = 0; i < greedy.length; i++) {
      int[] other = greedy.clone();
      other[i] = (other[i] + 1) % 200;
      assertThat(estimator.isGreedy(PROMPT, other)).isFalse();
    }
  }

  @Test
  void drawsAreUniform() {
    MaskDraws draws = MaskDraws.seeded(new Random(4).nextLong());
    int[] firsts = new int[5];
    int[][] places = new int[5][5];
    int n = 4000;
    for (int i = 0; i < n; i++) {
      firsts[draws.first(i, 5) - 1]++;
      int[] order = draws.permutation(i, 3, 5);
      for (int j = 0; j < 5; j++) {
        places[j][order[j]]++;
      }
    }
    double slack = 5 * Math.sqrt(n * 0.2 * 0.8);
    for (int j = 0; j < 5; j++) {
      assertThat(firsts[j]).isBetween((int) (n / 5.0 - slack), (int) (n / 5.0 + slack));
      for (int v = 0; v < 5; v++) {
        assertThat(places[j][v]).isBetween((int) (n / 5.0 - slack), (int) (n / 5.0 + slack));
      }
    }
  }

  @Test
  void wrongNumbersAreRefused() {
    assertThatThrownBy(() -> options(LikelihoodOptions.Form.L, 10, 4, 0, false))
        .hasMessageContaining("mc_num is 10; it must be a positive multiple of batch_size, 4");
    assertThatThrownBy(() -> options(LikelihoodOptions.Form.L, 3, 3, 0, true))
        .hasMessageContaining("antithetic copies come in pairs");
    assertThatThrownBy(() -> options(LikelihoodOptions.Form.L, 2, 2, Double.NaN, false))
        .hasMessageContaining("cfg_scale is NaN");
    assertThatThrownBy(() -> options(LikelihoodOptions.Form.L, 2, 0, 0, false))
        .hasMessageContaining("batch_size is 0");
    assertThatThrownBy(() -> estimator(LikelihoodOptions.DEFAULT, 1).estimate(PROMPT, new int[0]))
        .hasMessageContaining("no token");
  }

  private static org.assertj.core.data.Offset<Double> within(double distance) {
    return org.assertj.core.data.Offset.offset(distance);
  }
}
