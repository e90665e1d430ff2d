package llada.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import it.unimi.dsi.fastutil.longs.LongOpenHashSet;
import java.util.Arrays;
import llada.tensor.RandomStreams.Purpose;
import org.junit.jupiter.api.Test;

final class RandomStreamsTest {
  private static final int DRAWS = 10_000;
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  /** Neighbours in every counter: 10 seeds with 10 steps each, for two purposes. */
  @Test
  void streamsShareNothing() {
    LongOpenHashSet seen = new LongOpenHashSet(200 * DRAWS);
    for (Purpose purpose : new Purpose[] {Purpose.TRAINING, Purpose.EXPERIMENT_STEP}) {
      for (long seed = 0; seed < 10; seed++) {
        for (long step = 0; step < 10; step++) {
          RandomStreams.of(seed, purpose, step).longs(DRAWS).forEach(seen::add);
        }
      }
    }
    assertThat(seen.size()).isEqualTo(200 * DRAWS);
    // The increment of SplittableRandom, which made streams of each other before.
    for (long step = 1; step <= 10; step++) {
      RandomStreams.of(1 + GAMMA, Purpose.TRAINING, step * GAMMA).longs(DRAWS).forEach(seen::add);
    }
    assertThat(seen.size()).isEqualTo(210 * DRAWS);
  }

  /** No stream begins where another one has just been, nor is one counter another one's number. */
  @Test
  void countersAreNoNumbersOfAStream() {
    for (Purpose purpose : Purpose.values()) {
      LongOpenHashSet seen =
          new LongOpenHashSet(RandomStreams.of(5, purpose).longs(1000).toArray());
      for (int c = 0; c < 1000; c++) {
        seen.add(RandomStreams.hash(5, purpose, c));
        RandomStreams.of(5, purpose, c).longs(2).forEach(seen::add);
      }
      assertThat(seen.size()).isEqualTo(4000);
    }
  }

  @Test
  void purposesHaveDifferentHashes() {
    long[] hashes =
        Arrays.stream(Purpose.values()).mapToLong(p -> RandomStreams.hash(0, p)).toArray();
    assertThat(hashes).doesNotHaveDuplicates();
  }

  @Test
  void neighboursAreUncorrelated() {
    int n = 100_000;
    double sum = 0;
    double product = 0;
    for (int i = 0; i < n; i++) {
      double a = RandomStreams.of(i, Purpose.TRAINING, 3).nextDouble() - 0.5;
      double b = RandomStreams.of(i, Purpose.TRAINING, 4).nextDouble() - 0.5;
      double c = RandomStreams.of(i + 1, Purpose.TRAINING, 3).nextDouble() - 0.5;
      sum += a;
      product += a * b + a * c;
    }
    assertThat(sum / n).isCloseTo(0, within(5 / Math.sqrt(12.0 * n)));
    assertThat(product / n).isCloseTo(0, within(5 * Math.sqrt(2.0) / 12 / Math.sqrt(n)));
  }

  @Test
  void derivedSeedsFitAJsonNumber() {
    for (int i = 0; i < 1000; i++) {
      assertThat(RandomStreams.seed(-1, Purpose.ITEM, i)).isBetween(0L, (1L << 53) - 1);
    }
  }

  /** Whoever changes these numbers raises the version: runs go on with what they began with. */
  @Test
  void theNumbersOfThisVersion() {
    assertThat(RandomStreams.VERSION).isEqualTo(2);
    assertThat(RandomStreams.of(0, Purpose.TRAINING, 0).nextLong()).isEqualTo(4060024048365559961L);
    assertThat(RandomStreams.hash(7, Purpose.SAMPLING, 1, 2)).isEqualTo(-8734071043022808339L);
    assertThat(RandomStreams.seed(1, Purpose.ITEM, 3)).isEqualTo(2101550137538434L);
  }
}
