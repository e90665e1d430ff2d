package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
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
    final Block space = blocks.block();
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

  /** The rows of x and out from {@code from} to {@code to} - 1, all of one weight matrix. */
  private record Rows(Tensor weight, int from, int to) {}

  /**
   * out = x weight^T.
   *
   * @param out (T, N) float32
   * @param x (T, K) float32
   * @param weight (N, K) of a type and size that {@link #takes}
   */
  void forward(Tensor out, Tensor x, Tensor weight, Arithmetic arithmetic) {
    llada.kernel.scalar.Matmul.check(out, x, weight);
    forward(out, x, List.of(new Rows(weight, 0, x.dim(0))), arithmetic);
  }

  /**
   * {@link llada.kernel.scalar.ExpertMatmul}: rows are packed without regard to experts, and each
   * expert multiplies the panels that its rows lie in and stores its own.
   *
   * @param weights E times (F, C) of a type and size that {@link #takes}
   */
  void forward(Tensor out, Tensor x, List<Tensor> weights, int[] offsets, Arithmetic arithmetic) {
    llada.kernel.scalar.ExpertMatmul.check(out, x, weights, offsets);
    List<Rows> touched = new ArrayList<>();
    for (int e = 0; e < weights.size(); e++) {
      if (offsets[e + 1] > offsets[e]) {
        touched.add(new Rows(weights.get(e), offsets[e], offsets[e + 1]));
      }
    }
    if (!touched.isEmpty()) {
      forward(out, x, touched, arithmetic);
    }
  }

  private void forward(Tensor out, Tensor x, List<Rows> parts, Arithmetic arithmetic) {
    int tokens = x.dim(0);
    int lanes = program.bits() / 32;
    Geometry g = new Geometry(program.bits(), tokens <= lanes * parts.size() ? 1 : 2);
    PackedInput input = new PackedInput(program, g, arithmetic, tokens, x.dim(1), packed);
    parallel.forEach(
        input.pieces(),
        (piece, worker) ->
            input.pack(x, piece, workers[worker].channels, workers[worker].arguments));
    int columns = out.dim(1);
    int tileRows = tileRows(g, arithmetic);
    // A small matrix is cut finer, lest a worker have nothing to do.
    int block = g.blockRows();
    while ((long) columns * parts.size() < 2L * block * workers.length
        && block % (2 * tileRows) == 0) {
      block /= 2;
    }
    int rows = block;
    int cuts = (columns + rows - 1) / rows;
    parallel.forEach(
        cuts * parts.size(),
        (index, worker) -> {
          // What this worker will probably take next.
          int after = Math.min(index + workers.length, cuts * parts.size() - 1);
          Task task = new Task(out, input, arithmetic, parts.get(index / cuts), workers[worker]);
          int first = index % cuts * rows;
          int end = Math.min(first + rows, columns);
          // Few tokens wait for memory, which is fastest read in long runs: few rows at a time.
          int step = task.few() ? lanes : rows;
          for (int r = first; r < end; r += step) {
            boolean last = r + step >= end;
            task.multiply(
                r,
                Math.min(step, end - r),
                (last ? parts.get(after / cuts) : task.part).weight(),
                last ? after % cuts * rows : r + step);
          }
        });
  }

  /** The product of some rows with some of their weight matrix. */
  private final class Task {
    private final Tensor out;
    private final PackedInput input;
    private final Arithmetic arithmetic;
    private final Rows part;
    private final Worker worker;

    Task(Tensor out, PackedInput input, Arithmetic arithmetic, Rows part, Worker worker) {
      this.out = out;
      this.input = input;
      this.arithmetic = arithmetic;
      this.part = part;
      this.worker = worker;
    }

    boolean few() {
      return part.to() - part.from() <= fewTokens(input.geometry());
    }

    /**
     * Output channels {@code first} to {@code first + rows}; meanwhile fetches the beginning of
     * what comes after, row {@code nextFirst} of {@code next}.
     */
    void multiply(int first, int rows, Tensor next, int nextFirst) {
      Geometry g = input.geometry();
      boolean few = few();
      int tileRows = few ? g.lanes() : tileRows(g, arithmetic);
      int tiles = (rows + tileRows - 1) / tileRows;
      int firstPanel = part.from() / g.width();
      int panels = (part.to() - 1) / g.width() + 1 - firstPanel;
      long panelBytes = (long) tiles * tileRows * g.step();
      long bytes = few ? (long) FewCode.outStride(g) * fewTokens(g) : panelBytes * panels;
      MemorySegment sums = worker.sums.atLeast(bytes);
      sums.asSlice(0, bytes).fill((byte) 0);
      ExpandedRows expanded =
          new ExpandedRows(program, g, arithmetic, part.weight(), worker.weights, worker.scales);
      MemorySegment arguments =
          worker.arguments.atLeast(Math.max(TransposeCode.arguments(g), FewCode.ARGUMENTS));
      for (int k0 = 0; k0 < input.channels(); k0 += expanded.depth()) {
        int depth = Math.min(expanded.depth(), input.channels() - k0);
        expanded.expand(first, rows, k0, depth, arguments);
        for (int panel = 0; panel < panels; panel++) {
          if (panel > 0) {
            expanded.fetchNothing(arguments);
          } else if (k0 + depth < input.channels()) {
            expanded.fetch(arguments, part.weight(), first, k0 + depth, few);
          } else {
            expanded.fetch(arguments, next, nextFirst, 0, few);
          }
          if (few) {
            few(expanded, firstPanel + panel, k0, depth, tiles, arguments);
          } else {
            CodePage.Code product = expanded.product(arguments, tiles, depth);
            Block.set(arguments, DotCode.OUT, sums.address() + panel * panelBytes);
            input.address(arguments, firstPanel + panel, k0);
            product.run(arguments);
          }
        }
      }
      if (few) {
        for (int t = part.from(); t < part.to(); t++) {
          long from = (long) FewCode.outStride(g) * (t - part.from());
          long to = 4 * ((long) t * out.dim(1) + first);
          MemorySegment.copy(sums, from, out.data(), to, 4L * rows);
        }
        return;
      }
      new SumRows(sums, panelBytes, part.from() - firstPanel * g.width())
          .store(
              program,
              g,
              out.rows(part.from(), part.to() - part.from()),
              first,
              rows,
              worker.arguments);
    }

    /** The tokens of the part that lie in this panel. */
    private void few(
        ExpandedRows expanded, int panel, int k0, int depth, int tiles, MemorySegment arguments) {
      Geometry g = input.geometry();
      int from = Math.max(part.from(), panel * g.width());
      int to = Math.min(part.to(), (panel + 1) * g.width());
      CodePage.Code product = expanded.few(arguments, tiles, depth);
      long out =
          worker.sums.atLeast(0).address() + (long) FewCode.outStride(g) * (from - part.from());
      Block.set(arguments, Int8Code.OUT, out);
      Block.set(arguments, FewCode.TOKENS, to - from);
      Block.set(arguments, FewCode.SPACE, worker.space.atLeast(FewCode.SPACE_BYTES).address());
      input.address(arguments, panel, from - panel * g.width(), k0);
      product.run(arguments);
    }
  }

  /** Up to how many tokens {@link FewCode} is faster. */
  static int fewTokens(Geometry g) {
    return g.lanes() / 2;
  }

  private static int tileRows(Geometry g, Arithmetic arithmetic) {
    return arithmetic == Arithmetic.INT8 ? g.int8Rows() : g.floatRows();
  }
}
