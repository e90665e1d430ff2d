package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import llada.tensor.DType;
import llada.tensor.Tensor;

/** Some rows and channels of a weight matrix, expanded for a product. */
final class ExpandedRows {
  private final Program program;
  private final Geometry g;
  private final Matmul.Arithmetic arithmetic;
  private final Tensor weight;
  private final MemorySegment rows;
  private final MemorySegment scales;

  ExpandedRows(
      Program program,
      Geometry g,
      Matmul.Arithmetic arithmetic,
      Tensor weight,
      Block rows,
      Block scales) {
    this.program = program;
    this.g = g;
    this.arithmetic = arithmetic;
    this.weight = weight;
    this.rows = rows.atLeast((long) g.blockRows() * Geometry.FLOAT_DEPTH * Float.BYTES);
    this.scales = scales.atLeast((long) g.blockRows() * Geometry.SCALE_STRIDE);
  }

  /** Channels that are expanded at most at once. */
  int depth() {
    return arithmetic == Matmul.Arithmetic.INT8 ? Geometry.INT8_DEPTH : Geometry.FLOAT_DEPTH;
  }

  /** Expands channels k0 to k0 + depth of {@code count} rows from {@code first}. */
  void expand(int first, int count, int k0, int depth, MemorySegment arguments) {
    DType dtype = weight.dtype();
    int channels = weight.dim(1);
    long rowBytes = bytes(dtype, channels);
    boolean int8 = arithmetic == Matmul.Arithmetic.INT8;
    int block = int8 ? dtype.blockLength() : 16;
    Block.set(arguments, ExpandCode.SOURCE, address(weight, first, k0));
    Block.set(arguments, ExpandCode.SOURCE_STRIDE, rowBytes);
    Block.set(arguments, ExpandCode.TARGET, rows.address());
    Block.set(arguments, ExpandCode.SCALES, scales.address());
    Block.set(arguments, ExpandCode.ROWS, count);
    Block.set(arguments, ExpandCode.BLOCKS, depth / block);
    program.code(Program.expand(dtype, arithmetic == Matmul.Arithmetic.BF16)).run(arguments);
  }

  /** Where channel k of a row is in memory. */
  private static long address(Tensor weight, int row, int k) {
    DType dtype = weight.dtype();
    return weight.data().address() + row * bytes(dtype, weight.dim(1)) + bytes(dtype, k);
  }

  /**
   * Asks the product to fetch weights from this row and channel on while it runs.
   *
   * @param from a matrix of the same type and shape
   */
  void fetch(MemorySegment arguments, Tensor from, int row, int k) {
    long rowBytes = bytes(weight.dtype(), weight.dim(1));
    boolean int8 = arithmetic == Matmul.Arithmetic.INT8;
    int tileRows = program.tileRows(g, arithmetic);
    Block.set(arguments, Fetch.FROM, address(from, row, k));
    Block.set(arguments, Fetch.ROW, rowBytes);
    Block.set(arguments, Fetch.TILE, tileRows * rowBytes);
    int channels = int8 ? 32 : arithmetic == Matmul.Arithmetic.BF16 ? 16 : 8; // of a round
    int block = weight.dtype().blockLength();
    Block.set(arguments, Fetch.STEP, (long) channels * weight.dtype().blockBytes() / block);
  }

  /** Asks for nothing. */
  void fetchNothing(MemorySegment arguments) {
    Fetch.nothing(arguments, rows.address());
  }

  private static long bytes(DType dtype, int channels) {
    return (long) channels / dtype.blockLength() * dtype.blockBytes();
  }

  /** The product's code, with all arguments set that are the same for every panel. */
  CodePage.Code product(MemorySegment arguments, int tiles, int depth) {
    if (arithmetic == Matmul.Arithmetic.INT8) {
      Block.set(arguments, Int8Code.WEIGHTS, rows.address());
      Block.set(arguments, Int8Code.SCALES, scales.address());
      Block.set(arguments, Int8Code.TILES, tiles);
      Block.set(arguments, Int8Code.GROUPS, depth / 32);
      return program.code(program.int8(WeightForm.of(weight.dtype()), g.vectors()));
    }
    boolean bf16 = arithmetic == Matmul.Arithmetic.BF16;
    Block.set(arguments, DotCode.WEIGHTS, rows.address());
    Block.set(arguments, DotCode.TILES, tiles);
    Block.set(arguments, DotCode.STEPS, depth / (bf16 ? 2 : 1));
    return program.code(Program.dot(bf16, g.vectors()));
  }
}
