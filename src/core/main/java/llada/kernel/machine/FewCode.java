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

  private static final int OUT_BYTES = 4 * ROWS;
  static final int STEPS = 64;

  /** Tokens that share a load of weights, at most. */
  private static final int GROUP = 4;

  private static final int VECTOR = 64; // bytes
  private static final int SUMS = 0; // in the space: what the sums of x stand for
  private static final int SCALES = GROUP * VECTOR; // 16 vectors; minimums from MINIMUM on
  private static final int CODES = SCALES + 16 * VECTOR;
  static final int SPACE_BYTES = CODES + STEPS * VECTOR;

  /** The vector of scales with the first minimum; no type here has both of 16 channels. */
  static final int MINIMUM = 8;

  /** How far ahead of its use a line of weights is asked for: a tile, but no less than this. */
  private static final int DISTANCE = 8192;

  private static final Vec WEIGHT = Vec.zmm(2 * GROUP);

  private final Assembler a;
  private final int tokens; // at a time
  private final int xBytes; // from one token to the next

  private FewCode(Assembler a, int tokens, int xBytes) {
    this.a = a;
    this.tokens = tokens;
    this.xBytes = xBytes;
  }

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
    for (int tokens = GROUP; tokens > 0; tokens /= 2) {
      FewCode code = new FewCode(a, tokens, xBytes);
      Label product = new Label("product with " + tokens);
      Label check = new Label("check " + tokens);
      a.jump(check);
      a.bind(product);
      form.ifPresentOrElse(code::bytes, () -> code.floats(arithmetic));
      a.add(RCX, tokens * xBytes);
      a.add(RBP, tokens * OUT_BYTES);
      a.sub(RBX, tokens);
      a.bind(check);
      a.cmp(RBX, tokens - 1);
      a.jump(Assembler.Condition.ABOVE, product);
    }
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

  private static Vec total(int t) {
    return Vec.zmm(2 * t);
  }

  private static Vec sum(int t) {
    return Vec.zmm(2 * t + 1);
  }

  private Mem out(int t) {
    return RBP.at(t * OUT_BYTES);
  }

  private static Mem sums(int t, int offset) {
    return R11.at(SUMS + t * VECTOR + offset);
  }

  private void floats(Matmul.Arithmetic arithmetic) {
    Op op = arithmetic == Matmul.Arithmetic.BF16 ? Op.VDPBF16PS : Op.VFMADD231PS;
    for (int t = 0; t < tokens; t++) {
      a.op(Op.VMOVUPS, sum(t), out(t));
    }
    multiply(op, 0, STEPS);
    for (int t = 0; t < tokens; t++) {
      a.store(Op.VMOVUPS_STORE, out(t), sum(t));
    }
  }

  /** One chunk of 256 channels; see {@link Int8Code} for the formula. */
  private void bytes(WeightForm form) {
    int parts = 32 / form.group();
    for (int t = 0; t < tokens; t++) {
      Vec sum = sum(t);
      int at = t * xBytes + PackedInput.ROW_SUMS;
      a.op(Op.VMOVUPS, sum, RCX.at(at));
      if (parts == 1) { // of 32 channels, in every other lane
        a.op(Op.VPADDD, sum, sum, RCX.at(at + 4));
      }
      a.op(Op.VPXOR, total(t), total(t), total(t));
      if (form.minimums()) {
        a.op(Op.VCVTDQ2PS, sum, sum);
      } else {
        a.shift(Op.VPSLLD, sum, sum, form.offsetShift());
        a.op(Op.VPSUBD, sum, total(t), sum);
      }
      a.store(Op.VMOVUPS_STORE, sums(t, 0), sum);
    }
    for (int i = 0; i < 8 * parts; i++) {
      for (int t = 0; t < tokens; t++) {
        a.op(Op.VPBROADCASTD, sum(t), sums(t, 8 / parts * i));
        if (form.minimums()) {
          a.op(Op.VFNMADD231PS, total(t), sum(t), scale(MINIMUM + i));
          a.op(Op.VPXOR, sum(t), sum(t), sum(t));
        }
      }
      multiply(Op.VPDPBUSD, i * form.group() / 4, form.group() / 4);
      for (int t = 0; t < tokens; t++) {
        a.op(Op.VCVTDQ2PS, sum(t), sum(t));
        a.op(Op.VFMADD231PS, total(t), sum(t), scale(i));
      }
    }
    for (int t = 0; t < tokens; t++) {
      a.op(Op.VMOVUPS, sum(t), out(t));
      a.op(Op.VFMADD231PS, sum(t), total(t), RCX.all(t * xBytes + PackedInput.ROW_SCALE));
      a.store(Op.VMOVUPS_STORE, out(t), sum(t));
    }
  }

  /** Sums += weights * the tokens' numbers, step by step. */
  private void multiply(Op op, int first, int steps) {
    for (int step = first; step < first + steps; step++) {
      a.op(Op.VMOVUPS, WEIGHT, code(step));
      for (int t = 0; t < tokens; t++) {
        a.op(op, sum(t), WEIGHT, RCX.all(t * xBytes + 4 * step));
      }
    }
  }
}
