package llada.experiments;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.diffusion.ForwardProcess;
import llada.diffusion.NoisyBatch;
import llada.diffusion.Objective;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What experiments 2 and 8 say exactly, on a network that has learnt a little. */
final class ExactTest {
  private static final int LETTERS = 3;
  private static final int LENGTH = 4;
  private static final SmallDistribution TRUTH = new SmallDistribution(LETTERS, LENGTH, 1.2, 5);

  private static Backend backend;
  private static SmallModel model;
  private static EnumeratedModel exact;

  @BeforeAll
  static void train() {
    backend = Backends.choose("scalar", 1);
    model =
        new SmallModel(
            new SmallModel.Shape(8, 1, 1),
            EnumeratedModel.vocabulary(LETTERS),
            Masking.LLADA,
            LENGTH + 1,
            256,
            1,
            backend);
    double before = loss();
    model.train(
        new SmallModel.Recipe(120, 16, 1e-2),
        (count, random) -> EnumeratedModel.batch(TRUTH, count, random));
    assertThat(loss()).isLessThan(before - 0.1);
    exact = EnumeratedModel.of(model, LETTERS, LENGTH);
  }

  private static double loss() {
    double[] bounds = new double[TRUTH.size()];
    EnumeratedModel all = EnumeratedModel.of(model, LETTERS, LENGTH);
    for (int code = 0; code < bounds.length; code++) {
      bounds[code] = all.bound(TRUTH.sequence(code));
    }
    return TRUTH.mean(bounds);
  }

  @AfterAll
  static void close() {
    model.close();
    backend.close();
  }

  @Test
  void theTruthIsADistributionWithoutIndependence() {
    double sum = 0;
    for (double p : TRUTH.p()) {
      sum += p;
    }
    assertThat(sum).isCloseTo(1, within(1e-12));
    assertThat(TRUTH.crossEntropy(TRUTH.p())).isEqualTo(TRUTH.entropy());
    for (int code = 0; code < TRUTH.size(); code++) {
      assertThat(TRUTH.code(TRUTH.sequence(code))).isEqualTo(code);
    }
  }

  @Test
  void theSamplersDistributionSumsToOneAndLiesAboveTheBound() {
    double sum = 0;
    for (int code = 0; code < TRUTH.size(); code++) {
      int[] x = TRUTH.sequence(code);
      double p = exact.probability(x);
      sum += p;
      assertThat(exact.bound(x)).isGreaterThanOrEqualTo(-Math.log(p) - 1e-12);
    }
    assertThat(sum).isCloseTo(1, within(1e-9));
  }

  @Test
  void theChainRuleOverAllOrdersIsTheBound() {
    for (int code = 0; code < TRUTH.size(); code += 7) {
      int[] x = TRUTH.sequence(code);
      assertThat(exact.chainRule(x)).isCloseTo(exact.bound(x), within(1e-10));
    }
  }

  @Test
  void estimatorsMeanTheSameWithinTheirError() {
    int[] x = TRUTH.sequence(11);
    SplittableRandom random = new SplittableRandom(3);
    int n = 40_000;
    double[][] samples = new double[3][n];
    for (int i = 0; i < n; i++) {
      samples[0][i] = exact.tForm(x, random);
      samples[1][i] = exact.lForm(x, random);
      samples[2][i] = exact.chainRule(x, random);
    }
    for (double[] estimates : samples) {
      Interval mean = Interval.of(estimates); // 95 % is 1.96 errors; 4 errors are allowed
      assertThat(mean.mean()).isCloseTo(exact.bound(x), within(mean.half() / 1.96 * 4));
    }
    assertThat(Interval.of(samples[1]).half()).isLessThan(Interval.of(samples[0]).half());
  }

  @Test
  void theTrainingLossIsTheBound() {
    ForwardProcess process = new ForwardProcess(Objective.LLADA, 0, true, LETTERS);
    SplittableRandom random = new SplittableRandom(8);
    int[] x = TRUTH.sequence(40);
    int[][] whole = {EnumeratedModel.started(LETTERS, x)};
    double[] losses = new double[3000];
    for (int i = 0; i < losses.length; i++) {
      losses[i] = LENGTH * model.loss(process.noise(whole, new int[] {1}, random));
    }
    Interval mean = Interval.of(losses);
    // The network's softmax has mask and start too, which it has learnt never to say.
    assertThat(mean.mean()).isCloseTo(exact.bound(x), within(mean.half() * 2 + 0.05));
  }

  @Test
  void d3pmAndMdlmHaveLladasLossOnTheSameMasks() {
    double[] most = sameMasks(TRUTH, exact, 4);
    assertThat(most[0]).isLessThan(1e-10);
    assertThat(most[1]).isLessThan(1e-10);
    int[] x = TRUTH.sequence(23);
    for (Mdlm schedule : Mdlm.values()) {
      assertThat(schedule.loss(exact, x, 20_000)).isCloseTo(exact.bound(x), within(1e-3));
    }
  }

  /**
   * The largest difference to LLaDA's loss over many sequences, each masked with a t of the chain.
   *
   * @return of D3PM and of MDLM, in nats
   */
  private static double[] sameMasks(SmallDistribution truth, EnumeratedModel exact, long seed) {
    int steps = 64;
    D3pm chain = D3pm.absorbing(LETTERS, steps);
    SplittableRandom random = RandomStreams.of(seed, Purpose.EXPERIMENT_MEASURE);
    // eps 0, since neither of the others has it
    ForwardProcess process = new ForwardProcess(Objective.LLADA, 0, false, LETTERS);
    double[] most = new double[2];
    for (int n = 0; n < 2000; n++) {
      int[] x0 = truth.sample(random);
      int t = 1 + random.nextInt(steps);
      float share = (float) t / steps; // a power of 2, so without rounding
      float[][] u = new float[1][LENGTH];
      for (int i = 0; i < LENGTH; i++) {
        u[0][i] = (float) random.nextDouble();
      }
      NoisyBatch noisy = process.noise(new int[][] {x0}, null, new float[] {share}, u);
      int[] xt = noisy.xt().ids()[0];
      double[][] log = exact.conditionals(xt);
      double llada = 0;
      double mdlm = 0;
      for (int r = 0; r < noisy.rows().length; r++) {
        double ce = -log[noisy.rows()[r]][noisy.targets()[r]];
        llada += LENGTH * noisy.weights()[r] * ce; // published as a mean over tokens
        mdlm += Mdlm.LINEAR.weight((double) t / steps) * ce;
      }
      double d3pm = 0;
      for (int i = 0; i < LENGTH; i++) {
        double[] px0 = new double[LETTERS];
        for (int v = 0; v < LETTERS; v++) {
          px0[v] = xt[i] == LETTERS ? Math.exp(log[i][v]) : v == xt[i] ? 1 : 0;
        }
        d3pm += steps * chain.loss(t, xt[i], x0[i], px0); // t is one of T
      }
      most[0] = Math.max(most[0], Math.abs(d3pm - llada));
      most[1] = Math.max(most[1], Math.abs(mdlm - llada));
    }
    return most;
  }

  @Test
  void onlyUniformNoiseNeedsTheTime() {
    assertThat(Lineage.changeWithTime(TRUTH, D3pm.absorbing(LETTERS, 8))).isLessThan(1e-12);
    assertThat(Lineage.changeWithTime(TRUTH, D3pm.uniform(LETTERS, 8))).isGreaterThan(0.05);
  }

  @Test
  void longerChainsCloseTheGap() {
    double before = Double.POSITIVE_INFINITY;
    for (int steps : new int[] {1, 4, 16, 64}) {
      double gap = Lineage.bound(TRUTH, D3pm.absorbing(LETTERS, steps)) - TRUTH.entropy();
      assertThat(gap).isPositive().isLessThan(before);
      before = gap;
    }
    assertThat(before).isLessThan(0.05);
    double uniform = Lineage.bound(TRUTH, D3pm.uniform(LETTERS, 64)) - TRUTH.entropy();
    assertThat(uniform).isPositive();
  }

  @Test
  void posteriorsAreDistributions() {
    D3pm chain = D3pm.uniform(LETTERS, 10);
    for (int t = 1; t <= 10; t++) {
      double sum = 0;
      for (double p : chain.posterior(t, 1, 2)) {
        assertThat(p).isNotNegative();
        sum += p;
      }
      assertThat(sum).isCloseTo(1, within(1e-12));
      assertThat(chain.forward(t, 0, 0)).isCloseTo(1 - t / 10.0 * 2 / 3, within(1e-12));
    }
  }
}
