package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * Activations in the order that the products read: panels of tokens, in each the channels one after
 * the other, a vector (or two) of tokens for each.
 *
 * <pre>
 *   float32    data (panels, K, width)
 *   bfloat16   data (panels, K/2, width, 2)
 *   8 bits     data (panels, K/4, width, 4), sums (panels, K/16, width), scales (panels, K/256, width)
 * </pre>
 */
final class PackedInput {
  /** In a chunk of a row: sums of 16 channels as {@link QuantizeCode} has them, then the scale. */
  static final int ROW_SUMS = 256;

  static final int ROW_SCALE = ROW_SUMS + 64;

  private final Program program;
  private final Geometry g;
  private final Matmul.Arithmetic arithmetic;
  private final int tokens;
  private final int channels;
  private final int panels;
  private final int chunks;
  private final long dataBytes; // of a panel
  private final long sumBytes;
  private final long scaleBytes;
  private final long rows; // where they begin
  private final Optional<DType> few;
  private final MemorySegment memory;

  /**
   * Lays out, but does not yet pack.
   *
   * @param few the type of the weights for which {@link FewCode} will ask for rows, of whole chunks
   *     then
   * @param channels K, a multiple of 16 (of 32 for 8 bits)
   */
  PackedInput(
      Program program,
      Geometry g,
      Matmul.Arithmetic arithmetic,
      int tokens,
      int channels,
      Optional<DType> few,
      Block memory) {
    this.program = program;
    this.g = g;
    this.arithmetic = arithmetic;
    this.tokens = tokens;
    this.channels = channels;
    this.panels = (tokens + g.width() - 1) / g.width();
    this.chunks = (channels + Geometry.CHUNK - 1) / Geometry.CHUNK;
    boolean int8 = arithmetic == Matmul.Arithmetic.INT8;
    this.dataBytes = offset(channels);
    this.sumBytes = int8 ? (long) channels / 16 * g.step() : 0;
    this.scaleBytes = int8 ? (long) chunks * g.step() : 0;
    this.few = few;
    this.rows = panels * (dataBytes + sumBytes + scaleBytes);
    long rowBytes = few.isPresent() ? panels * g.width() * rowBytes(arithmetic, channels) : 0;
    this.memory = memory.atLeast(rows + rowBytes);
  }

  Geometry geometry() {
    return g;
  }

  int panels() {
    return panels;
  }

  int channels() {
    return channels;
  }

  /** Bytes that channels before {@code k} take in a panel. */
  private long offset(int k) {
    int together =
        switch (arithmetic) {
          case F32 -> 1;
          case BF16 -> 2;
          case INT8 -> 4;
        };
    return (long) k / together * g.step();
  }

  private long data(int panel, int k) {
    return memory.address() + panel * dataBytes + offset(k);
  }

  private long sums(int panel, int k) {
    return memory.address() + panels * dataBytes + panel * sumBytes + (long) k / 16 * g.step();
  }

  private long scales(int panel, int k) {
    return memory.address()
        + panels * (dataBytes + sumBytes)
        + panel * scaleBytes
        + (long) k / Geometry.CHUNK * g.step();
  }

  /** Pieces of work: a chunk of channels of a panel each. */
  int pieces() {
    return panels * chunks;
  }

  /** Packs one piece of x (T, K). */
  void pack(Tensor x, int piece, Block scratch, Block argumentBlock) {
    int panel = piece / chunks;
    int k0 = piece % chunks * Geometry.CHUNK;
    int depth = Math.min(Geometry.CHUNK, channels - k0);
    MemorySegment arguments = argumentBlock.atLeast(TransposeCode.arguments(g));
    boolean floats = arithmetic == Matmul.Arithmetic.F32;
    long target =
        floats ? data(panel, k0) : scratch.atLeast((long) Geometry.CHUNK * g.step()).address();
    for (int v = 0; v < g.vectors(); v++) {
      transpose(
          x, panel * g.width() + v * g.lanes(), k0, depth, target + 4L * v * g.lanes(), arguments);
    }
    for (int v = 0; v < g.vectors() && !floats; v++) {
      long shift = 4L * v * g.lanes();
      if (arithmetic == Matmul.Arithmetic.BF16) {
        Block.set(arguments, PairCode.SOURCE, target + shift);
        Block.set(arguments, PairCode.TARGET, data(panel, k0) + shift);
        Block.set(arguments, PairCode.PAIRS, depth / 2);
        program.code(Program.pairs(g.vectors())).run(arguments);
      } else {
        Block.set(arguments, QuantizeCode.SOURCE, target + shift);
        Block.set(arguments, QuantizeCode.BYTES, data(panel, k0) + shift);
        Block.set(arguments, QuantizeCode.SUMS, sums(panel, k0) + shift);
        Block.set(arguments, QuantizeCode.SCALES, scales(panel, k0) + shift);
        Block.set(arguments, QuantizeCode.GROUPS, depth / 16);
        program.code(Program.quantize(g.vectors())).run(arguments);
      }
    }
    for (int v = 0; v < g.vectors() && few.isPresent(); v++) {
      rows(piece, v, arguments);
    }
  }

  /** Rows of tokens to lanes. Tokens past the end repeat the last one, for no one to look at. */
  private void transpose(
      Tensor x, int firstToken, int k0, int depth, long target, MemorySegment arguments) {
    int lanes = g.lanes();
    Block.set(arguments, TransposeCode.COUNT, depth / lanes);
    Block.set(arguments, TransposeCode.SOURCE_STEP, 4L * lanes);
    Block.set(arguments, TransposeCode.TARGET_STEP, (long) lanes * g.step());
    for (int i = 0; i < lanes; i++) {
      long token = Math.min(firstToken + i, tokens - 1);
      Block.set(
          arguments,
          TransposeCode.SOURCES + 8 * i,
          x.data().address() + 4 * (token * channels + k0));
      Block.set(arguments, TransposeCode.targets(g) + 8 * i, target + (long) i * g.step());
    }
    program.code(Program.TRANSPOSE).run(arguments);
  }

  /** Where the row of a token is, all of its channels one after the other; see {@link FewCode}. */
  long row(int token) {
    return memory.address() + rows + token * rowBytes(arithmetic, channels);
  }

  /** Bytes of such a row: with 8 bits, the sums and the scale of a chunk lie behind its bytes. */
  static long rowBytes(Matmul.Arithmetic arithmetic, int channels) {
    return (long) channels
        / Geometry.CHUNK
        * (arithmetic == Matmul.Arithmetic.INT8
            ? ROW_SCALE + 64
            : Geometry.CHUNK * (arithmetic == Matmul.Arithmetic.BF16 ? 2 : 4));
  }

  /** Rows from what {@link #pack} left of one vector of tokens. */
  private void rows(int piece, int vector, MemorySegment arguments) {
    int panel = piece / chunks;
    int k0 = piece % chunks * Geometry.CHUNK;
    long bytes = rowBytes(arithmetic, Geometry.CHUNK);
    long to = row(panel * g.width() + vector * g.lanes()) + piece % chunks * bytes;
    long shift = 4L * vector * g.lanes();
    long from = data(panel, k0) + shift;
    boolean int8 = arithmetic == Matmul.Arithmetic.INT8;
    if (int8 && WeightForm.of(few.orElseThrow()).group() == 32) {
      // As FewForm has them: words 0 to 3 of each of its groups, then words 4 to 7.
      int lanes = g.lanes();
      for (int part = 0; part < 2; part++) {
        long words = from + 4L * part * g.step();
        long bytesTo = to + 4L * lanes * part;
        square(32 / lanes, 2 * lanes, i -> i / 4 * 8 + i % 4, words, bytesTo, arguments);
      }
    } else {
      int squares = (int) (offset(Geometry.CHUNK) / g.step()) / g.lanes();
      square(squares, g.lanes(), i -> i, from, to, arguments);
    }
    if (int8) {
      long sums = sums(panel, k0) + shift;
      square(16 / g.lanes(), g.lanes(), i -> i, sums, to + ROW_SUMS, arguments);
      square(1, 0, _ -> 0, scales(panel, k0) + shift, to + ROW_SCALE, arguments);
    }
  }

  /** Squares {@code apart} steps from each other, with their rows so many steps from the first. */
  private void square(
      int count, int apart, IntUnaryOperator row, long from, long to, MemorySegment arguments) {
    long rowBytes = rowBytes(arithmetic, channels);
    Block.set(arguments, TransposeCode.COUNT, count);
    Block.set(arguments, TransposeCode.SOURCE_STEP, (long) apart * g.step());
    Block.set(arguments, TransposeCode.TARGET_STEP, 4L * Math.max(apart, g.lanes()));
    for (int i = 0; i < g.lanes(); i++) {
      Block.set(
          arguments, TransposeCode.SOURCES + 8 * i, from + (long) row.applyAsInt(i) * g.step());
      Block.set(arguments, TransposeCode.targets(g) + 8 * i, to + i * rowBytes);
    }
    program.code(Program.TRANSPOSE).run(arguments);
  }

  /** Tells a product where channels from {@code k} of a panel are. */
  void address(MemorySegment arguments, int panel, int k) {
    if (arithmetic == Matmul.Arithmetic.INT8) {
      Block.set(arguments, Int8Code.X, data(panel, k));
      Block.set(arguments, Int8Code.SUMS, sums(panel, k));
      Block.set(arguments, Int8Code.X_SCALES, scales(panel, k));
    } else {
      Block.set(arguments, DotCode.X, data(panel, k));
    }
  }
}
