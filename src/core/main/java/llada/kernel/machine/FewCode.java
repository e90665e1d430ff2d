package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R12;
import static llada.kernel.machine.Gpr.R13;
import static llada.kernel.machine.Gpr.R14;
import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RBP;
import static llada.kernel.machine.Gpr.RBX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

import llada.tensor.DType;

/**
 * The product of weights, as they lie in the file, with few tokens. Where lanes are tokens, as in
 * {@link DotCode} and {@link Int8Code}, one token works as long as sixteen; so here lanes are
 * channels ({@link FewBytes}) or rows of weights ({@link FewFloats}), and tokens come one after the
 * other. Each weight is read once and unpacked in registers. Every sum is formed of the same
 * numbers in the same order as there: a row has the same bits from either.
 *
 * <p>This is the loop around them: over tiles of 16 rows, and in each over chunks of 256 channels
 * (of fewer where the numbers are floats).
 */
final class FewCode {
  /** The block of arguments, offsets in bytes. */
  static final int WEIGHTS = 0; // rows of the file, as many as the lanes of all tiles

  static final int TILES = 8;
  static final int X = 16; // the rows of PackedInput, from the first token on
  static final int TOKENS = 24;
  static final int OUT = 32; // float32 (tokens, ROWS); what is there is added to
  static final int SPACE = 40; // memory of SPACE_BYTES
  static final int TABLE = 48; // the form's constants
  static final int ARGUMENTS = 56;

  /** Weight rows of a call, at most. */
  static final int ROWS = 512;

  /** Tokens of a call, at most. */
  static final int MOST_TOKENS = 16;

  static final int OUT_BYTES = 4 * ROWS;
  static final int SPACE_BYTES = FewBytes.RESULTS + MOST_TOKENS * 1024;

  /**
   * How far ahead of its use a line of weights is asked for, at least; else two tiles. It goes to
   * the first cache: from the second, loads that cross a line took 20 to 40 % longer in all.
   */
  private static final int DISTANCE = 8192;

  /** What is done with one chunk of 16 rows. Each assembly has an object of its own. */
  interface Chunk {
    /** What stays in registers from chunk to chunk. */
    void constants();

    /**
     * One chunk. r9 points to its weights, rdx to its activations, r10 to the tile's sums, r11 to
     * the space, r13 to the table. It may use rcx, rbx, rbp, r14 and all vector registers.
     */
    void emit();
  }

  /** The rows of a tile, and the memory that is to be asked for meanwhile. */
  static final class Rows {
    private final Assembler a;
    private final int rowBytes;
    private final int chunkBytes;

    /** Bytes from one token's activations to the next. */
    final int xBytes;

    private int asked;

    private Rows(Assembler a, int rowBytes, int chunkBytes, int xBytes) {
      this.a = a;
      this.rowBytes = rowBytes;
      this.chunkBytes = chunkBytes;
      this.xBytes = xBytes;
    }

    /** Bytes of the chunk in a row. */
    Mem at(int row, int offset) {
      return R9.at(row * rowBytes + offset);
    }

    /** Asks for lines of what comes a tile later, up to a share of it. */
    void ask(int part, int parts) {
      int lines = (16 * chunkBytes + 63) / 64;
      for (; asked < lines * part / parts; asked++) {
        a.prefetch(R12.at(64 * asked), 1);
      }
    }

    /**
     * Vectors 0 to 3 = the four 32-bit words at an offset, of as many rows as lanes; vectors 4 to 7
     * are lost.
     */
    void transposed(Geometry g, int offset, int first) {
      for (int i = 0; i < 4; i++) {
        a.op(Op.VMOVUPS, Vec.xmm(i), at(first + i, offset));
        for (int quad = 1; quad < g.lanes() / 4; quad++) {
          a.op(Op.VINSERTI128, g.vec(i), g.vec(i), at(first + 4 * quad + i, offset), quad);
        }
      }
      TransposeCode.fours(a, g, 0);
    }
  }

  private FewCode() {}

  /** Whether there is such code. */
  static boolean takes(int bits, DType dtype, Matmul.Arithmetic arithmetic, int channels) {
    return channels % Geometry.CHUNK == 0
        && (arithmetic == Matmul.Arithmetic.INT8
            ? FewBytes.takes(dtype)
            : bits == 512 && FewFloats.takes(dtype, arithmetic));
  }

  /** The address of a type's constants; 0 where there are none. */
  static long table(DType dtype) {
    return FewBytes.takes(dtype) ? FewForm.table(dtype).address() : 0;
  }

  /**
   * The code for rows of so many channels, which {@link #takes} allows.
   *
   * @param vnni whether there is vpdpbusd at this width
   */
  static Assembler assemble(
      int bits, boolean vnni, DType dtype, Matmul.Arithmetic arithmetic, int channels) {
    Assembler a = new Assembler();
    boolean int8 = arithmetic == Matmul.Arithmetic.INT8;
    int chunkBytes = int8 ? FewBytes.bytes(dtype) : FewFloats.bytes(dtype, arithmetic);
    int rowBytes = channels / dtype.blockLength() * dtype.blockBytes();
    int chunks = rowBytes / chunkBytes;
    int xBytes = (int) PackedInput.rowBytes(arithmetic, channels);
    Rows rows = new Rows(a, rowBytes, chunkBytes, xBytes);
    Chunk chunk =
        int8 ? FewBytes.of(a, rows, dtype, bits, vnni) : new FewFloats(a, rows, dtype, arithmetic);
    Label tile = new Label("tile");
    Label next = new Label("chunk");
    a.push(RBX);
    a.push(RBP);
    a.push(R12);
    a.push(R13);
    a.push(R14);
    a.mov(RSI, RDI.at(WEIGHTS));
    a.mov(R8, RDI.at(TILES));
    a.mov(R10, RDI.at(OUT));
    a.mov(R11, RDI.at(SPACE));
    a.mov(R13, RDI.at(TABLE));
    chunk.constants();
    a.mov(R12, RSI);
    a.add(R12, Math.max(DISTANCE, 2 * 16 * rowBytes));
    a.bind(tile);
    a.mov(R9, RSI); // weights of the chunk
    a.mov(RDX, RDI.at(X));
    a.mov(RAX, chunks);
    a.bind(next);
    chunk.emit();
    rows.ask(1, 1);
    a.add(R12, 16 * chunkBytes);
    a.add(R9, chunkBytes);
    a.add(RDX, xBytes / chunks);
    a.sub(RAX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, next);
    a.add(RSI, 16 * rowBytes);
    a.add(R10, 64);
    a.sub(R8, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, tile);
    a.pop(R14);
    a.pop(R13);
    a.pop(R12);
    a.pop(RBP);
    a.pop(RBX);
    a.vzeroupper();
    a.ret();
    return a;
  }
}
