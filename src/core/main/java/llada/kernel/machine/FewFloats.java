package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.RBP;
import static llada.kernel.machine.Gpr.RBX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;

import llada.tensor.DType;

/**
 * {@link FewCode} with float32, float16 and bfloat16 weights: lanes are rows, since each sum must
 * be formed channel by channel. A step is 32 bits of a row, a float32 number or a pair of bfloat16;
 * 64 steps of 16 rows are transposed and unpacked to memory, and then multiplied with every token.
 * AVX-512 only.
 */
final class FewFloats implements FewCode.Chunk {
  private static final int STEPS = 64;

  /** Tokens that share a load of weights, at most. */
  private static final int GROUP = 4;

  private static final Vec WEIGHT = Vec.zmm(GROUP);

  private final Assembler a;
  private final FewCode.Rows rows;
  private final DType dtype;
  private final boolean bf16;

  /** The code of a type that it {@link #takes}. */
  FewFloats(Assembler a, FewCode.Rows rows, DType dtype, Matmul.Arithmetic arithmetic) {
    this.a = a;
    this.rows = rows;
    this.dtype = dtype;
    this.bf16 = arithmetic == Matmul.Arithmetic.BF16;
  }

  /** Whether there is code for a type. */
  static boolean takes(DType dtype, Matmul.Arithmetic arithmetic) {
    return Program.FLOATS.contains(dtype)
        && !(arithmetic == Matmul.Arithmetic.BF16 && dtype == DType.F32);
  }

  /** Bytes of a chunk in a row. */
  static int bytes(DType dtype, Matmul.Arithmetic arithmetic) {
    return STEPS * (arithmetic == Matmul.Arithmetic.BF16 ? 4 : dtype.blockBytes());
  }

  @Override
  public void constants() {}

  @Override
  public void emit() {
    int step = bf16 ? 4 : dtype.blockBytes(); // in the file
    for (int word = 0; word < STEPS * step / 4; word++) {
      if (word % 4 == 0) {
        rows.transposed(new Geometry(512, 1), 4 * word, 0);
        rows.ask(word + 4, STEPS * step / 4);
      }
      Vec weights = Vec.zmm(word % 4);
      if (step == 4) {
        if (dtype == DType.F16) {
          round(weights, code(word));
        }
        a.store(Op.VMOVUPS_STORE, code(word), weights);
      } else { // the lower half of the word first
        widen(weights, code(2 * word));
        a.shift(Op.VPSRLD, weights, weights, 16);
        widen(weights, code(2 * word + 1));
      }
    }
    a.mov(RCX, RDX);
    a.mov(RBP, R10);
    a.mov(RBX, RDI.at(FewCode.TOKENS));
    for (int tokens = GROUP; tokens > 0; tokens /= 2) {
      Label some = new Label("product with " + tokens);
      Label check = new Label("check " + tokens);
      a.jump(check);
      a.bind(some);
      multiply(tokens, rows.xBytes);
      a.add(RCX, tokens * rows.xBytes);
      a.add(RBP, tokens * FewCode.OUT_BYTES);
      a.sub(RBX, tokens);
      a.bind(check);
      a.cmp(RBX, tokens - 1);
      a.jump(Assembler.Condition.ABOVE, some);
    }
  }

  private static Mem code(int i) {
    return R11.at(64 * i);
  }

  /** Two float16 numbers of each word to a pair of bfloat16, by way of memory where they go. */
  private void round(Vec pair, Mem to) {
    Vec upper = Vec.zmm(8);
    a.shift(Op.VPSRLD, upper, pair, 16);
    a.store(Op.VPMOVDW, to, pair);
    a.op(Op.VCVTPH2PS, pair, to);
    a.store(Op.VPMOVDW, to, upper);
    a.op(Op.VCVTPH2PS, upper, to);
    PairCode.pair(a, new Geometry(512, 1), pair, upper);
  }

  /** Numbers of 16 bits in the lower halves of lanes to float32. */
  private void widen(Vec from, Mem to) {
    Vec wide = Vec.zmm(8);
    if (dtype == DType.BF16) { // the upper half of float32
      a.shift(Op.VPSLLD, wide, from, 16);
    } else { // by way of memory where they go
      a.store(Op.VPMOVDW, to, from);
      a.op(Op.VCVTPH2PS, wide, to);
    }
    a.store(Op.VMOVUPS_STORE, to, wide);
  }

  private void multiply(int tokens, int xBytes) {
    Op product = bf16 ? Op.VDPBF16PS : Op.VFMADD231PS;
    for (int t = 0; t < tokens; t++) {
      a.op(Op.VMOVUPS, Vec.zmm(t), RBP.at(t * FewCode.OUT_BYTES));
    }
    for (int i = 0; i < STEPS; i++) {
      a.op(Op.VMOVUPS, WEIGHT, code(i));
      for (int t = 0; t < tokens; t++) {
        a.op(product, Vec.zmm(t), WEIGHT, RCX.all(t * xBytes + 4 * i));
      }
    }
    for (int t = 0; t < tokens; t++) {
      a.store(Op.VMOVUPS_STORE, RBP.at(t * FewCode.OUT_BYTES), Vec.zmm(t));
    }
  }
}
