package llada.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.List;
import llada.kernel.Kernels;
import llada.kernel.ScalarKernels;
import llada.kernel.scalar.ExpertOrder;
import llada.kernel.scalar.Route;
import llada.kernel.scalar.Router;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** The ops of a layer with experts are noted, each once a size. */
final class TimedKernelsTest {
  @Test
  void theOpsOfExpertsAreNoted() {
    try (Arena arena = Arena.ofShared()) {
      TimedKernels timed = new TimedKernels(new ScalarKernels());
      Kernels kernels = timed.kernels();
      timed.record(true);
      int[] experts = new int[6];
      float[] weights = new float[6];
      Tensor logits = Tensor.allocate(arena, DType.F32, 3, 4);
      Tensor x = Tensor.allocate(arena, DType.F32, 6, 32);
      Tensor y = Tensor.allocate(arena, DType.F32, 6, 16);
      Tensor out = Tensor.allocate(arena, DType.F32, 3, 16);
      Tensor weight = Tensor.allocate(arena, DType.Q8_0, 16, 32);
      ExpertOrder order = new ExpertOrder(4);
      for (int pass = 0; pass < 2; pass++) {
        logits.set(pass, 1); // other experts, the same op
        kernels.route(experts, weights, logits, Route.NO_BIAS, 2, Router.SOFTMAX);
        order.sort(experts, 2);
        kernels.expertMatmul(y, x, List.of(weight, weight, weight, weight), order.offsets());
        kernels.combine(out, y, order.places(), weights);
      }
      assertThat(timed.samples().keySet())
          .extracting(TimedKernels.Op::name)
          .containsExactly("route", "expertMatmul", "combine");
      assertThat(timed.samples().values()).allMatch(samples -> samples.count() == 2);
      TimedKernels.Op product = timed.samples().keySet().stream().toList().get(1);
      assertThat(product.shape()).isEqualTo("(6, 32) x 4 of (16, 32)");
      assertThat(product.type()).isEqualTo(DType.Q8_0);
      assertThat(product.flop()).isEqualTo(2.0 * 6 * 16 * 32);
      assertThat(product.bytes()).isEqualTo(4.0 * 6 * (32 + 16) + 4 * 16 * 34);
    }
  }
}
