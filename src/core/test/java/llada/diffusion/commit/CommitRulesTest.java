package llada.diffusion.commit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import llada.Seeded;
import org.junit.jupiter.api.Test;

/** Every rule against a slow reading of its formula. */
final class CommitRulesTest {
  /** Steps of 1 / 16, so that ties and thresholds are met exactly, and often. */
  private static Candidates candidates(Random random) {
    int n = 1 + random.nextInt(12);
    int quota = random.nextInt(5);
    double[] confidence = random.ints(n, 0, 17).mapToDouble(i -> i / 16.0).toArray();
    double[] score = confidence.clone();
    for (int i = 0; i < n; i++) {
      if (random.nextInt(8) == 0) {
        score[i] = Double.NEGATIVE_INFINITY;
      }
    }
    double[][] divergence = new double[n][3];
    for (double[] row : divergence) {
      Arrays.setAll(row, k -> random.nextInt(6) == 0 ? Double.NaN : random.nextInt(4) / 100.0);
    }
    return new Candidates(
        IntStream.range(0, n).map(i -> 10 + 2 * i).toArray(),
        score,
        confidence,
        random.ints(n, 0, 8).mapToDouble(i -> i / 100.0).toArray(),
        random.ints(n, 0, 20).mapToDouble(i -> i / 2.0).toArray(),
        divergence,
        new Candidates.Schedule(quota, 2, 4, 0),
        new Candidates.Settled(new int[0], new double[0], _ -> 0.5));
  }

  private static List<Integer> chosen(CommitRule rule, Candidates candidates) {
    Choice choice = new Choice();
    rule.choose(candidates, choice);
    assertThat(choice.takenBack()).isEmpty();
    return Arrays.stream(choice.committed()).boxed().toList();
  }

  /** Best first, ties to the left. */
  private static List<Integer> ordered(Candidates c) {
    return IntStream.range(0, c.size())
        .boxed()
        .sorted(Comparator.<Integer>comparingDouble(i -> -c.score()[i]).thenComparing(i -> i))
        .toList();
  }

  private static boolean held(Candidates c, int i) {
    return c.score()[i] == Double.NEGATIVE_INFINITY;
  }

  @Test
  void quotaTakesTheBest() {
    Seeded.cases(1000, random -> quota(candidates(random)));
  }

  private static void quota(Candidates c) {
    assertThat(chosen(new Quota(), c))
        .isEqualTo(ordered(c).subList(0, Math.min(c.size(), c.schedule().quota())));
  }

  @Test
  void thresholdTakesAllAboveItAndTheBest() {
    Seeded.cases(1000, random -> threshold(candidates(random), random.nextInt(17)));
  }

  private static void threshold(Candidates c, int sixteenths) {
    double tau = sixteenths / 16.0;
    Set<Integer> expected = new TreeSet<>();
    expected.add(ordered(c).getFirst());
    for (int i = 0; i < c.size(); i++) {
      if (c.confidence()[i] >= tau && !held(c, i)) {
        expected.add(i);
      }
    }
    assertThat(chosen(new Threshold(tau), c)).containsExactlyInAnyOrderElementsOf(expected);
  }

  @Test
  void factorTakesTheLargestNWhoseWorstIsSureEnough() {
    Seeded.cases(1000, random -> factor(candidates(random), random.nextDouble(0.1, 4)));
  }

  private static void factor(Candidates c, double f) {
    List<Integer> order = ordered(c);
    int largest = 1;
    for (int n = 2; n <= c.size(); n++) {
      boolean all = order.subList(0, n).stream().noneMatch(i -> held(c, i));
      if (all && c.confidence()[order.get(n - 1)] >= 1 - f / (n + 1)) {
        largest = n;
      }
    }
    // A first that fails alone is taken none the less; those after it then fail, too.
    assertThat(chosen(new Factor(f), c)).isEqualTo(order.subList(0, largest));
  }

  @Test
  void entropyBoundedTakesTheLargestPrefixWithinTheBound() {
    Seeded.cases(1000, random -> entropyBounded(candidates(random), random.nextInt(31)));
  }

  private static void entropyBounded(Candidates c, int hundredths) {
    double gamma = hundredths / 100.0 + 1e-9;
    List<Integer> order = ordered(c);
    int largest = 1;
    for (int k = 2; k <= c.size(); k++) {
      List<Integer> prefix = order.subList(0, k);
      double[] entropies = prefix.stream().mapToDouble(i -> c.entropy()[i]).toArray();
      double bound = Arrays.stream(entropies).sum() - Arrays.stream(entropies).max().orElseThrow();
      if (bound <= gamma && prefix.stream().noneMatch(i -> held(c, i))) {
        largest = k;
      }
    }
    assertThat(chosen(new EntropyBounded(gamma), c)).isEqualTo(order.subList(0, largest));
  }

  @Test
  void klassTakesTheSureAndStable() {
    Seeded.cases(1000, random -> klass(candidates(random), 1 + random.nextInt(3)));
  }

  private static void klass(Candidates c, int n) {
    double tau = 0.5;
    double epsilon = 0.02;
    List<Integer> expected =
        ordered(c).stream()
            .filter(i -> !held(c, i) && c.confidence()[i] > tau)
            .filter(i -> Arrays.stream(c.divergence()[i], 0, n).allMatch(kl -> kl < epsilon))
            .toList();
    if (expected.isEmpty()) {
      expected = ordered(c).subList(0, Math.min(c.size(), Math.max(1, c.schedule().quota())));
    }
    assertThat(chosen(new Klass(tau, epsilon, n), c)).isEqualTo(expected);
  }

  @Test
  void everyAdaptiveRuleCommitsAtLeastOne() {
    Seeded.cases(1000, random -> adaptive(candidates(random)));
  }

  private static void adaptive(Candidates c) {
    for (CommitRule rule :
        List.of(
            new Threshold(1),
            new Factor(1e-9),
            new EntropyBounded(0),
            new Klass(1, 1e-9, 2),
            new Prophet(new Threshold(1)))) {
      assertThat(rule.adaptive()).isTrue();
      assertThat(chosen(rule, c)).isNotEmpty().doesNotHaveDuplicates();
    }
  }

  @Test
  void prophetIsSurerEarlyThanLate() {
    double[] gaps = {2, 4}; // 3 on average
    for (double progress : new double[] {0, 0.3, 0.5, 0.66, 0.7, 0.99}) {
      Candidates answer =
          new Candidates(
              new int[] {1, 2},
              new double[2],
              new double[2],
              new double[2],
              gaps,
              new double[2][0],
              new Candidates.Schedule(1, 0, 4, progress),
              new Candidates.Settled(new int[0], new double[0], _ -> 0));
      assertThat(new Prophet(new Quota()).finishes(answer)).isEqualTo(progress >= 0.67);
      assertThat(new Prophet(new Quota(), 3, 3, 3).finishes(answer)).isTrue();
      assertThat(new Prophet(new Quota(), 3.01, 3.01, 3.01).finishes(answer)).isFalse();
    }
  }

  /** A block of 16 through all steps of ReMDM: the schedule of filled tokens, and nothing else. */
  @Test
  void remdmKeepsToItsSchedule() {
    Seeded.cases(
        60,
        random ->
            remdmSchedule(
                random, Seeded.of(random, Remdm.Strategy.values()), 1 + random.nextInt(50)));
  }

  private static void remdmSchedule(Random random, Remdm.Strategy strategy, int steps) {
    Remdm rule = new Remdm(strategy, strategy == Remdm.Strategy.CONF ? 1 : 0.3);
    boolean[] filled = new boolean[16];
    for (int step = 0; step < steps; step++) {
      int[] masks = IntStream.range(0, 16).filter(i -> !filled[i]).toArray();
      int[] settled = IntStream.range(0, 16).filter(i -> filled[i]).toArray();
      double[] confidence = random.doubles(masks.length).toArray();
      Candidates candidates =
          new Candidates(
              masks,
              confidence,
              confidence,
              new double[masks.length],
              new double[masks.length],
              new double[masks.length][0],
              new Candidates.Schedule(0, step, steps, 0),
              new Candidates.Settled(
                  settled, random.doubles(settled.length).toArray(), _ -> random.nextDouble()));
      Choice choice = new Choice();
      rule.choose(candidates, choice);
      assertThat(Arrays.stream(choice.takenBack())).allMatch(i -> filled[i]);
      Arrays.stream(choice.takenBack()).forEach(i -> filled[i] = false);
      Arrays.stream(choice.committed()).forEach(i -> filled[masks[i]] = true);
      int left = 16 - filled(filled);
      double s = 1 - (step + 1.0) / steps;
      if (strategy != Remdm.Strategy.LOOP) {
        // One taken back cannot be filled again in the same step.
        assertThat(left)
            .isBetween(
                (int) Math.round(16 * s),
                Math.max((int) Math.round(16 * s), choice.takenBack().length));
      }
      if (step == steps - 1) {
        assertThat(choice.takenBack()).isEmpty();
        assertThat(left).isZero();
      }
    }
  }

  private static int filled(boolean[] filled) {
    int count = 0;
    for (boolean one : filled) {
      count += one ? 1 : 0;
    }
    return count;
  }

  @Test
  void remdmsSigmaNeverExceedsItsBound() {
    Seeded.cases(
        1000,
        random ->
            remdmSigma(
                Seeded.of(
                    random, 1.0, 0.02, random.nextDouble(0.02, 1), random.nextDouble(0.02, 1)),
                Seeded.of(random, 0.0, 1.0, random.nextDouble(), random.nextDouble()),
                Seeded.of(random, Remdm.Strategy.values())));
  }

  private static void remdmSigma(double t, double share, Remdm.Strategy strategy) {
    double s = t * share;
    double alphaT = 1 - t;
    double alphaS = 1 - s;
    double bound = alphaT == 0 ? 1 : Math.min(1, (1 - alphaS) / alphaT);
    double[] confidence = {0.2, 0.9, 0.5};
    double[] sigma = new Remdm(strategy).sigma(alphaT, alphaS, t, confidence);
    assertThat(sigma).hasSize(3);
    for (double one : sigma) {
      assertThat(one).isBetween(0.0, bound + 1e-12);
    }
    switch (strategy) {
      case CAP -> assertThat(sigma[0]).isEqualTo(Math.min(0.008, bound));
      case RESCALE -> assertThat(sigma[0]).isEqualTo(0.015 * bound);
      case CONF -> {
        assertThat(Arrays.stream(sigma).sum()).isCloseTo(bound, within(1e-12));
        if (bound > 0) {
          assertThat(sigma[0] / sigma[1]).isCloseTo(Math.exp(0.7), within(1e-9));
        }
      }
      case LOOP ->
          assertThat(sigma[0]).isEqualTo(t > 0.05 && t <= 0.55 ? Math.min(0.02, bound) : 0);
    }
  }

  @Test
  void numbersOutOfRangeAreRefused() {
    assertThatThrownBy(() -> new Threshold(1.1))
        .hasMessage("the confidence threshold is 1.1; it must be from 0.0 to 1.0");
    assertThatThrownBy(() -> new Factor(0)).hasMessage("the factor is 0.0; it must be positive");
    assertThatThrownBy(() -> new EntropyBounded(Double.NaN)).hasMessageContaining("gamma is NaN");
    assertThatThrownBy(() -> new Klass(0.5, 0.01, 0)).hasMessageContaining("at least 1");
    assertThatThrownBy(() -> new Remdm(Remdm.Strategy.CAP, 2)).hasMessageContaining("eta");
  }
}
