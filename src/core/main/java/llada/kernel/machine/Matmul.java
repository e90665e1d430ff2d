package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import llada.kernel.Parallel;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Matmul} in machine code.
 *
 * <p>First x is packed, once for all weights: transposed so that lanes are tokens, and quantised
 * where the weights are. Then the workers take blocks of weight rows: some rows and channels at a
 * time are expanded and multiplied with every panel of tokens, so that a weight is expanded once an
 * op, not once a token; at last the block's sums are transposed back to rows of tokens. Every sum
 * has one order, whatever the number of threads.
 */
final class Matmul {
  private final Program program;
  private final Block.Owner blocks;
  private final Parallel parallel;
  private final Block packed;
  private final Worker[] workers;

  /** One worker's memory. */
  private final class Worker {
    final Block sums = blocks.block();
    final Block weights = blocks.block();
    final Block scales = blocks.block();
    final Block channels = blocks.block();
    final Block arguments = blocks.block();
  }

  Matmul(Program program, Parallel parallel, Block.Owner blocks) {
    this.program = program;
    this.blocks = blocks;
    this.packed = blocks.block();
    this.parallel = parallel;
    this.workers = new Worker[parallel.workers()];
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker();
    }
  }

  /** How a weight type is multiplied. */
  enum Arithmetic {
    F32,
    BF16,
    INT8
  }

  /** Whether these kernels can multiply such weights: by type and number of channels. */
  boolean takes(DType dtype, int channels, Arithmetic arithmetic) {
    boolean known =
        switch (arithmetic) {
          case INT8 -> Program.QUANTISED.contains(dtype) && program.int8();
          case BF16 -> Program.FLOATS.contains(dtype) && program.bf16();
          case F32 -> Program.FLOATS.contains(dtype);
        };
    return known && channels % 16 == 0 && channels > 0;
  }

  /**
   * out = x weight^T.
   *
   * @param out (T, N) float32
   * @param x (T, K) float32
   * @param weight (N, K) of a type and size that {@link #takes}
   */
  void forward(Tensor out, Tensor x, Tensor weight, Arithmetic arithmetic) {
    llada.kernel.scalar.Matmul.check(out, x, weight);
    int tokens = x.dim(0);
    int lanes = program.bits() / 32;
    Geometry g = new Geometry(program.bits(), tokens <= lanes ? 1 : 2);
    PackedInput input = new PackedInput(program, g, arithmetic, tokens, x.dim(1), packed);
    parallel.forEach(
        input.pieces(),
        (piece, worker) ->
            input.pack(x, piece, workers[worker].channels, workers[worker].arguments));
    int columns = weight.dim(0);
    int tileRows = arithmetic == Arithmetic.INT8 ? g.int8Rows() : g.floatRows();
    // A small matrix is cut finer, lest a worker have nothing to do.
    int block = g.blockRows();
    while (columns < 2 * block * workers.length && block % (2 * tileRows) == 0) {
      block /= 2;
    }
    int rows = block;
    parallel.forEach(
        (columns + rows - 1) / rows,
        (index, worker) ->
            multiply(
                out,
                input,
                weight,
                arithmetic,
                index * rows,
                Math.min(rows, columns - index * rows),
                workers[worker]));
  }

  private void multiply(
      Tensor out,
      PackedInput input,
      Tensor weight,
      Arithmetic arithmetic,
      int first,
      int rows,
      Worker worker) {
    Geometry g = input.geometry();
    int tileRows = arithmetic == Arithmetic.INT8 ? g.int8Rows() : g.floatRows();
    int tiles = (rows + tileRows - 1) / tileRows;
    long panelBytes = (long) tiles * tileRows * g.step();
    MemorySegment sums = worker.sums.atLeast(panelBytes * input.panels());
    sums.asSlice(0, panelBytes * input.panels()).fill((byte) 0);
    ExpandedRows expanded =
        new ExpandedRows(program, g, arithmetic, weight, worker.weights, worker.scales);
    MemorySegment arguments = worker.arguments.atLeast(TransposeCode.arguments(g));
    int next = first + rows * workers.length; // what this worker will probably take
    for (int k0 = 0; k0 < input.channels(); k0 += expanded.depth()) {
      int depth = Math.min(expanded.depth(), input.channels() - k0);
      expanded.expand(first, rows, k0, depth, arguments);
      CodePage.Code product = expanded.product(arguments, tiles, depth);
      for (int panel = 0; panel < input.panels(); panel++) {
        if (panel > 0) {
          expanded.fetchNothing(arguments);
        } else if (k0 + depth < input.channels()) {
          expanded.fetch(arguments, first, k0 + depth);
        } else {
          expanded.fetch(arguments, next < weight.dim(0) ? next : first, 0);
        }
        Block.set(arguments, DotCode.OUT, sums.address() + panel * panelBytes);
        input.address(arguments, panel, k0);
        product.run(arguments);
      }
    }
    SumRows.store(program, g, out, first, rows, sums, panelBytes, worker.arguments);
  }
}
