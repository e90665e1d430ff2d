package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.model.LladaConfig;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** What the kernels propose for all rows together is what plain loops propose row by row. */
final class ProposalsTest {
  private static final int V = 700;
  private static final int ROWS = 6;

  private static LladaConfig config(OptionalInt endOfTurn) {
    return new LladaConfig(
        4, 1, 1, 1, 4, V - 20, V, 32, 1e4, 1e-5, true, 17, 3, 3, endOfTurn, OptionalInt.empty());
  }

  private static List<SamplerOptions> everyCombination() {
    List<SamplerOptions> all = new ArrayList<>();
    for (SamplerMode mode : SamplerMode.values()) {
      for (Remasking remasking : Remasking.values()) {
        for (double temperature : new double[] {0, 0.3, 2}) {
          for (int flags = 0; flags < 4; flags++) {
            all.add(
                SamplerOptions.defaults().toBuilder()
                    .mode(mode)
                    .remasking(remasking)
                    .temperature(temperature)
                    .logitsEosInf((flags & 1) > 0)
                    .confidenceEosEotInf((flags & 2) > 0)
                    .build());
          }
        }
      }
    }
    return all;
  }

  /** Special tokens, the mask and padding rows are often among the likeliest here. */
  private static Tensor logits(Arena arena, long seed) {
    Random random = new Random(seed);
    Tensor logits = Tensor.allocate(arena, DType.F32, ROWS, V);
    for (int i = 0; i < ROWS * V; i++) {
      logits.set(i, (float) (3 * random.nextGaussian()));
    }
    int[] special = {3, 4, 17, V - 1, 99};
    for (int r = 0; r < ROWS; r++) {
      logits.set((long) r * V + special[random.nextInt(5)], 15);
      logits.set((long) r * V + special[random.nextInt(5)], 15);
    }
    return logits;
  }

  @Test
  void together() {
    RandomSource random = RandomSource.seeded(5);
    int[] rows = {2, 3, 9, 10, 11, 15}; // of two sequences of 8
    double[] row = new double[V];
    for (String name : List.of("vector", "scalar")) {
      try (Backend backend = Backends.choose(name, 2);
          Arena arena = Arena.ofShared()) {
        for (OptionalInt endOfTurn : List.of(OptionalInt.of(4), OptionalInt.empty())) {
          LladaConfig config = config(endOfTurn);
          for (SamplerOptions options : everyCombination()) {
            Proposals proposals =
                new Proposals(options, config, random, backend.kernels(), new Guidance(null, 0));
            for (int step = 0; step < 5; step++) {
              Tensor logits = logits(arena, step);
              proposals.propose(logits, rows, 8, step);
              for (int r = 0; r < ROWS; r++) {
                for (int v = 0; v < V; v++) {
                  row[v] = logits.get((long) r * V + v);
                }
                Proposal expected =
                    new RowProposals(options, config, random)
                        .propose(row, step, rows[r] / 8, rows[r] % 8);
                String what = "%s, %s, step %d, row %d".formatted(name, options, step, r);
                assertThat(proposals.token(r)).as(what).isEqualTo(expected.token());
                if (expected.score() == Double.NEGATIVE_INFINITY) {
                  assertThat(proposals.score(r)).as(what).isEqualTo(expected.score());
                } else {
                  // The unit of the kernels' sums, 128 * 2^-24, and twice it an entropy below 7.
                  assertThat(Math.abs(proposals.score(r) - expected.score()))
                      .as(what)
                      .isLessThanOrEqualTo(15 * 128 * 0x1p-24);
                }
              }
            }
          }
        }
      }
    }
  }

  @Test
  void manyNumbersAtOnceAreTheSameNumbers() {
    RandomSource random = RandomSource.seeded(9);
    double[] u = new double[100];
    random.noise(u, 3, 1, 20, 50, 100);
    for (int i = 0; i < 100; i++) {
      assertThat(u[i]).isEqualTo(random.noise(3, 1, 20, 50 + i)).isBetween(0x1p-53, 1 - 0x1p-53);
    }
  }
}
