package llada.bench;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import llada.kernel.Kernels;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * Kernels that note how long each call takes, for what shapes. A proxy, so that an op that is new
 * in {@link Kernels} is passed on like the others. Not thread-safe.
 */
public final class TimedKernels {
  private final Kernels timed;
  private final Map<Op, Timings> samples = new LinkedHashMap<>();
  private boolean recording;

  /**
   * One op at one size.
   *
   * @param name of the method
   * @param shape the sizes that matter, for people
   * @param type of the weights; F32 where there are none
   * @param flop floating-point operations of a call; 0 where the number says little
   * @param bytes that a call must read and write
   */
  public record Op(String name, String shape, DType type, double flop, double bytes) {
    /** Whether arithmetic limits it, and not memory. */
    public boolean arithmetic() {
      return flop > 0;
    }
  }

  /** Wraps kernels. */
  TimedKernels(Kernels kernels) {
    timed =
        (Kernels)
            Proxy.newProxyInstance(
                Kernels.class.getClassLoader(),
                new Class<?>[] {Kernels.class},
                (_, method, args) -> call(kernels, method, args));
  }

  /** The kernels to run. */
  Kernels kernels() {
    return timed;
  }

  /** Whether calls are noted from now on. */
  void record(boolean on) {
    recording = on;
  }

  /** The times of all ops noted, in order of their first call. */
  Map<Op, Timings> samples() {
    return samples;
  }

  private Object call(Kernels kernels, Method method, Object[] args) throws Throwable {
    if (recording && method.getName().equals("repeat")) {
      ((Runnable) args[1]).run(); // op by op
      return null;
    }
    long before = System.nanoTime();
    try {
      Object result = method.invoke(kernels, args);
      if (recording) {
        kernels.await();
      }
      return result;
    } catch (InvocationTargetException e) {
      throw e.getCause();
    } finally {
      long nanos = System.nanoTime() - before;
      boolean shown =
          args != null && (args[0] instanceof Tensor || method.getName().equals("route"));
      if (recording && shown) {
        samples.computeIfAbsent(op(method.getName(), args), _ -> new Timings()).add(nanos);
      }
    }
  }

  private static Op op(String name, Object[] args) {
    List<Tensor> tensors =
        Arrays.stream(args).filter(Tensor.class::isInstance).map(Tensor.class::cast).toList();
    double bytes = tensors.stream().mapToDouble(t -> t.bytes()).sum();
    Tensor out = tensors.getFirst();
    return switch (name) {
      case "matmul" -> {
        Tensor weight = tensors.getLast();
        double flop = 2.0 * out.shape().elements() * weight.shape().dim(1);
        String shape = tensors.get(1).shape() + " x " + weight.shape();
        yield new Op(name, shape, weight.dtype(), flop, bytes);
      }
      case "expertMatmul" -> {
        List<?> experts = (List<?>) args[2];
        Tensor weight = (Tensor) experts.getFirst();
        double flop = 2.0 * out.shape().elements() * weight.shape().dim(1);
        // At most: which experts are read differs from call to call.
        double read = bytes + Math.min(experts.size(), out.dim(0)) * (double) weight.bytes();
        String shape =
            "%s x %d of %s".formatted(tensors.get(1).shape(), experts.size(), weight.shape());
        yield new Op(name, shape, weight.dtype(), flop, read);
      }
      case "attention" -> {
        int batch =
            Arrays.stream(args)
                .filter(Integer.class::isInstance)
                .mapToInt(Integer.class::cast)
                .findFirst()
                .orElse(1);
        Tensor keys = tensors.get(2);
        double flop = 4.0 * out.shape().elements() * keys.shape().dim(0) / batch;
        yield new Op(name, out.shape() + ", kv " + keys.shape(), DType.F32, flop, bytes);
      }
      // What is read and written of the table is one row a token.
      case "embedding" ->
          new Op(name, out.shape().toString(), tensors.getLast().dtype(), 0, 2.0 * out.bytes());
      case "rope" -> new Op(name, out.shape().toString(), DType.F32, 0, 2.0 * out.bytes());
      case "residual" -> new Op(name, out.shape().toString(), DType.F32, 0, 3.0 * out.bytes());
      case "rmsNorm", "swiGlu" -> new Op(name, out.shape().toString(), DType.F32, 0, bytes);
      default ->
          new Op(
              name,
              tensors.stream().map(t -> t.shape().toString()).collect(Collectors.joining(" ")),
              tensors.getLast().dtype(),
              0,
              bytes);
    };
  }
}
