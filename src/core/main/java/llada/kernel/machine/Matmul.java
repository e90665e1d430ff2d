package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import llada.kernel.Parallel;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * {@link llada.kernel.scalar.Matmul} in machine code.
 *
 * <p>First x is packed, once for all weights: transposed so that lanes are tokens, and quantised
 * where the weights are. Then the workers take blocks of weight rows: some rows and channels at a
 * time are expanded and multiplied with every panel of tokens, so that a weight is expanded once an
 * op, not once a token; at last the block's sums are transposed back to rows of tokens. For few
 * tokens there is {@link FewCode}. Every sum has one order, whatever the number of threads and
 * tokens.
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
          case INT8 -> Program.QUANTISED.contains(dtype);
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

  /** One piece of work: some rows of the weight matrix of a part. */
  private record Cut(Rows part, int first, int rows, boolean few) {}

  private void forward(Tensor out, Tensor x, List<Rows> parts, Arithmetic arithmetic) {
    int tokens = x.dim(0);
    int channels = x.dim(1);
    int lanes = program.bits() / 32;
    DType dtype = parts.getFirst().weight().dtype();
    Geometry g = new Geometry(program.bits(), tokens <= lanes * parts.size() ? 1 : 2);
    int limit = fewTokens(dtype, arithmetic, channels);
    List<Cut> cuts = new ArrayList<>();
    boolean anyFew = cut(cuts, parts, program.tileRows(g, arithmetic), limit);
    Optional<DType> rows = anyFew ? Optional.of(dtype) : Optional.empty();
    PackedInput input = new PackedInput(program, g, arithmetic, tokens, channels, rows, packed);
    parallel.forEach(
        input.pieces(),
        (piece, worker) ->
            input.pack(x, piece, workers[worker].channels, workers[worker].arguments));
    Optional<CodePage.Code> few = rows.map(type -> program.few(type, arithmetic, channels));
    parallel.forEach(
        cuts.size(),
        (index, worker) -> {
          Cut cut = cuts.get(index);
          if (cut.few()) {
            few(few.orElseThrow(), out, input, cut, workers[worker]);
          } else {
            // What this worker will probably take next.
            Cut next = cuts.get(Math.min(index + workers.length, cuts.size() - 1));
            multiply(out, input, arithmetic, cut, next, workers[worker]);
          }
        });
  }

  /**
   * Cuts parts into pieces of work, larger ones of few tokens; a small matrix is cut finer, lest a
   * worker have nothing to do.
   *
   * @return whether there are pieces for {@link FewCode}
   */
  private boolean cut(List<Cut> cuts, List<Rows> parts, int tileRows, int limit) {
    int columns = parts.getFirst().weight().dim(0);
    int block = new Geometry(program.bits(), 1).blockRows();
    while ((long) columns * parts.size() < 2L * block * workers.length
        && block % (2 * tileRows) == 0) {
      block /= 2;
    }
    int large = FewCode.ROWS;
    while ((long) columns * parts.size() < 8L * large * workers.length && large > 32) {
      large /= 2;
    }
    boolean any = false;
    for (Rows part : parts) {
      boolean few = part.to() - part.from() <= limit;
      int whole = few ? columns / 16 * 16 : 0;
      for (int first = 0; first < whole; first += large) {
        cuts.add(new Cut(part, first, Math.min(large, whole - first), true));
        any = true;
      }
      for (int first = whole; first < columns; first += block) {
        cuts.add(new Cut(part, first, Math.min(block, columns - first), false));
      }
    }
    return any;
  }

  /** Up to how many tokens {@link FewCode} is faster, as measured; 0 where there is none. */
  private int fewTokens(DType dtype, Arithmetic arithmetic, int channels) {
    if (!FewCode.takes(program.bits(), dtype, arithmetic, channels)) {
      return 0;
    }
    return switch (arithmetic) {
      case INT8 -> {
        boolean wide = program.bits() == 512;
        int limit = wide && !program.vnni() ? FewCode.MOST_TOKENS : 12;
        yield !wide && program.vnni() && dtype == DType.Q6_K ? 6 : limit;
      }
      case BF16 -> 6;
      case F32 -> 4;
    };
  }

  private void few(CodePage.Code code, Tensor out, PackedInput input, Cut cut, Worker worker) {
    Tensor weight = cut.part().weight();
    int from = cut.part().from();
    int tokens = cut.part().to() - from;
    long rowBytes = weight.bytes() / weight.dim(0);
    long bytes = 4L * FewCode.ROWS * tokens;
    MemorySegment sums = worker.sums.atLeast(bytes);
    sums.asSlice(0, bytes).fill((byte) 0);
    MemorySegment arguments = worker.arguments.atLeast(FewCode.ARGUMENTS);
    Block.set(arguments, FewCode.WEIGHTS, weight.data().address() + cut.first() * rowBytes);
    Block.set(arguments, FewCode.TILES, cut.rows() / 16);
    Block.set(arguments, FewCode.X, input.row(from));
    Block.set(arguments, FewCode.TOKENS, tokens);
    Block.set(arguments, FewCode.OUT, sums.address());
    Block.set(arguments, FewCode.TABLE, FewCode.table(weight.dtype()));
    Block.set(arguments, FewCode.SPACE, worker.space.atLeast(FewCode.SPACE_BYTES).address());
    code.run(arguments);
    for (int t = 0; t < tokens; t++) {
      long to = 4 * ((long) (from + t) * out.dim(1) + cut.first());
      MemorySegment.copy(sums, 4L * FewCode.ROWS * t, out.data(), to, 4L * cut.rows());
    }
  }

  /** Meanwhile fetches the beginning of what comes after. */
  private void multiply(
      Tensor out, PackedInput input, Arithmetic arithmetic, Cut cut, Cut next, Worker worker) {
    Geometry g = input.geometry();
    Rows part = cut.part();
    int tileRows = program.tileRows(g, arithmetic);
    int tiles = (cut.rows() + tileRows - 1) / tileRows;
    int firstPanel = part.from() / g.width();
    int panels = (part.to() - 1) / g.width() + 1 - firstPanel;
    long panelBytes = (long) tiles * tileRows * g.step();
    MemorySegment sums = worker.sums.atLeast(panelBytes * panels);
    sums.asSlice(0, panelBytes * panels).fill((byte) 0);
    ExpandedRows expanded =
        new ExpandedRows(program, g, arithmetic, part.weight(), worker.weights, worker.scales);
    MemorySegment arguments =
        worker.arguments.atLeast(Math.max(TransposeCode.arguments(g), WordCode.ARGUMENTS));
    for (int k0 = 0; k0 < input.channels(); k0 += expanded.depth()) {
      int depth = Math.min(expanded.depth(), input.channels() - k0);
      expanded.expand(cut.first(), cut.rows(), k0, depth, arguments);
      CodePage.Code product = expanded.product(arguments, tiles, depth);
      for (int panel = 0; panel < panels; panel++) {
        Block.set(arguments, DotCode.OUT, sums.address() + panel * panelBytes);
        input.address(arguments, firstPanel + panel, k0);
        if (panel > 0) {
          expanded.fetchNothing(arguments);
        } else if (k0 + depth < input.channels()) {
          expanded.fetch(arguments, part.weight(), cut.first(), k0 + depth);
        } else {
          expanded.fetch(arguments, next.part().weight(), next.first(), 0);
        }
        product.run(arguments);
      }
    }
    new SumRows(sums, panelBytes, part.from() - firstPanel * g.width())
        .store(
            program,
            g,
            out.rows(part.from(), part.to() - part.from()),
            cut.first(),
            cut.rows(),
            worker.arguments);
  }
}
