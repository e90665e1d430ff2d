package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import llada.diffusion.cache.DelayedCache;
import llada.diffusion.cache.Plan;
import llada.diffusion.cache.Progress;
import llada.diffusion.commit.Klass;
import llada.diffusion.commit.Threshold;
import llada.kernel.scalar.GumbelMax;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Decoders against what the code of their papers does, written down plainly. */
final class AsPublishedTest {
  private static final int LENGTH = 25; // a prompt of one token, three blocks of 8

  /** Surer with every token that is filled, some positions sooner than others. */
  private static double[] settling(int[] x, int position) {
    long filled = Arrays.stream(x).filter(t -> t != ScriptedPredictor.MASK).count();
    return new double[] {position % 5, 6 - 5 * Math.exp(-filled / (1.5 + position * 7 % 5))};
  }

  private static double[] distribution(double[] says) {
    double[] p = new double[ScriptedPredictor.VOCABULARY];
    double sum = ScriptedPredictor.VOCABULARY - 1 + Math.exp(says[1]);
    Arrays.fill(p, 1 / sum);
    p[(int) says[0]] = Math.exp(says[1]) / sum;
    return p;
  }

  /** The published stable_confident_decode(), one token a step where nothing is stable. */
  private static List<List<Integer>> klass(double tau, double epsilon, int n) {
    int[] x = new int[LENGTH];
    Arrays.fill(x, 1, LENGTH, ScriptedPredictor.MASK);
    double[][] history = new double[LENGTH][n]; // all positions, latest last
    double[][] previous = new double[LENGTH][];
    List<List<Integer>> steps = new ArrayList<>();
    for (int start = 1; start < LENGTH; start += 8) {
      int from = start;
      for (int step = 0; step < 8; step++) {
        List<Integer> masks =
            IntStream.range(from, from + 8)
                .filter(i -> x[i] == ScriptedPredictor.MASK)
                .boxed()
                .toList();
        if (masks.isEmpty()) {
          break;
        }
        double[] confidence = new double[LENGTH];
        boolean[] stable = new boolean[LENGTH];
        for (int i = 0; i < LENGTH; i++) {
          double[] p = distribution(settling(x, i));
          double kl = 0;
          for (int v = 0; v < p.length; v++) {
            double before = previous[i] == null ? 0 : previous[i][v];
            kl += p[v] * (Math.log(p[v] + 1e-12) - Math.log(before + 1e-12));
          }
          System.arraycopy(history[i], 1, history[i], 0, n - 1);
          history[i][n - 1] = kl;
          previous[i] = p;
          confidence[i] = Arrays.stream(p).max().orElseThrow();
          stable[i] = step >= n - 1 && Arrays.stream(history[i]).allMatch(d -> d < epsilon);
        }
        List<Integer> chosen =
            masks.stream().filter(i -> stable[i] && confidence[i] > tau).toList();
        if (chosen.isEmpty()) {
          chosen =
              List.of(
                  masks.stream().max(Comparator.comparingDouble(i -> confidence[i])).orElseThrow());
        }
        chosen.forEach(i -> x[i] = i % 5);
        steps.add(chosen);
      }
    }
    return steps;
  }

  @ParameterizedTest
  @CsvSource({"0.3, 0.05, 2", "0.3, 0.01, 2", "0.5, 0.05, 1", "0.2, 0.2, 3", "0.2, 0.002, 2"})
  void theHistoryOfKlassRunsOnFromBlockToBlock(double tau, double epsilon, int n) {
    ScriptedPredictor predictor = new ScriptedPredictor(AsPublishedTest::settling);
    List<List<Integer>> steps = new ArrayList<>();
    Generation generation =
        new DiffusionSampler(predictor, predictor.config())
            .generate(
                new int[][] {{0}},
                null,
                SamplerOptions.defaults().toBuilder()
                    .lengths(24, 24, 8)
                    .decoder(Decoder.exact().with(new Klass(tau, epsilon, n)))
                    .build(),
                RandomSource.seeded(1),
                step -> steps.add(Arrays.stream(step.revealed()[0]).sorted().boxed().toList()));
    List<List<Integer>> published = klass(tau, epsilon, n);
    assertThat(published.size()).isBetween(4, 23); // neither rule alone
    assertThat(steps).isEqualTo(published);
    assertThat(generation.answer(0)).doesNotContain(ScriptedPredictor.MASK);
  }

  /** Two full passes at the beginning of a block, then every eighth step of the block. */
  @Test
  void delayedCacheCountsWithinTheBlock() {
    int[][] x = {{0, 1, ScriptedPredictor.MASK, 3, ScriptedPredictor.MASK}};
    for (int step = 0; step < 20; step++) {
      int global = 37 + step;
      int[][] changed = {{Progress.NEVER, global - 5, Progress.NEVER, global - 1, Progress.NEVER}};
      Progress progress = new Progress(x, ScriptedPredictor.MASK, 1, 1, 5, step, global, changed);
      Plan plan = new DelayedCache().plan(progress);
      if (step < 2 || step % 8 == 0) {
        assertThat(plan).isSameAs(Plan.ALL);
      } else {
        assertThat(plan.computed()[0]).containsExactly(2, 3, 4);
      }
      assertThat(new DelayedCache(8, true).plan(progress).computed()[0])
          .containsExactly(
              step < 2 || step % 8 == 0 ? new int[] {1, 2, 3, 4} : new int[] {2, 3, 4});
    }
  }

  /** The last block is shorter than the others, and grows when it lacks room. */
  @ParameterizedTest
  @ValueSource(ints = {17, 18, 19, 20, 21, 22, 23, 24})
  void noMaskIsLeftWhenTheLastBlockGrows(int initial) {
    ScriptedPredictor predictor =
        new ScriptedPredictor(
            (x, position) ->
                new double[] {3, position == 17 && x.length < initial + 9 ? 0.01 : 20});
    Daedal daedal = new Daedal(initial, 8, 0, 5, 0.1, 0.9);
    int[] answer =
        new DiffusionSampler(predictor, predictor.config())
            .generate(
                new int[][] {{1}},
                null,
                SamplerOptions.defaults().toBuilder()
                    .lengths(64, 64, 8)
                    .decoder(Decoder.exact().with(new Threshold(0.9)).with(daedal))
                    .build(),
                RandomSource.seeded(1),
                StepListener.NONE)
            .answer(0);
    // With one mask left in its block there is no choice but to fill it, sure or not.
    assertThat(answer).hasSize(initial == 17 ? 17 : initial + 8).containsOnly(3);
  }

  /** A device draws the noise of a padded batch by itself, from these keys. */
  @Test
  void aPaddedBatchHasTheKeysOfItsSequences() {
    long[] seeds = {4, 9};
    int[] padding = {0, 6};
    RandomSource batch = RandomSource.perSequence(seeds, padding);
    for (int b = 0; b < 2; b++) {
      for (int position = padding[b]; position < 20; position++) {
        long key = batch.noiseKey(3, b, position).orElseThrow();
        assertThat(RandomSource.seeded(seeds[b]).noiseKey(3, 0, position - padding[b]))
            .hasValue(key);
        for (int token : new int[] {0, 1, 500}) {
          assertThat(batch.noise(3, b, position, token))
              .isEqualTo(GumbelMax.Noise.uniform(key + token + 1));
        }
      }
    }
  }
}
