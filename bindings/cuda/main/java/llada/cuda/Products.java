package llada.cuda;

import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import llada.cuda.CuBlasHandle.Factor;
import llada.cuda.CuBlasHandle.Read;
import llada.cuda.CudaFunction.Geometry;
import llada.kernel.Precision;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * Matrix products. Many tokens go to cuBLAS, which reads float32, bfloat16 and float16 as they lie
 * and other weights after expansion; few tokens, where reading the weights is all the time there
 * is, go to kernels that expand them on the way. The experts of a mixture follow the same rule.
 */
final class Products {
  /** Tokens up to which a kernel of our own reads the weights once for all of them. */
  private static final int FEW = 8;

  /** The types of matmul_int8.cu. */
  private static final Set<DType> INT8 =
      EnumSet.of(DType.Q8_0, DType.Q4_0, DType.Q4_K, DType.Q5_K, DType.Q6_K);

  private final DeviceKernels device;
  private final CuBlasHandle blas;
  private final Precision precision;

  Products(DeviceKernels device, CuBlasHandle blas, Precision precision) {
    this.device = device;
    this.blas = blas;
    this.precision = precision;
  }

  /** How factors are stored while they are multiplied with weights of this type. */
  private Factor type(DType weight) {
    return switch (precision) {
      case EXACT -> Factor.F32;
      case BF16 -> Factor.BF16;
      case WEIGHTS, TF32 ->
          switch (weight) {
            case F32, F64 -> Factor.F32;
            case F16 -> Factor.F16; // activations beyond 65504 would overflow: then BF16 serves
            default -> Factor.BF16;
          };
    };
  }

  private static boolean quantised(DType dtype) {
    return dtype.blockLength() > 1;
  }

  /** out (T, N) = x (T, K) weight (N, K)^T. */
  void forward(Tensor out, Tensor x, Tensor weight) {
    int t = x.dim(0);
    int n = weight.dim(0);
    int k = weight.dim(1);
    DType dtype = weight.dtype();
    if (nothing(out, k)) {
      return;
    }
    boolean rounds = precision != Precision.EXACT;
    if (t <= FEW && (quantised(dtype) || !rounds && dtype != DType.F32)) {
      few(out, x, dtype, new Parts(device.tensors().read(weight), 0, 1));
    } else {
      Factor type = type(dtype);
      long w = as(type, weight, Scratch.Slot.WEIGHT);
      long a = as(type, x, Scratch.Slot.ACTIVATION);
      long c = device.tensors().product(out, type != Factor.F32);
      multiply(c, a, Read.STRAIGHT, w, Read.TRANSPOSED, t, n, k, type, false);
    }
  }

  /** Whether no number is to be multiplied; then out, if it has any, is set to 0. */
  private boolean nothing(Tensor out, int inner) {
    if (out.bytes() > 0 && inner == 0) {
      device.tensors().compute().clear(device.tensors().write(out), out.bytes());
    }
    return out.bytes() == 0 || inner == 0;
  }

  /**
   * The rows of each expert with its weight, as {@link llada.kernel.scalar.ExpertMatmul#forward}.
   * All experts with few rows are one launch, whatever the type; each of the others is a product by
   * itself.
   */
  void experts(Tensor out, Tensor x, List<Tensor> weights, int[] offsets) {
    Tensor any = weights.getFirst();
    if (nothing(out, any.dim(1))) {
      return;
    }
    long[] list = new long[2 * weights.size()]; // few.cuh: an address, then two int
    int parts = 0;
    for (int e = 0; e < weights.size(); e++) {
      long first = offsets[e];
      long count = offsets[e + 1] - first;
      if (count > FEW) {
        forward(out.rows(first, count), x.rows(first, count), weights.get(e));
      } else if (count > 0) {
        list[2 * parts] = device.tensors().read(weights.get(e));
        list[2 * parts + 1] = count << 32 | first;
        parts++;
      }
    }
    if (parts > 0) {
      MemorySegment used = MemorySegment.ofArray(list).asSlice(0, 16L * parts);
      few(out, x, any.dtype(), new Parts(0, device.scratch().upload(used)[0], parts));
    }
  }

  /**
   * Which rows a kernel for few tokens multiplies with what.
   *
   * @param weight of all rows, where there is no list
   * @param list address of the entries of few.cuh, or 0
   * @param count of the entries, or 1
   */
  private record Parts(long weight, long list, int count) {}

  private void few(Tensor out, Tensor x, DType dtype, Parts parts) {
    int t = x.dim(0);
    int n = out.dim(1);
    int k = x.dim(1);
    String type = DeviceKernels.name(dtype);
    Geometry geometry = new Geometry((n + 3) / 4, parts.count, 1, 32, 4, 0);
    long a = device.tensors().read(x);
    boolean bytes =
        precision != Precision.EXACT
            && k % 32 == 0
            && INT8.contains(dtype)
            && t <= DeviceKernels.MAX_BLOCKS;
    if (!bytes) {
      device.launch(
          "matmul_small",
          "matmul_small_" + type,
          geometry,
          device.tensors().product(out, type(dtype) != Factor.F32),
          a,
          parts.weight,
          parts.list,
          t,
          n,
          k);
      return;
    }
    long blocks = (long) t * (k / 32);
    long quants = device.scratch().at(Scratch.Slot.ACTIVATION, (long) t * k + 8 * blocks);
    long scales = quants + (long) t * k; // k is a multiple of 32
    long sums = scales + 4 * blocks;
    device.launch(
        "quantize_rows",
        "quantize_rows",
        Geometry.of((k + 255) / 256, t, 256),
        quants,
        scales,
        sums,
        a,
        k);
    device.launch(
        "matmul_int8",
        "matmul_int8_" + type,
        geometry,
        device.tensors().product(out, true),
        quants,
        scales,
        sums,
        parts.weight,
        parts.list,
        t,
        n,
        k);
  }

  /** dx (T, K) = dOut (T, N) weight (N, K). */
  void backwardInput(Tensor dx, Tensor dOut, Tensor weight) {
    Factor type = gradientType();
    long w = as(type, weight, Scratch.Slot.WEIGHT);
    long d = as(type, dOut, Scratch.Slot.GRADIENT);
    int k = weight.dim(1);
    int n = weight.dim(0);
    long c = device.tensors().write(dx);
    if (n == 0) {
      device.tensors().compute().clear(c, dx.bytes());
      return;
    }
    multiply(c, d, Read.STRAIGHT, w, Read.STRAIGHT, dx.dim(0), k, n, type, false);
  }

  /** dWeight (N, K) += dOut (T, N)^T x (T, K). */
  void backwardWeight(Tensor dWeight, Tensor dOut, Tensor x) {
    if (x.dim(0) == 0) {
      return;
    }
    Factor type = gradientType();
    long d = as(type, dOut, Scratch.Slot.GRADIENT);
    long a = as(type, x, Scratch.Slot.ACTIVATION);
    long c = device.tensors().update(dWeight);
    multiply(c, d, Read.TRANSPOSED, a, Read.STRAIGHT, dOut.dim(1), x.dim(1), x.dim(0), type, true);
  }

  /** What gradients are rounded to on their way into a product. */
  Factor gradientType() {
    return precision == Precision.BF16 ? Factor.BF16 : Factor.F32;
  }

  /** See {@link CuBlasHandle#product}. */
  void multiply(
      long c,
      long a,
      Read readA,
      long b,
      Read readB,
      int rows,
      int columns,
      int inner,
      Factor type,
      boolean add) {
    boolean tf32 = precision == Precision.TF32;
    blas.product(c, a, readA, b, readB, rows, columns, inner, type, tf32, add);
  }

  /** Device address of a tensor's numbers in this type: its own, or a copy in a slot. */
  long as(Factor type, Tensor tensor, Scratch.Slot slot) {
    long address = device.tensors().read(tensor);
    return as(type, address, tensor.dtype(), tensor.shape().elements(), slot);
  }

  /** The same for numbers that are no tensor's. */
  long as(Factor type, long address, DType from, long elements, Scratch.Slot slot) {
    if (DeviceKernels.name(from).equals(name(type))) {
      return address;
    }
    long copy = device.scratch().at(slot, elements * type.bytes);
    device.launch(
        "dequantize",
        "dequantize_%s_%s".formatted(DeviceKernels.name(from), name(type)),
        DeviceKernels.elements(elements),
        copy,
        address,
        elements);
    return copy;
  }

  private static String name(Factor type) {
    return switch (type) {
      case F32 -> "f32";
      case BF16 -> "bf16";
      case F16 -> "f16";
    };
  }
}
