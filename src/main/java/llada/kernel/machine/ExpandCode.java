package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RBX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

import llada.tensor.DType;

/**
 * Rows of weights as they lie in the file, to the rows that the products read. Two nested loops,
 * over rows and over a row's blocks, around what a type does with one block; the next piece of each
 * row is prefetched meanwhile, for rows are far apart in memory and no hardware sees the pattern.
 */
final class ExpandCode {
  static final int SOURCE = 0;
  static final int SOURCE_STRIDE = 8; // bytes from row to row
  static final int TARGET = 16; // rows at the stride of the product
  static final int SCALES = 24; // rows at SCALE_STRIDE; quantised types only
  static final int ROWS = 32;
  static final int BLOCKS = 40; // of each row
  static final int AHEAD = 48; // bytes from a block to what is prefetched meanwhile
  static final int ARGUMENTS = 56;

  /** The registers that a block's code reads: its bytes, and where the results go. */
  static final Gpr BLOCK = R9;

  static final Gpr OUT = R10;
  static final Gpr SCALE = R11;

  /** What a type does with one block. */
  interface Block {
    void emit(Assembler a);
  }

  private ExpandCode() {}

  /** A type of expansion: how it moves through memory, and its code. */
  record Form(
      int sourceBytes, int targetBytes, int scaleBytes, int stride, Block constants, Block block) {}

  /** The code of a quantised type: bytes and scales for {@link Int8Code}. */
  static Assembler quantised(DType dtype) {
    Form form =
        switch (dtype) {
          case Q8_0 -> form(34, 32, 4, LegacyBlocks::q8Constants, LegacyBlocks::q8);
          case Q4_0 -> form(18, 32, 4, LegacyBlocks::q4Constants, LegacyBlocks::q4);
          case Q4_K -> form(144, 256, 32, KBlocks::q4Constants, KBlocks::q4);
          case Q5_K -> form(176, 256, 32, KBlocks::q5Constants, KBlocks::q5);
          case Q6_K -> form(210, 256, 64, KBlocks::q6Constants, KBlocks::q6);
          default -> throw new IllegalArgumentException(dtype + " is no quantised type");
        };
    return assemble(form);
  }

  private static Form form(int source, int target, int scales, Block constants, Block block) {
    return new Form(source, target, scales, Geometry.INT8_STRIDE, constants, block);
  }

  /** The code of a conversion or copy of 16 numbers at a time, for {@link DotCode}. */
  static Assembler floats(DType from, boolean toBf16, boolean wide) {
    int sourceBytes = from == DType.F32 ? 64 : 32;
    int targetBytes = toBf16 ? 32 : 64;
    Block block = toBf16 ? a -> toBf16(a, from) : a -> toF32(a, from, wide);
    int stride = Geometry.FLOAT_DEPTH * (toBf16 ? 2 : 4);
    return assemble(new Form(sourceBytes, targetBytes, 0, stride, a -> {}, block));
  }

  private static void toF32(Assembler a, DType from, boolean wide) {
    int bytes = wide ? 64 : 32;
    for (int at = 0; at < 64; at += bytes) {
      Vec v = new Vec(at / bytes, 8 * bytes);
      switch (from) {
        case F32 -> a.op(Op.VMOVUPS, v, BLOCK.at(at));
        case F16 -> a.op(Op.VCVTPH2PS, v, BLOCK.at(at / 2));
        default -> {
          a.op(Op.VPMOVZXWD, v, BLOCK.at(at / 2)); // bfloat16 is the upper half of float32
          a.shift(Op.VPSLLD, v, v, 16);
        }
      }
      a.store(Op.VMOVUPS_STORE, OUT.at(at), v);
    }
  }

  private static void toBf16(Assembler a, DType from) {
    Vec half = Vec.ymm(0);
    if (from == DType.BF16) {
      a.op(Op.VMOVUPS, half, BLOCK.at(0));
    } else {
      a.op(from == DType.F32 ? Op.VMOVUPS : Op.VCVTPH2PS, Vec.zmm(0), BLOCK.at(0));
      a.op(Op.VCVTNEPS2BF16, half, Vec.zmm(0));
    }
    a.store(Op.VMOVUPS_STORE, OUT.at(0), half);
  }

  private static Assembler assemble(Form form) {
    Assembler a = new Assembler();
    Label row = new Label("row");
    Label block = new Label("block");
    a.push(RBX);
    form.constants().emit(a);
    a.mov(RSI, RDI.at(SOURCE));
    a.mov(RDX, RDI.at(TARGET));
    a.mov(R8, RDI.at(SCALES));
    a.bind(row);
    a.mov(BLOCK, RSI);
    a.mov(OUT, RDX);
    a.mov(SCALE, R8);
    a.mov(RCX, RDI.at(BLOCKS));
    a.bind(block);
    a.mov(RAX, BLOCK);
    a.add(RAX, RDI.at(AHEAD));
    for (int line = 0; line < form.sourceBytes(); line += 64) {
      a.prefetch(RAX.at(line));
    }
    form.block().emit(a);
    a.add(BLOCK, form.sourceBytes());
    a.add(OUT, form.targetBytes());
    a.add(SCALE, form.scaleBytes());
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, block);
    a.add(RSI, RDI.at(SOURCE_STRIDE));
    a.add(RDX, form.stride());
    a.add(R8, Geometry.SCALE_STRIDE);
    a.mov(RAX, RDI.at(ROWS));
    a.sub(RAX, 1);
    a.mov(RDI.at(ROWS), RAX);
    a.jump(Assembler.Condition.NOT_EQUAL, row);
    a.pop(RBX);
    a.vzeroupper();
    a.ret();
    return a;
  }
}
