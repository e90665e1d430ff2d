package llada.cuda;

import java.lang.foreign.MemorySegment;
import java.util.List;
import llada.cuda.CudaFunction.Geometry;
import llada.kernel.scalar.AdamW;
import llada.tensor.Tensor;

/** Ops over parameters and their gradients, number by number. */
final class OptimizerOps {
  private static final int MAX_PARTIALS = 1024;
  private static final int THREADS = 256;

  private final DeviceKernels device;
  private final Products products;

  OptimizerOps(DeviceKernels device, Products products) {
    this.device = device;
    this.products = products;
  }

  void adamW(Tensor w, Tensor g, Tensor m, Tensor v, AdamW.Step step) {
    DeviceTensors tensors = device.tensors();
    long n = w.shape().elements();
    long gradient = tensors.read(g);
    device.launch(
        "adamw",
        "adamw",
        DeviceKernels.elements(n),
        tensors.update(w),
        gradient,
        tensors.update(m),
        tensors.update(v),
        n,
        step.beta1(),
        step.beta2(),
        step.rest1(),
        step.rest2(),
        step.clip(),
        step.keep(),
        step.rate(),
        step.correct1(),
        step.correct2(),
        step.eps());
  }

  double sumOfSquares(List<Tensor> parts) {
    int count = 0;
    for (Tensor part : parts) {
      count += partials(part);
    }
    long out = device.scratch().at(Scratch.Slot.RESULTS, 8L * (count + 1));
    long at = out + 8;
    for (Tensor part : parts) {
      int blocks = partials(part);
      long n = part.shape().elements();
      long x = products.as(CuBlasHandle.Factor.F32, part, Scratch.Slot.ACTIVATION);
      device.launch("vector", "sum_of_squares", Geometry.of(blocks, THREADS), at, x, n);
      at += 8L * blocks;
    }
    device.launch("vector", "sum", Geometry.of(1, THREADS), out, out + 8, count);
    double[] sum = new double[1];
    device.tensors().transfers().download(MemorySegment.ofArray(sum), out);
    return sum[0];
  }

  private static int partials(Tensor part) {
    return (int) Math.min(MAX_PARTIALS, (part.shape().elements() + THREADS - 1) / THREADS);
  }

  void average(Tensor average, Tensor value, float share) {
    DeviceTensors tensors = device.tensors();
    long n = average.shape().elements();
    long from = tensors.read(value);
    device.launch(
        "vector", "lerp", DeviceKernels.elements(n), tensors.update(average), from, share, n);
  }
}
