package llada.experiments;

import static llada.experiments.Claim.Outcome.CONTRADICTED;
import static llada.experiments.Claim.Outcome.NOT_SHOWN;
import static llada.experiments.Claim.Outcome.SHOWN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import llada.evaluation.Proportion;
import llada.experiments.Claim.EverySeed;
import llada.experiments.Claim.Outcome;
import llada.experiments.Claim.Rule;
import llada.experiments.Claim.Term;
import llada.plot.Series.Point;
import org.junit.jupiter.api.Test;

/** Statistics against values computed by hand, and rules against data made for them. */
final class StatisticsTest {
  private static final Term A = Term.of("a", "m");
  private static final Term B = Term.of("b", "m");

  /** Arms a and b with these values for seeds 1, 2, ... */
  private static Results results(double[] a, double[] b) {
    Results results = Results.open(Path.of("never written"));
    List<Results.Row> rows = new ArrayList<>();
    for (int i = 0; i < a.length; i++) {
      rows.add(new Results.Row("a", i + 1, "m", "", a[i]));
    }
    for (int i = 0; i < b.length; i++) {
      rows.add(new Results.Row("b", i + 1, "m", "", b[i]));
    }
    results.derive(rows);
    return results;
  }

  private static Outcome decide(Rule rule, Results results) {
    return new Claim("", "", rule).decide("x", results).outcome();
  }

  @Test
  void superiorityIsOfPairedDifferences() {
    // Differences 1, 2, 3: 2 ± 4.3027 / sqrt(3) = 2 ± 2.48, so 0 is within.
    double[] wide = {0, 0, 0};
    assertThat(decide(Rule.superior(A, B), results(new double[] {1, 2, 3}, wide)))
        .isEqualTo(NOT_SHOWN);
    // 2, 3, 4: 3 ± 2.48.
    assertThat(decide(Rule.superior(A, B), results(new double[] {2, 3, 4}, wide))).isEqualTo(SHOWN);
    assertThat(decide(Rule.superior(B, A), results(new double[] {2, 3, 4}, wide)))
        .isEqualTo(CONTRADICTED);
    // Seeds that scatter by far more than the arms differ: only pairs tell.
    assertThat(
            decide(
                Rule.superior(A, B),
                results(new double[] {1.1, 50.1, 99.1}, new double[] {1, 50, 99})))
        .isEqualTo(SHOWN);
    assertThat(
            decide(
                Rule.superior(A.times(0.5), Term.constant(0.9)),
                results(new double[] {2, 3, 4}, wide)))
        .isEqualTo(NOT_SHOWN); // .6 ± 1.24
  }

  @Test
  void borderlinesAndAllEqual() {
    double[] one = {1, 1, 1};
    assertThat(decide(Rule.superior(A, B), results(one, one))).isEqualTo(NOT_SHOWN);
    assertThat(decide(Rule.equivalent(A, B, 0.1), results(one, one))).isEqualTo(SHOWN);
    assertThat(decide(Rule.notInferior(A, B, 0), results(one, one))).isEqualTo(NOT_SHOWN);
    double[] quarter = {1.25, 1.25, 1.25};
    assertThat(decide(Rule.superior(A, B), results(quarter, one))).isEqualTo(SHOWN);
    // An end of the interval at the margin is not within.
    assertThat(decide(Rule.equivalent(A, B, 0.25), results(quarter, one))).isEqualTo(NOT_SHOWN);
    assertThat(decide(Rule.notInferior(B, A, 0.25), results(quarter, one))).isEqualTo(NOT_SHOWN);
    assertThat(decide(Rule.equivalent(A, B, 0.2), results(quarter, one))).isEqualTo(CONTRADICTED);
    assertThat(decide(Rule.equivalent(B, A, 0.2), results(quarter, one))).isEqualTo(CONTRADICTED);
    assertThat(decide(Rule.notInferior(B, A, 0.2), results(quarter, one))).isEqualTo(CONTRADICTED);
    assertThat(decide(Rule.notInferior(B, A, 0.3), results(quarter, one))).isEqualTo(SHOWN);
  }

  @Test
  void aWideIntervalIsNoAgreement() {
    // The verdict that the first edition passed: 83.8, 100, 92.2 % against 100 %, margin 5 points.
    Results seen = results(new double[] {.838, 1, .922}, new double[] {1, 1, 1});
    assertThat(decide(Rule.notInferior(A, B, 0.05), seen)).isEqualTo(NOT_SHOWN);
  }

  @Test
  void aSingleSeedShowsNothing() {
    Results single = results(new double[] {9}, new double[] {1});
    for (Rule rule :
        List.of(
            Rule.superior(A, B),
            Rule.superior(B, A),
            Rule.notInferior(A, B, 1),
            Rule.equivalent(A, B, 100),
            new EverySeed(A, 0))) {
      assertThat(decide(rule, single)).isEqualTo(NOT_SHOWN);
    }
  }

  @Test
  void onlySeedsOfBothArmsArePairs() {
    Results uneven = results(new double[] {2, 3, 4, -999}, new double[] {0, 0, 0});
    assertThat(decide(Rule.superior(A, B), uneven)).isEqualTo(SHOWN);
    assertThatThrownBy(() -> decide(Rule.superior(A, Term.of("c", "m")), uneven))
        .hasMessageContaining("there is no m of arm c");
  }

  @Test
  void rulesTogether() {
    Results seen = results(new double[] {2, 3, 4}, new double[] {0, 0, 0});
    Rule yes = Rule.superior(A, B);
    Rule open = Rule.equivalent(A, B, 2.9);
    Rule no = Rule.superior(B, A);
    assertThat(decide(Rule.all(yes, yes), seen)).isEqualTo(SHOWN);
    assertThat(decide(open, seen)).isEqualTo(NOT_SHOWN);
    assertThat(decide(Rule.all(yes, open), seen)).isEqualTo(NOT_SHOWN);
    assertThat(decide(Rule.all(yes, open, no), seen)).isEqualTo(CONTRADICTED);
    assertThat(decide(new EverySeed(A, 1.9), seen)).isEqualTo(SHOWN);
    assertThat(decide(new EverySeed(A, 2), seen)).isEqualTo(CONTRADICTED);
    assertThat(new Claim("", "", yes).decide("x", seen).seen())
        .isEqualTo("3.00 ± 2.48 (a, m) against 0 ± 0 (b, m): difference 3.00 ± 2.48");
  }

  @Test
  void intervalsOfSharesStayWithinThem() {
    // Two seeds, 0 and 1: resampled means are 0, .5, 1 with 1/4, 1/2, 1/4.
    Interval far = Interval.ofShares(new double[] {0, 1}, 2000);
    assertThat(far.low()).isZero();
    assertThat(far.high()).isEqualTo(1);
    assertThat(far.mean()).isEqualTo(0.5);
    // All seeds right: Wilson's 15 of 15 from 1 / (1 + 1.96^2 / 15) on.
    Interval all = Interval.ofShares(new double[] {1, 1, 1}, 15);
    assertThat(all.low()).isCloseTo(1 / (1 + 1.959964 * 1.959964 / 15), within(1e-6));
    assertThat(all.high()).isEqualTo(1);
    assertThat(all.percent()).isEqualTo("100.0 (79.6 to 100.0) %");
    // Seeds that agree closely: Wilson's is the wider.
    Proportion pooled = new Proportion(100, 200);
    Interval close = Interval.ofShares(new double[] {0.5, 0.5}, 200);
    assertThat(close.low()).isEqualTo(pooled.low());
    assertThat(close.high()).isEqualTo(pooled.high());
    SplittableRandom random = new SplittableRandom(1);
    for (int n = 1; n < 8; n++) {
      double[] shares = random.doubles(n).map(v -> Math.round(v * 16) / 16.0).toArray();
      Interval interval = Interval.ofShares(shares, 16 * n);
      assertThat(interval.low()).isBetween(0.0, interval.mean());
      assertThat(interval.high()).isBetween(interval.mean(), 1.0);
    }
  }

  @Test
  void survivalIsKaplanAndMeiers() {
    // By hand: 5 at risk, one event at 2: 4/5; a censored one at 3; at 4 two of 3: 4/15.
    Survival some =
        new Survival(new double[] {2, 3, 4, 4, 9}, new boolean[] {true, false, true, true, false});
    assertThat(some.curve()).extracting(Point::x).containsExactly(0.0, 2.0, 2.0, 4.0, 4.0, 9.0);
    double[] shares = some.curve().stream().mapToDouble(Point::y).toArray();
    assertThat(shares)
        .containsExactly(new double[] {1, 1, 0.8, 0.8, 0.8 / 3, 0.8 / 3}, within(1e-12));
    assertThat(some.median()).isEqualTo(4);
    Survival never = Survival.until(new double[] {10, 12, 10}, 10);
    assertThat(never.median()).isInfinite();
    assertThat(never.medianText()).isEqualTo("over 10");
    assertThat(Survival.until(new double[] {1, 10}, 10).median()).isEqualTo(1);
  }

  @Test
  void aPowerLawIsFoundAgain() {
    List<List<PowerLaw.Run>> arms = new ArrayList<>();
    for (double factor : new double[] {16, 1}) { // the first needs 16 times as much
      arms.add(
          Arrays.stream(new double[] {1e12, 4e12, 1.6e13})
              .mapToObj(c -> new PowerLaw.Run(c, 2 + 400 * Math.pow(c / factor, -0.2)))
              .toList());
    }
    PowerLaw law = PowerLaw.fit(arms);
    assertThat(law.floor()).isCloseTo(2, within(0.01));
    assertThat(law.slope()).isCloseTo(0.2, within(0.002));
    assertThat(law.lnShift()).isCloseTo(Math.log(16), within(0.02));
    assertThat(PowerLaw.slope(arms.getLast(), 2)).isCloseTo(0.2, within(1e-9));
  }

  @Test
  void coarseNoiseInClosedForm() {
    double[] p = CoarseGumbel.zipf(128);
    assertThat(CoarseGumbel.totalVariation(p, CoarseGumbel.drawn(p, 40))).isLessThan(2e-3);
    // Sums over the whole grid, by another program: first token, rarer half.
    assertDrawn(p, 10, 0.194717, 0.104760);
    assertDrawn(p, 8, 0.222417, 0.054185);
    assertDrawn(CoarseGumbel.withMask(p, 0.1), 10, 0.931681, 0.000746);
    double[] wide = CoarseGumbel.zipf(126_464); // entropy and rarer half by a review
    assertThat(CoarseGumbel.entropy(wide, 0)).isCloseTo(8.104, within(6e-4));
    assertThat(CoarseGumbel.rareHalf(wide, 0)).isCloseTo(0.056, within(6e-4));
  }

  private static void assertDrawn(double[] p, int bits, double first, double rare) {
    double[] drawn = CoarseGumbel.drawn(p, bits);
    assertThat(drawn[0]).isCloseTo(first, within(0.01 * first));
    assertThat(Arrays.stream(drawn, p.length / 2, p.length).sum())
        .isCloseTo(rare, within(0.02 * rare));
  }

  @Test
  void coarseNoiseAsDrawn() {
    double[] masked = CoarseGumbel.withMask(CoarseGumbel.zipf(64), 0.1);
    int draws = 40_000;
    int[] seen = CoarseGumbel.counts(masked, 10, draws, new SplittableRandom(3));
    double[] computed = CoarseGumbel.drawn(masked, 10);
    for (int v : new int[] {0, 1, 2, 10}) {
      double error = Math.sqrt(computed[v] / draws);
      assertThat((double) seen[v] / draws).isCloseTo(computed[v], within(4 * error + 1e-4));
    }
    double[] rare = CoarseGumbel.zipf(512);
    int[] alone = CoarseGumbel.counts(rare, 10, draws, new SplittableRandom(4));
    double[] shares = Arrays.stream(alone).mapToDouble(n -> (double) n / draws).toArray();
    double half = CoarseGumbel.rareHalf(CoarseGumbel.drawn(rare, 10), 0);
    assertThat(CoarseGumbel.rareHalf(shares, 0))
        .isCloseTo(half, within(4 * Math.sqrt(half / draws)));
    assertThat(half).isLessThan(0.95 * CoarseGumbel.rareHalf(rare, 0));
    assertThat(1 - computed[0]).isLessThan(0.09); // what coarse noise does to the right 0.1
  }

  @Test
  void drawsFollowTheirDistribution() {
    double[] p = {0.5, 0.25, 0.125, 0.125};
    int[] counts = FisherConsistency.draw(p, 8000, new SplittableRandom(5));
    assertThat(Arrays.stream(counts).sum()).isEqualTo(8000);
    assertThat(2 * 8000 * FisherConsistency.divergence(counts, p, 8000))
        .isLessThan(16.3); // p = .001, 3 free
    assertThat(FisherConsistency.divergence(new int[] {6, 2, 0, 0}, p, 8))
        .isCloseTo(0.75 * Math.log(1.5), within(1e-12));
  }
}
