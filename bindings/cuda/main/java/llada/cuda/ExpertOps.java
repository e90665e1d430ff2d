package llada.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import llada.cuda.CuBlasHandle.Factor;
import llada.cuda.CudaFunction.Geometry;
import llada.kernel.scalar.Router;
import llada.tensor.Tensor;

/** What comes before and after the products of experts; for these see {@link Products#experts}. */
final class ExpertOps {
  private static final int WARP = 32;

  private final DeviceKernels device;
  private final Products products;

  ExpertOps(DeviceKernels device, Products products) {
    this.device = device;
    this.products = products;
  }

  /** One copy brings back experts and weights, and waits for all that was queued before. */
  void route(
      int[] experts, float[] weights, Tensor logits, Tensor bias, int perToken, Router router) {
    device.tensors().requireNotRecording("an answer");
    int n = experts.length;
    if (n == 0) {
      return;
    }
    int count = logits.dim(1);
    boolean biased = router.bias() != Router.Bias.NONE;
    long added = biased ? products.as(Factor.F32, bias, Scratch.Slot.WEIGHT) : 0;
    long at = device.scratch().at(Scratch.Slot.RESULTS, 8L * n);
    device.launch(
        "route",
        "route",
        Geometry.of(logits.dim(0), WARP).sharing(8 * (count + router.groups())),
        at,
        at + 4L * n,
        device.tensors().read(logits),
        added,
        count,
        perToken,
        flag(router.scores() == Router.Scores.SIGMOID),
        flag(router.bias() == Router.Bias.WEIGHT),
        flag(router.normalise()),
        router.scale(),
        router.groups(),
        router.groupsUsed());
    MemorySegment both = MemorySegment.ofArray(new int[2 * n]);
    device.tensors().transfers().download(both, at);
    MemorySegment.copy(both, ValueLayout.JAVA_INT, 0, experts, 0, n);
    MemorySegment.copy(both, ValueLayout.JAVA_FLOAT, 4L * n, weights, 0, n);
  }

  private static int flag(boolean set) {
    return set ? 1 : 0;
  }

  void combine(Tensor out, Tensor y, int[] rows, float[] weights) {
    int tokens = out.dim(0);
    int c = out.dim(1);
    if (tokens == 0 || c == 0) {
      return;
    }
    long from = device.tensors().read(y);
    long[] arrays =
        device.scratch().upload(MemorySegment.ofArray(rows), MemorySegment.ofArray(weights));
    device.launch(
        "combine",
        "combine",
        DeviceKernels.rows(tokens, c),
        device.tensors().write(out),
        from,
        arrays[0],
        arrays[1],
        c,
        rows.length / tokens);
  }
}
