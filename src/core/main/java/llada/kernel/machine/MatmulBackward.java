package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import llada.kernel.Parallel;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * Both gradients of {@link llada.kernel.scalar.Matmul} in machine code. Each is a product
 *
 * <pre>
 *   out[r, k] = sum_d left[r, d] * right[d, k]
 * </pre>
 *
 * <p>for {@link DotCode}, with the columns of {@code right} as lanes: it and the output are read
 * and written as they lie. For dx, left is dOut and right the weight; for dWeight, left is dOut
 * transposed, a block of rows at a time, and right is x. In bfloat16 both operands are rounded and
 * the sums are float32.
 *
 * <p>A weight of another type than float32, which nobody trains, is expanded to that while it is
 * packed, a few rows at a time for each worker.
 */
final class MatmulBackward {
  /** Numbers of the right operand that are packed at a time. */
  private static final long PACKED = 4 << 20;

  private static final int DEPTH = Geometry.FLOAT_DEPTH;

  /** Bytes that the processor fetches at a time. */
  private static final int LINE = 64;

  /** Rows of a weight that are expanded at a time. */
  private static final int EXPANDED = 16;

  private final Program program;
  private final Block.Owner blocks;
  private final Geometry g;
  private final Parallel parallel;
  private final Block packed;
  private final Block zeros;
  private final Decoder decoder;
  private final Worker[] workers;

  /** What brings weights to float32: elements {@code first} to {@code first + count}. */
  interface Decoder {
    void decode(float[] out, Tensor weight, long first, int count, int worker);
  }

  /** One worker's memory. */
  private final class Worker {
    final int index;
    final Block expanded = blocks.block();
    float[] row = {};
    final Block sums = blocks.block();
    final Block left = blocks.block();
    final Block transposed = blocks.block();
    final Block arguments = blocks.block();

    Worker(int index) {
      this.index = index;
    }

    /** Address of some rows of a matrix of any type in float32. */
    long expand(Tensor matrix, long first, int count) {
      int k = matrix.dim(1);
      MemorySegment rows = expanded.atLeast(4L * k * EXPANDED);
      row = row.length < k ? new float[k] : row;
      for (int r = 0; r < count; r++) {
        decoder.decode(row, matrix, (first + r) * k, k, index);
        MemorySegment.copy(row, 0, rows, Tensor.F32, 4L * r * k, k);
      }
      return rows.address();
    }
  }

  MatmulBackward(Program program, Parallel parallel, Block.Owner blocks, Decoder decoder) {
    this.program = program;
    this.decoder = decoder;
    this.blocks = blocks;
    this.zeros = blocks.block();
    this.packed = blocks.block();
    this.parallel = parallel;
    g = new Geometry(program.bits(), 2);
    workers = new Worker[parallel.workers()];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker(i);
    }
  }

  /** Whether dx can be computed of a weight (N, K). */
  boolean takesInput(int n, int k) {
    return n % 16 == 0 && k % g.width() == 0 && n > 0 && k > 0;
  }

  /** Whether dWeight (N, K) can be computed. */
  boolean takesWeight(int n, int k) {
    return n % g.lanes() == 0 && k % g.width() == 0 && n > 0 && k > 0;
  }

  /** dx (T, K) = dOut (T, N) weight (N, K). */
  void input(Tensor dx, Tensor dOut, Tensor weight, boolean bf16) {
    llada.kernel.scalar.Matmul.check(dOut, dx, weight);
    new Product(dx, dOut, weight, false, bf16).run();
  }

  /** dWeight (N, K) += dOut^T (N, T) x (T, K). */
  void weight(Tensor dWeight, Tensor dOut, Tensor x, boolean bf16) {
    llada.kernel.scalar.Matmul.checkBackwardWeight(dWeight, dOut, x);
    new Product(dWeight, dOut, x, true, bf16).run();
  }

  /** One product. */
  private final class Product {
    private final Tensor out;
    private final Tensor dOut;
    private final Tensor right;
    private final boolean byColumns; // left[r, d] is dOut[d, r]
    private final boolean bf16;
    private final int rows;
    private final int k;
    private final int panels;

    // The chunk of terms at hand.
    private int chunk0;
    private int depth;
    private int paddedDepth; // a multiple of 16; the terms past the end are 0
    private long panelBytes;
    private MemorySegment memory = MemorySegment.NULL;

    Product(Tensor out, Tensor dOut, Tensor right, boolean byColumns, boolean bf16) {
      this.out = out;
      this.dOut = dOut;
      this.right = right;
      this.byColumns = byColumns;
      this.bf16 = bf16;
      rows = out.dim(0);
      k = out.dim(1);
      panels = k / g.width();
      zeros.atLeast(4L * Math.max(g.width(), 2 * g.blockRows()));
    }

    void run() {
      int terms = right.dim(0);
      int chunk = Math.clamp(PACKED / k / DEPTH, 1, 1 << 20) * DEPTH;
      int block = g.blockRows();
      while (rows < 4 * block * workers.length && block % (2 * g.floatRows()) == 0) {
        block /= 2;
      }
      int step = block;
      for (chunk0 = 0; chunk0 < terms || chunk0 == 0; chunk0 += chunk) {
        depth = Math.min(chunk, terms - chunk0);
        paddedDepth = (depth + 15) / 16 * 16;
        panelBytes = (long) paddedDepth / (bf16 ? 2 : 1) * g.step();
        memory = packed.atLeast(Math.max(1, panels * panelBytes));
        parallel.forEach(
            (depth + DEPTH - 1) / DEPTH, (piece, worker) -> pack(piece * DEPTH, workers[worker]));
        parallel.forEach(
            (rows + step - 1) / step,
            (task, worker) ->
                multiply(task * step, Math.min(step, rows - task * step), workers[worker]));
      }
    }

    private long panel(int panel, int d) {
      return memory.address() + panel * panelBytes + (long) d / (bf16 ? 2 : 1) * g.step();
    }

    /** Terms from d on of all panels. */
    private void pack(int d, Worker worker) {
      int count = Math.min(DEPTH, depth - d);
      int padded = Math.min(DEPTH, paddedDepth - d);
      int together = bf16 ? 2 : 1;
      MemorySegment arguments = worker.arguments.atLeast(TransposeCode.arguments(g));
      CodePage.Code code = program.code(Program.panel(bf16));
      boolean straight = right.dtype() == DType.F32;
      int step = straight ? Math.max(1, count) : EXPANDED;
      for (int r = 0; r < count; r += step) {
        int rows = Math.min(step, count - r);
        long source =
            straight
                ? right.data().address() + 4L * (chunk0 + d) * k
                : worker.expand(right, chunk0 + d + r, rows);
        for (int panel = 0; panel < panels; panel++) {
          pack(code, arguments, source + 4L * panel * g.width(), panel(panel, d + r), rows);
        }
      }
      for (int panel = 0; panel < panels; panel++) {
        int packedRows = (count + together - 1) / together;
        long from = panel(panel, d) - memory.address() + (long) packedRows * g.step();
        memory.asSlice(from, (long) (padded / together - packedRows) * g.step()).fill((byte) 0);
      }
    }

    /** Some rows of one panel. */
    private void pack(
        CodePage.Code code, MemorySegment arguments, long source, long target, int count) {
      int together = bf16 ? 2 : 1;
      if (count >= together) {
        run(code, arguments, source, 4L * k, target, count / together);
      }
      if (count % together != 0) { // the last row's partner is zeros
        long last = source + 4L * k * (count - 1);
        long end = target + (long) (count / 2) * g.step();
        run(code, arguments, last, zeros.atLeast(0).address() - last, end, 1);
      }
    }

    private void run(
        CodePage.Code code,
        MemorySegment arguments,
        long source,
        long stride,
        long target,
        int count) {
      Block.set(arguments, PanelCode.SOURCE, source);
      Block.set(arguments, PanelCode.STRIDE, stride);
      Block.set(arguments, PanelCode.TARGET, target);
      Block.set(arguments, PanelCode.COUNT, count);
      code.run(arguments);
    }

    private void multiply(int first, int count, Worker worker) {
      int tiles = (count + g.floatRows() - 1) / g.floatRows();
      long sumBytes = (long) tiles * g.floatRows() * g.step();
      MemorySegment sums = worker.sums.atLeast(sumBytes * panels);
      sums.asSlice(0, sumBytes * panels).fill((byte) 0);
      MemorySegment arguments = worker.arguments.atLeast(TransposeCode.arguments(g));
      CodePage.Code dot = program.code(Program.dot(bf16, g.vectors()));
      for (int d = 0; d < paddedDepth; d += DEPTH) {
        int padded = Math.min(DEPTH, paddedDepth - d);
        long left = left(first, count, d, padded, worker, arguments);
        Block.set(arguments, DotCode.WEIGHTS, left);
        Block.set(arguments, DotCode.TILES, tiles);
        Block.set(arguments, DotCode.STEPS, padded / (bf16 ? 2 : 1));
        // Meanwhile fetches the next panel line by line; terms of a panel are far from the next's.
        long round = (long) LINE * g.floatRows();
        Block.set(arguments, Fetch.ROW, LINE);
        Block.set(arguments, Fetch.STEP, round);
        Block.set(arguments, Fetch.TILE, round * padded / (bf16 ? 2 : 1) / DotCode.UNROLL);
        for (int panel = 0; panel < panels; panel++) {
          long next =
              panel + 1 < panels
                  ? panel(panel + 1, d)
                  : panel(0, d + DEPTH < paddedDepth ? d + DEPTH : 0);
          Block.set(arguments, Fetch.FROM, next);
          Block.set(arguments, DotCode.OUT, sums.address() + panel * sumBytes);
          Block.set(arguments, DotCode.X, panel(panel, d));
          dot.run(arguments);
        }
      }
      CodePage.Code store = program.code(Program.store(byColumns || chunk0 > 0));
      for (int panel = 0; panel < panels; panel++) {
        Block.set(arguments, StoreCode.SOURCE, sums.address() + panel * sumBytes);
        long target = out.data().address() + 4 * ((long) first * k + panel * g.width());
        Block.set(arguments, StoreCode.TARGET, target);
        Block.set(arguments, StoreCode.STRIDE, 4L * k);
        Block.set(arguments, StoreCode.ROWS, count);
        store.run(arguments);
      }
    }

    /** Address of {@code count} rows of left from d on, as the product reads them. */
    private long left(
        int first, int count, int d, int padded, Worker worker, MemorySegment arguments) {
      MemorySegment expanded =
          worker.left.atLeast((long) (g.blockRows() + 2 * g.lanes()) * DEPTH * 4);
      if (!byColumns) {
        long source = dOut.data().address() + 4 * ((long) first * dOut.dim(1) + chunk0 + d);
        expand(source, 4L * dOut.dim(1), expanded.address(), count, padded, arguments);
        return expanded.address();
      }
      // Whole squares: some columns before and after may come along.
      int skip = first % g.lanes();
      int squares = (skip + count + g.lanes() - 1) / g.lanes();
      MemorySegment square = bf16 ? worker.transposed.atLeast(expanded.byteSize()) : expanded;
      transpose(first - skip, squares, d, padded, square.address(), arguments);
      long rows = square.address() + 4L * skip * DEPTH;
      if (!bf16) {
        return rows;
      }
      expand(rows, 4L * DEPTH, expanded.address(), count, padded, arguments);
      return expanded.address();
    }

    private void expand(
        long source, long stride, long target, int count, int padded, MemorySegment arguments) {
      Block.set(arguments, ExpandCode.SOURCE, source);
      Block.set(arguments, ExpandCode.SOURCE_STRIDE, stride);
      Block.set(arguments, ExpandCode.TARGET, target);
      Block.set(arguments, ExpandCode.SCALES, target);
      Block.set(arguments, ExpandCode.ROWS, count);
      Block.set(arguments, ExpandCode.BLOCKS, padded / 16);
      program.code(Program.expand(DType.F32, bf16)).run(arguments);
    }

    /** target[n, d] = dOut[d, n] for some squares of columns n; zeros past the last row d. */
    private void transpose(
        int column, int squares, int d0, int padded, long target, MemorySegment arguments) {
      int lanes = g.lanes();
      long stride = 4L * dOut.dim(1);
      CodePage.Code code = program.code(Program.TRANSPOSE);
      Block.set(arguments, TransposeCode.COUNT, squares);
      Block.set(arguments, TransposeCode.SOURCE_STEP, 4L * lanes);
      Block.set(arguments, TransposeCode.TARGET_STEP, 4L * lanes * DEPTH);
      for (int d = 0; d < padded; d += lanes) {
        for (int i = 0; i < lanes; i++) {
          boolean there = d0 + d + i < depth;
          long row = dOut.data().address() + (chunk0 + d0 + d + i) * stride + 4L * column;
          Block.set(
              arguments, TransposeCode.SOURCES + 8 * i, there ? row : zeros.atLeast(0).address());
          Block.set(
              arguments, TransposeCode.targets(g) + 8 * i, target + 4L * ((long) i * DEPTH + d));
        }
        code.run(arguments);
      }
    }
  }
}
