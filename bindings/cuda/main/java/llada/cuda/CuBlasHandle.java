package llada.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import llada.cuda.cublas.CuBlas;

/** cuBLAS on a stream. Matrices are row-major here and sums are float32. */
final class CuBlasHandle implements AutoCloseable {
  /** What NVIDIA advises for its largest devices; with it a product never allocates. */
  private static final long WORKSPACE = 32L << 20;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment alpha = arena.allocateFrom(CuBlas.C_FLOAT, 1f);
  private final MemorySegment beta = arena.allocate(CuBlas.C_FLOAT);
  private final DeviceMemory workspace;
  private MemorySegment handle;

  /** How the numbers of both factors are stored. */
  enum Factor {
    F32(4),
    BF16(2),
    F16(2);

    final int bytes;

    Factor(int bytes) {
      this.bytes = bytes;
    }

    int code() {
      return switch (this) {
        case F32 -> CuBlas.CUDA_R_32F();
        case BF16 -> CuBlas.CUDA_R_16BF();
        case F16 -> CuBlas.CUDA_R_16F();
      };
    }
  }

  CuBlasHandle(CudaContext context, CudaStream stream) {
    CudaLibraries.ofProcess().load(CudaLibraries.Library.CUBLAS);
    workspace = context.allocate(WORKSPACE);
    try {
      MemorySegment out = arena.allocate(CuBlas.C_POINTER);
      Status.cublas("cublasCreate", CuBlas.cublasCreate_v2(out));
      handle = out.get(CuBlas.C_POINTER, 0);
      Status.cublas("cublasSetStream", CuBlas.cublasSetStream_v2(handle, stream.handle()));
      Status.cublas(
          "cublasSetWorkspace",
          CuBlas.cublasSetWorkspace_v2(
              handle, MemorySegment.ofAddress(workspace.address()), WORKSPACE));
      Status.cublas(
          "cublasSetMathMode", CuBlas.cublasSetMathMode(handle, CuBlas.CUBLAS_DEFAULT_MATH()));
    } catch (CudaException e) {
      close();
      throw e;
    }
  }

  /** The version, such as 130101; needs no device. */
  static int version() {
    CudaLibraries.ofProcess().load(CudaLibraries.Library.CUBLAS);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(CuBlas.C_INT);
      Status.cublas("cublasGetVersion", CuBlas.cublasGetVersion_v2(MemorySegment.NULL, out));
      return out.get(CuBlas.C_INT, 0);
    }
  }

  /** Whether a factor is read as it lies or transposed. */
  enum Read {
    STRAIGHT,
    TRANSPOSED
  }

  /**
   * c = op(a) op(b), or c += op(a) op(b), of row-major matrices whose rows lie one after the other.
   *
   * @param c device address of (rows, columns), float32
   * @param a device address of (rows, inner), or of (inner, rows) if transposed
   * @param b device address of (inner, columns), or of (columns, inner) if transposed
   * @param type of a and b
   * @param tf32 whether float32 factors may be rounded to TF32
   * @param add whether to add to c
   */
  void product(
      long c,
      long a,
      Read readA,
      long b,
      Read readB,
      int rows,
      int columns,
      int inner,
      Factor type,
      boolean tf32,
      boolean add) {
    if (rows == 0 || columns == 0) {
      return;
    }
    beta.set(CuBlas.C_FLOAT, 0, add ? 1f : 0f);
    // Row-major c is column-major c^T = op(b)^T op(a)^T: the factors change places, and what lies
    // straight is what cuBLAS takes as it is.
    boolean straightA = readA == Read.STRAIGHT;
    boolean straightB = readB == Read.STRAIGHT;
    Status.cublas(
        "cublasGemmEx",
        CuBlas.cublasGemmEx(
            handle,
            straightB ? CuBlas.CUBLAS_OP_N() : CuBlas.CUBLAS_OP_T(),
            straightA ? CuBlas.CUBLAS_OP_N() : CuBlas.CUBLAS_OP_T(),
            columns,
            rows,
            inner,
            alpha,
            MemorySegment.ofAddress(b),
            type.code(),
            straightB ? columns : inner,
            MemorySegment.ofAddress(a),
            type.code(),
            straightA ? inner : rows,
            beta,
            MemorySegment.ofAddress(c),
            CuBlas.CUDA_R_32F(),
            columns,
            compute(type, tf32),
            CuBlas.CUBLAS_GEMM_DEFAULT()));
  }

  private static int compute(Factor type, boolean tf32) {
    return type == Factor.F32 && tf32
        ? CuBlas.CUBLAS_COMPUTE_32F_FAST_TF32()
        : CuBlas.CUBLAS_COMPUTE_32F();
  }

  @Override
  public void close() {
    if (handle != null) {
      MemorySegment closed = handle;
      handle = null;
      Status.cublas("cublasDestroy", CuBlas.cublasDestroy_v2(closed));
    }
    workspace.close();
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
