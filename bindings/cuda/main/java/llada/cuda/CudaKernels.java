package llada.cuda;

import java.util.List;
import java.util.stream.IntStream;
import llada.cuda.CudaFunction.Geometry;
import llada.kernel.Kernels;
import llada.kernel.Precision;
import llada.kernel.scalar.AdamW;
import llada.kernel.scalar.AddBias;
import llada.kernel.scalar.Attention;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.scalar.CacheRows;
import llada.kernel.scalar.Combine;
import llada.kernel.scalar.Embedding;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.ExpertMatmul;
import llada.kernel.scalar.GumbelMax;
import llada.kernel.scalar.MaskedCrossEntropy;
import llada.kernel.scalar.Matmul;
import llada.kernel.scalar.Residual;
import llada.kernel.scalar.RmsNorm;
import llada.kernel.scalar.Rope;
import llada.kernel.scalar.RopeLayout;
import llada.kernel.scalar.RopeTables;
import llada.kernel.scalar.Route;
import llada.kernel.scalar.Router;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.kernel.scalar.SwiGlu;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * The contract on a GPU. A call checks its arguments as the reference does, queues its kernels and
 * returns; only ops whose answer is an array wait for the device. Tensors stay where they were
 * written (see {@link DeviceTensors}).
 */
public final class CudaKernels implements Kernels, AutoCloseable {
  private static final int NORM_COLUMNS = 32; // that a block of the weight's gradient adds up
  private static final int NORM_ROWS = 8;
  private static final int THREADS = 256;

  private final CudaContext context;
  private final DeviceKernels device;
  private final CuBlasHandle blas;
  private final Products products;
  private final AttentionOps attention;
  private final VocabularyOps vocabulary;
  private final OptimizerOps optimizer;
  private final ExpertOps mixture;
  private final Recordings recordings;

  /**
   * Opens a device.
   *
   * @param precision what factors of a product may be rounded to
   * @throws CudaException if the device or a library does not work
   */
  public CudaKernels(CudaDevice device, Precision precision) {
    this(device, precision, KernelCache.ofUser(System.getenv(), System.getProperty("user.home")));
  }

  CudaKernels(CudaDevice gpu, Precision precision, KernelCache cache) {
    context = CudaContext.open(gpu);
    try {
      device = new DeviceKernels(context, cache);
      blas = new CuBlasHandle(context, device.compute());
      products = new Products(device, blas, precision);
      attention = new AttentionOps(device);
      vocabulary = new VocabularyOps(device, products);
      optimizer = new OptimizerOps(device, products);
      mixture = new ExpertOps(device, products);
      recordings = new Recordings(device.tensors(), device.compute());
      device.tensors().onFree(recordings::forget);
      device.scratch().onFree(recordings::forget);
    } catch (RuntimeException e) {
      context.close();
      throw e;
    }
  }

  /** The GPU. */
  public CudaDevice device() {
    return context.device();
  }

  /** What threads hold that bring numbers back from the device while they look at a tensor. */
  Object monitor() {
    return device.tensors();
  }

  /** How often a recorded pass was played back. */
  int played() {
    return recordings.played();
  }

  private DeviceTensors tensors() {
    context.enter();
    return device.tensors();
  }

  @Override
  public void load(List<Tensor> weights) {
    tensors().load(weights);
  }

  @Override
  public void repeat(Object key, Runnable body) {
    context.enter();
    recordings.repeat(key, body);
  }

  @Override
  public void await() {
    context.enter();
    context.synchronize();
  }

  @Override
  public void embedding(Tensor out, int[] ids, Tensor table) {
    Embedding.check(out, ids, table);
    DeviceTensors tensors = tensors();
    int c = table.dim(1);
    long rows = tensors.read(table);
    device.launch(
        "embedding",
        "embedding_" + DeviceKernels.name(table.dtype()),
        DeviceKernels.rows(ids.length, c),
        tensors.write(out),
        device.scratch().upload(ids),
        rows,
        c);
  }

  /**
   * Float32 rows are copied on the device, as many together as follow each other. Rounding rows to
   * the other types of a cache is not done there: such a cache is written on the processor.
   */
  @Override
  public void storeCacheRows(Tensor cache, int[] rows, Tensor x) {
    CacheRows.checkStore(cache, rows, x);
    if (cache.dtype() != DType.F32) {
      CacheRows.store(cache, rows, x);
      return;
    }
    DeviceTensors tensors = tensors();
    long bytes = Float.BYTES * (long) cache.dim(1);
    long from = tensors.read(x);
    long to = tensors.update(cache);
    for (int first = 0, next; first < rows.length; first = next) {
      next = first + 1;
      while (next < rows.length && rows[next] == rows[next - 1] + 1) {
        next++;
      }
      device.compute().copy(to + rows[first] * bytes, from + first * bytes, (next - first) * bytes);
    }
  }

  /** The rows of a table, all of them in their order. */
  @Override
  public void loadCacheRows(Tensor out, Tensor cache) {
    CacheRows.checkLoad(out, cache);
    embedding(out, IntStream.range(0, cache.dim(0)).toArray(), cache);
  }

  @Override
  public void embeddingBackward(Tensor dTable, int[] ids, Tensor dOut) {
    Embedding.checkBackward(dTable, ids, dOut);
    DeviceTensors tensors = tensors();
    long d = tensors.read(dOut);
    device.launch(
        "embedding_backward",
        "embedding_backward",
        Geometry.of(ids.length, THREADS),
        tensors.update(dTable),
        device.scratch().upload(ids),
        d,
        ids.length,
        dTable.dim(1));
  }

  @Override
  public void rmsNorm(Tensor out, Tensor x, Tensor weight, float eps) {
    RmsNorm.check(out, x, weight);
    DeviceTensors tensors = tensors();
    int c = x.dim(1);
    long scale = products.as(CuBlasHandle.Factor.F32, weight, Scratch.Slot.WEIGHT);
    long in = tensors.read(x);
    device.launch(
        "rms_norm",
        "rms_norm",
        DeviceKernels.rows(x.dim(0), c),
        tensors.write(out),
        in,
        scale,
        eps,
        c);
  }

  @Override
  public void rmsNormBackward(
      Tensor dx, Tensor dWeight, Tensor dOut, Tensor x, Tensor weight, float eps) {
    RmsNorm.checkBackward(dx, dWeight, dOut, x, weight);
    DeviceTensors tensors = tensors();
    int t = x.dim(0);
    int c = x.dim(1);
    if (t == 0) {
      return;
    }
    long scale = products.as(CuBlasHandle.Factor.F32, weight, Scratch.Slot.WEIGHT);
    long inverse = device.scratch().at(Scratch.Slot.ATTENTION, 4L * t);
    long in = tensors.read(x);
    long d = tensors.read(dOut);
    device.launch(
        "rms_norm_backward",
        "rms_norm_backward",
        DeviceKernels.rows(t, c),
        tensors.update(dx),
        inverse,
        d,
        in,
        scale,
        eps,
        c);
    device.launch(
        "rms_norm_backward",
        "rms_norm_backward_weight",
        new Geometry((c + NORM_COLUMNS - 1) / NORM_COLUMNS, 1, 1, NORM_COLUMNS, NORM_ROWS, 0),
        tensors.update(dWeight),
        inverse,
        d,
        in,
        t,
        c);
  }

  @Override
  public void matmul(Tensor out, Tensor x, Tensor weight) {
    Matmul.check(out, x, weight);
    context.enter();
    products.forward(out, x, weight);
  }

  @Override
  public void matmulBackwardInput(Tensor dx, Tensor dOut, Tensor weight) {
    Matmul.check(dOut, dx, weight);
    context.enter();
    products.backwardInput(dx, dOut, weight);
  }

  @Override
  public void matmulBackwardWeight(Tensor dWeight, Tensor dOut, Tensor x) {
    Matmul.checkBackwardWeight(dWeight, dOut, x);
    context.enter();
    products.backwardWeight(dWeight, dOut, x);
  }

  @Override
  public void rope(Tensor x, int[] positions, RopeTables tables) {
    Rope.check(x, positions, tables);
    rotate("rope", x, positions, tables);
  }

  @Override
  public void ropeBackward(Tensor dx, int[] positions, RopeTables tables) {
    Rope.check(dx, positions, tables);
    rotate("rope_backward", dx, positions, tables);
  }

  private void rotate(String kernel, Tensor x, int[] positions, RopeTables tables) {
    DeviceTensors tensors = tensors();
    int half = tables.cos().dim(1);
    int heads = half == 0 ? 0 : x.dim(1) / tables.headDim();
    device.launch(
        "rope",
        kernel,
        Geometry.of(positions.length, heads, (half + 31) / 32 * 32),
        tensors.update(x),
        device.scratch().constant(positions),
        tensors.read(tables.cos()),
        tensors.read(tables.sin()),
        half,
        tables.headDim(),
        tables.layout() == RopeLayout.INTERLEAVED ? 1 : 0);
  }

  @Override
  public void addBias(Tensor x, Tensor bias) {
    AddBias.check(x, bias);
    DeviceTensors tensors = tensors();
    long n = x.shape().elements();
    long values = products.as(CuBlasHandle.Factor.F32, bias, Scratch.Slot.WEIGHT);
    device.launch(
        "add_bias", "add_bias", DeviceKernels.elements(n), tensors.update(x), values, n, x.dim(1));
  }

  @Override
  public void addBiasBackward(Tensor dBias, Tensor dOut) {
    AddBias.checkBackward(dBias, dOut);
    DeviceTensors tensors = tensors();
    int c = dOut.dim(1);
    long d = tensors.read(dOut);
    device.launch(
        "add_bias",
        "add_bias_backward",
        new Geometry((c + NORM_COLUMNS - 1) / NORM_COLUMNS, 1, 1, NORM_COLUMNS, NORM_ROWS, 0),
        tensors.update(dBias),
        d,
        dOut.dim(0),
        c);
  }

  @Override
  public void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionShape shape, AttentionMask mask) {
    Attention.check(out, q, k, v, shape, mask);
    context.enter();
    attention.forward(out, q, k, v, shape, mask);
  }

  @Override
  public void attentionBackward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask mask) {
    Attention.checkBackward(dq, dk, dv, dOut, q, k, v, shape, mask);
    context.enter();
    attention.backward(dq, dk, dv, dOut, q, k, v, shape, mask);
  }

  @Override
  public void swiGlu(Tensor out, Tensor gate, Tensor up) {
    SwiGlu.check(out, gate, up);
    DeviceTensors tensors = tensors();
    long n = gate.shape().elements();
    long g = tensors.read(gate);
    long u = tensors.read(up);
    device.launch("swiglu", "swiglu", DeviceKernels.elements(n), tensors.write(out), g, u, n);
  }

  @Override
  public void swiGluBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
    SwiGlu.checkBackward(dGate, dUp, dOut, gate, up);
    DeviceTensors tensors = tensors();
    long n = gate.shape().elements();
    long d = tensors.read(dOut);
    long g = tensors.read(gate);
    long u = tensors.read(up);
    device.launch(
        "swiglu",
        "swiglu_backward",
        DeviceKernels.elements(n),
        tensors.write(dGate),
        tensors.write(dUp),
        d,
        g,
        u,
        n);
  }

  @Override
  public void residual(Tensor out, Tensor x, Tensor delta) {
    Residual.check(out, x, delta);
    DeviceTensors tensors = tensors();
    long n = x.shape().elements();
    long a = tensors.read(x);
    long b = tensors.read(delta);
    device.launch("residual", "residual", DeviceKernels.elements(n), tensors.write(out), a, b, n);
  }

  /**
   * Waits for the device, once a layer with experts: what was chosen orders the rows of the
   * products that follow, and the host is who orders them.
   */
  @Override
  public void route(
      int[] experts, float[] weights, Tensor logits, Tensor bias, int perToken, Router router) {
    Route.check(experts, weights, logits, bias, perToken, router);
    context.enter();
    mixture.route(experts, weights, logits, bias, perToken, router);
  }

  @Override
  public void expertMatmul(Tensor out, Tensor x, List<Tensor> weights, int[] offsets) {
    ExpertMatmul.check(out, x, weights, offsets);
    context.enter();
    products.experts(out, x, weights, offsets);
  }

  @Override
  public void combine(Tensor out, Tensor y, int[] rows, float[] weights) {
    Combine.check(out, y, rows, weights);
    context.enter();
    mixture.combine(out, y, rows, weights);
  }

  @Override
  public void softmaxStatistics(SoftmaxStatistics.Rows out, Tensor logits, Exclusions exclusions) {
    SoftmaxStatistics.check(out, logits, exclusions);
    context.enter();
    vocabulary.softmaxStatistics(out, logits, exclusions);
  }

  @Override
  public void gumbelMax(
      int[] tokens,
      Tensor logits,
      Exclusions exclusions,
      double temperature,
      GumbelMax.Noise noise) {
    GumbelMax.check(tokens, logits, exclusions, temperature);
    context.enter();
    vocabulary.gumbelMax(tokens, logits, exclusions, temperature, noise);
  }

  @Override
  public void maskedCrossEntropy(double[] losses, Tensor logits, int[] targets, double[] weights) {
    MaskedCrossEntropy.check(losses, logits, targets, weights);
    context.enter();
    vocabulary.maskedCrossEntropy(losses, logits, targets, weights);
  }

  @Override
  public void maskedCrossEntropyBackward(
      double[] losses,
      Tensor dHidden,
      Tensor dHead,
      Tensor hidden,
      Tensor head,
      int[] targets,
      double[] weights) {
    MaskedCrossEntropy.checkBackward(losses, dHidden, dHead, hidden, head, targets, weights);
    context.enter();
    vocabulary.maskedCrossEntropyBackward(losses, dHidden, dHead, hidden, head, targets, weights);
  }

  @Override
  public void adamW(Tensor w, Tensor g, Tensor m, Tensor v, AdamW.Step step) {
    AdamW.check(w, g, m, v);
    context.enter();
    optimizer.adamW(w, g, m, v, step);
  }

  @Override
  public double sumOfSquares(List<Tensor> parts) {
    context.enter();
    return optimizer.sumOfSquares(parts);
  }

  @Override
  public void average(Tensor average, Tensor value, float share) {
    AdamW.checkAverage(average, value);
    context.enter();
    optimizer.average(average, value, share);
  }

  /** Brings back what only the device has, and frees everything. */
  @Override
  public void close() {
    context.enter();
    try {
      recordings.close();
      device.close();
      blas.close();
    } finally {
      context.close();
    }
  }
}
