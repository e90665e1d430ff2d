package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import llada.cuda.CuBlasHandle.Factor;
import llada.cuda.CuBlasHandle.Read;
import llada.cuda.CudaFunction.Geometry;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.GumbelMax;
import llada.kernel.scalar.MaskedCrossEntropy;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.tensor.DType;
import llada.tensor.Tensor;

/** Ops over the vocabulary: what comes back is a few numbers a row, in one copy. */
final class VocabularyOps {
  /** Logits, or random numbers, that exist at a time. */
  private static final long MAX_BYTES = 512L << 20;

  private static final int MAX_THREADS = 1024;

  private final DeviceKernels device;
  private final Products products;

  VocabularyOps(DeviceKernels device, Products products) {
    this.device = device;
    this.products = products;
  }

  private static Geometry rows(int rows, int v) {
    return Geometry.of(rows, Math.min(MAX_THREADS, (v + 31) / 32 * 32));
  }

  /** A byte a token: 1 if it cannot be chosen, 2 if it has no probability. */
  private long excluded(Exclusions exclusions, int v) {
    if (exclusions.choiceLimit() == v
        && exclusions.fromChoice().length == 0
        && exclusions.fromSoftmax().length == 0) {
      return 0;
    }
    byte[] flags = new byte[v];
    for (int id = exclusions.choiceLimit(); id < v; id++) {
      flags[id] |= 1;
    }
    for (int id : exclusions.fromChoice()) {
      flags[id] |= 1;
    }
    for (int id : exclusions.fromSoftmax()) {
      flags[id] |= 2;
    }
    return device.scratch().constant(MemorySegment.ofArray(flags));
  }

  void softmaxStatistics(SoftmaxStatistics.Rows out, Tensor logits, Exclusions exclusions) {
    int r = logits.dim(0);
    int v = logits.dim(1);
    if (r == 0) {
      return;
    }
    long excluded = excluded(exclusions, v);
    // sum, entropy, margin in double, then argMax, argMaxLogit, max, firstNonFinite.
    long bytes = 40L * r;
    long at = device.scratch().at(Scratch.Slot.RESULTS, bytes);
    long ints = at + 24L * r;
    device.launch(
        "softmax_statistics",
        "softmax_statistics",
        rows(r, v),
        ints,
        ints + 4L * r,
        ints + 8L * r,
        at,
        at + 8L * r,
        at + 16L * r,
        ints + 12L * r,
        device.tensors().read(logits),
        excluded,
        v);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment all = arena.allocate(bytes, 8);
      device.tensors().transfers().download(all, at);
      MemorySegment.copy(all, ValueLayout.JAVA_DOUBLE, 0, out.sum, 0, r);
      MemorySegment.copy(all, ValueLayout.JAVA_DOUBLE, 8L * r, out.entropy, 0, r);
      MemorySegment.copy(all, ValueLayout.JAVA_DOUBLE, 16L * r, out.margin, 0, r);
      MemorySegment.copy(all, ValueLayout.JAVA_INT, 24L * r, out.argMax, 0, r);
      MemorySegment.copy(all, ValueLayout.JAVA_FLOAT, 28L * r, out.argMaxLogit, 0, r);
      MemorySegment.copy(all, ValueLayout.JAVA_FLOAT, 32L * r, out.max, 0, r);
      MemorySegment.copy(all, ValueLayout.JAVA_INT, 36L * r, out.firstNonFinite, 0, r);
    }
  }

  void gumbelMax(
      int[] tokens,
      Tensor logits,
      Exclusions exclusions,
      double temperature,
      GumbelMax.Noise noise) {
    int r = logits.dim(0);
    int v = logits.dim(1);
    if (r == 0) {
      return;
    }
    long excluded = excluded(exclusions, v);
    long out = device.scratch().at(Scratch.Slot.RESULTS, 4L * r);
    long address = device.tensors().read(logits);
    if (noise.key(0).isPresent()) {
      long[] keys = new long[r];
      for (int i = 0; i < r; i++) {
        keys[i] = noise.key(i).getAsLong();
      }
      device.launch(
          "gumbel_max",
          "gumbel_max_seeded",
          rows(r, v),
          out,
          address,
          device.scratch().upload(MemorySegment.ofArray(keys))[0],
          excluded,
          temperature,
          v);
    } else {
      drawn(out, address, r, v, excluded, temperature, noise);
    }
    int[] found = new int[r];
    device.tensors().transfers().download(MemorySegment.ofArray(found), out);
    System.arraycopy(found, 0, tokens, 0, r);
  }

  /** With noise from the host, some rows at a time. */
  private void drawn(
      long out,
      long logits,
      int r,
      int v,
      long excluded,
      double temperature,
      GumbelMax.Noise noise) {
    int most = (int) Math.max(1, Math.min(r, MAX_BYTES / (8L * v)));
    double[] u = new double[v];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment some = arena.allocate(8L * most * v, 8);
      for (int first = 0; first < r; first += most) {
        int count = Math.min(most, r - first);
        for (int i = 0; i < count; i++) {
          noise.fill(u, first + i, 0, v);
          MemorySegment.copy(u, 0, some, ValueLayout.JAVA_DOUBLE, 8L * i * v, v);
        }
        long bytes = 8L * count * v;
        long drawn = device.scratch().at(Scratch.Slot.LOGITS, bytes);
        device.tensors().transfers().upload(drawn, some.asSlice(0, bytes));
        device.launch(
            "gumbel_max",
            "gumbel_max",
            rows(count, v),
            out + 4L * first,
            logits + 4L * first * v,
            drawn,
            excluded,
            temperature,
            v);
      }
    }
  }

  void maskedCrossEntropy(double[] losses, Tensor logits, int[] targets, double[] weights) {
    int r = targets.length;
    if (r == 0) {
      return;
    }
    int v = logits.dim(1);
    long out = device.scratch().at(Scratch.Slot.RESULTS, 8L * r);
    long[] arrays = upload(targets, weights);
    device.launch(
        "masked_cross_entropy",
        "masked_cross_entropy",
        rows(r, v),
        out,
        device.tensors().read(logits),
        arrays[0],
        arrays[1],
        v);
    device.tensors().transfers().download(MemorySegment.ofArray(losses), out);
  }

  private long[] upload(int[] targets, double[] weights) {
    return device.scratch().upload(MemorySegment.ofArray(targets), MemorySegment.ofArray(weights));
  }

  /** As many rows at a time as there is room for logits. */
  void maskedCrossEntropyBackward(
      double[] losses,
      Tensor dHidden,
      Tensor dHead,
      Tensor hidden,
      Tensor head,
      int[] targets,
      double[] weights) {
    int r = targets.length;
    int v = head.dim(0);
    int c = head.dim(1);
    if (r == 0) {
      return;
    }
    DeviceTensors tensors = device.tensors();
    Factor type = products.gradientType();
    long h = products.as(type, head, Scratch.Slot.WEIGHT);
    long x = products.as(type, hidden, Scratch.Slot.ACTIVATION);
    boolean trains = MaskedCrossEntropy.trains(dHead);
    long dh = trains ? tensors.update(dHead) : 0;
    long dx = tensors.write(dHidden);
    long lossesAt = device.scratch().at(Scratch.Slot.RESULTS, 8L * r);
    long[] arrays = upload(targets, weights);
    int most = (int) Math.max(1, Math.min(r, MAX_BYTES / (4L * v)));
    long logits = device.scratch().at(Scratch.Slot.LOGITS, 4L * most * v);
    for (int first = 0; first < r; first += most) {
      int n = Math.min(most, r - first);
      long rows = x + (long) type.bytes * first * c;
      products.multiply(logits, rows, Read.STRAIGHT, h, Read.TRANSPOSED, n, v, c, type, false);
      device.launch(
          "masked_cross_entropy",
          "masked_cross_entropy_backward",
          rows(n, v),
          lossesAt + 8L * first,
          logits,
          arrays[0] + 4L * first,
          arrays[1] + 8L * first,
          v);
      long d = products.as(type, logits, DType.F32, (long) n * v, Scratch.Slot.GRADIENT);
      long dxRows = dx + 4L * first * c;
      products.multiply(dxRows, d, Read.STRAIGHT, h, Read.STRAIGHT, n, c, v, type, false);
      if (trains) {
        products.multiply(dh, d, Read.TRANSPOSED, rows, Read.STRAIGHT, v, c, n, type, true);
      }
    }
    device.tensors().transfers().download(MemorySegment.ofArray(losses), lossesAt);
  }
}
