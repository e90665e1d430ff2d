package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import llada.kernel.scalar.ExpertOrder;
import org.junit.jupiter.api.Test;

/** {@link ExpertContract} of the reference, and the order of tokens by expert. */
final class ScalarExpertsTest implements ExpertContract {
  @Override
  public Kernels kernels(Parallel parallel) {
    return new ScalarKernels();
  }

  @Test
  void anOrderSortsByExpertAndKeepsTokensInOrder() {
    ExpertOrder order = new ExpertOrder(7);
    for (int tokens : new int[] {9, 9, 1, 0, 40}) {
      int[] experts = new Random(tokens).ints(3L * tokens, 0, 7).toArray();
      order.sort(experts, 3);
      assertThat(order.offsets()[0]).isZero();
      assertThat(order.offsets()[7]).isEqualTo(3 * tokens);
      assertThat(order.tokens()).hasSize(3 * tokens);
      int[] last = new int[7];
      java.util.Arrays.fill(last, -1);
      for (int i = 0; i < experts.length; i++) {
        int place = order.places()[i];
        assertThat(order.tokens()[place]).isEqualTo(i / 3);
        assertThat(place)
            .isBetween(order.offsets()[experts[i]], order.offsets()[experts[i] + 1] - 1)
            .isGreaterThan(last[experts[i]]);
        last[experts[i]] = place;
      }
    }
  }
}
