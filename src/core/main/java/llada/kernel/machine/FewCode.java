package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R12;
import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RBP;
import static llada.kernel.machine.Gpr.RBX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

import java.util.Optional;
import llada.tensor.DType;

/**
 * The product of weights, as they lie in the file, with few tokens. Where lanes are tokens, as in
 * {@link DotCode} and {@link Int8Code}, one token works as long as sixteen; so here lanes are rows
 * of weights, which {@link FewBlocks} transposes and unpacks on the way, and tokens come one after
 * the other. Each weight is read once. Every sum is formed of the same numbers in the same order as
 * there: a row has the same bits from either. AVX-512 only.
 *
 * <p>A step is 32 bits of a row: a float32 number, a pair of bfloat16, or four bytes. 64 steps of a
 * vector of rows, a chunk, are unpacked and then multiplied with every token.
 */
final class FewCode {
  /** The block of arguments, offsets in bytes. */
  static final int WEIGHTS = 0; // rows of the file, as many as the lanes of all tiles

  static final int TILES = 8;
  static final int X = 16; // the rows of PackedInput, from the first token on
  static final int TOKENS = 24;
  static final int OUT = 32; // float32 (tokens, ROWS); what is there is added to
  static final int SPACE = 40; // memory of SPACE_BYTES
  static final int ARGUMENTS = 48;

  /** Weight rows of a call, at most. */
  static final int ROWS = 512;

  static final int STEPS = 64;
  private static final int VECTOR = 64; // bytes
  private static final int SUMS = 0; // in the space: what the sums of x stand for
  private static final int SCALES = VECTOR; // 16 vectors; minimums from MINIMUM on
  private static final int CODES = SCALES + 16 * VECTOR;
  static final int SPACE_BYTES = CODES + STEPS * VECTOR;

  /** The vector of scales with the first minimum; no type here has both of 16 channels. */
  static final int MINIMUM = 8;

  /** How far ahead of its use a line of weights is asked for: a tile, but no less than this. */
  private static final int DISTANCE = 8192;

  private static final Vec TOTAL = Vec.zmm(0);
  private static final Vec SUM = Vec.zmm(1);
  private static final Vec WEIGHT = Vec.zmm(2);

  private FewCode() {}

  /** Where step {@code i} of a chunk goes. */
  static Mem code(int i) {
    return R11.at(CODES + i * VECTOR);
  }

  /** Where scale {@code i} of a chunk goes. */
  static Mem scale(int i) {
    return R11.at(SCALES + i * VECTOR);
  }

  /** Whether there is such code. */
  static boolean takes(int bits, DType dtype, Matmul.Arithmetic arithmetic, int channels) {
    return bits == 512
        && channels % Geometry.CHUNK == 0
        && FewBlocks.of(dtype, arithmetic).isPresent();
  }

  /** The code for rows of so many channels, which {@link #takes} allows. */
  static Assembler assemble(DType dtype, Matmul.Arithmetic arithmetic, int channels) {
    Assembler a = new Assembler();
    int rowBytes = channels / dtype.blockLength() * dtype.blockBytes();
    Optional<WeightForm> form =
        arithmetic == Matmul.Arithmetic.INT8 ? Optional.of(WeightForm.of(dtype)) : Optional.empty();
    FewBlocks blocks = FewBlocks.of(dtype, arithmetic).orElseThrow();
    int chunks = rowBytes / blocks.bytes();
    int xBytes = (int) PackedInput.rowBytes(arithmetic, channels);
    Label tile = new Label("tile");
    Label chunk = new Label("chunk");
    Label token = new Label("token");
    a.push(RBX);
    a.push(RBP);
    a.push(R12);
    FewBlocks.constants(a);
    a.mov(RSI, RDI.at(WEIGHTS));
    a.mov(R8, RDI.at(TILES));
    a.mov(R10, RDI.at(OUT));
    a.mov(R11, RDI.at(SPACE));
    a.mov(R12, RSI);
    a.add(R12, Math.max(DISTANCE, 16 * rowBytes));
    a.bind(tile);
    a.mov(R9, RSI); // weights of the chunk
    a.mov(RDX, RDI.at(X));
    a.mov(RAX, chunks);
    a.bind(chunk);
    blocks.emit(a, rowBytes);
    a.mov(RCX, RDX);
    a.mov(RBP, R10);
    a.mov(RBX, RDI.at(TOKENS));
    a.bind(token);
    form.ifPresentOrElse(f -> bytes(a, f), () -> floats(a, arithmetic));
    a.add(RCX, xBytes);
    a.add(RBP, 4 * ROWS);
    a.sub(RBX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, token);
    a.add(R9, blocks.bytes());
    a.add(RDX, xBytes / chunks);
    a.sub(RAX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, chunk);
    a.add(RSI, 16 * rowBytes);
    a.add(R10, VECTOR);
    a.sub(R8, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, tile);
    a.pop(R12);
    a.pop(RBP);
    a.pop(RBX);
    a.vzeroupper();
    a.ret();
    return a;
  }

  private static void floats(Assembler a, Matmul.Arithmetic arithmetic) {
    Op op = arithmetic == Matmul.Arithmetic.BF16 ? Op.VDPBF16PS : Op.VFMADD231PS;
    a.op(Op.VMOVUPS, TOTAL, RBP.at(0));
    multiply(a, op, 0, STEPS, TOTAL);
    a.store(Op.VMOVUPS_STORE, RBP.at(0), TOTAL);
  }

  /** One chunk of 256 channels; see {@link Int8Code} for the formula. */
  private static void bytes(Assembler a, WeightForm form) {
    int parts = 32 / form.group();
    a.op(Op.VMOVUPS, SUM, RCX.at(PackedInput.ROW_SUMS));
    if (parts == 1) { // of 32 channels, in every other lane
      a.op(Op.VPADDD, SUM, SUM, RCX.at(PackedInput.ROW_SUMS + 4));
    }
    if (form.minimums()) {
      a.op(Op.VCVTDQ2PS, SUM, SUM);
    } else {
      a.shift(Op.VPSLLD, SUM, SUM, form.offsetShift());
      a.op(Op.VPXOR, WEIGHT, WEIGHT, WEIGHT);
      a.op(Op.VPSUBD, SUM, WEIGHT, SUM);
    }
    a.store(Op.VMOVUPS_STORE, R11.at(SUMS), SUM);
    a.op(Op.VPXOR, TOTAL, TOTAL, TOTAL);
    for (int i = 0; i < 8 * parts; i++) {
      a.op(Op.VPBROADCASTD, SUM, R11.at(SUMS + 8 / parts * i));
      if (form.minimums()) {
        a.op(Op.VFNMADD231PS, TOTAL, SUM, scale(MINIMUM + i));
        a.op(Op.VPXOR, SUM, SUM, SUM);
      }
      multiply(a, Op.VPDPBUSD, i * form.group() / 4, form.group() / 4, SUM);
      a.op(Op.VCVTDQ2PS, SUM, SUM);
      a.op(Op.VFMADD231PS, TOTAL, SUM, scale(i));
    }
    a.op(Op.VMOVUPS, SUM, RBP.at(0));
    a.op(Op.VFMADD231PS, SUM, TOTAL, RCX.all(PackedInput.ROW_SCALE));
    a.store(Op.VMOVUPS_STORE, RBP.at(0), SUM);
  }

  /** to += weights * the token's numbers, step by step. */
  private static void multiply(Assembler a, Op op, int first, int steps, Vec to) {
    for (int step = first; step < first + steps; step++) {
      a.op(Op.VMOVUPS, WEIGHT, code(step));
      a.op(op, to, WEIGHT, RCX.all(4 * step));
    }
  }
}
