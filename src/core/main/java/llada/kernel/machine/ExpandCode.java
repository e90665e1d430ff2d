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
 * over rows and over a row's blocks, around what a type does with one block.
 */
final class ExpandCode {
  static final int SOURCE = 0;
  static final int SOURCE_STRIDE = 8; // bytes from row to row
  static final int TARGET = 16; // rows at the stride of the product
  static final int SCALES = 24; // rows at scaleStride; quantised types only
  static final int ROWS = 32;
  static final int BLOCKS = 40; // of each row
  static final int ARGUMENTS = 48;

  /**
   * Where a block's bytes are and its results go, relative to the registers that move along a row.
   */
  record Place(int sourceOffset, int targetOffset, int scaleOffset) {
    Mem source(int offset) {
      return R9.at(sourceOffset + offset);
    }

    Mem target(int offset) {
      return R10.at(targetOffset + offset);
    }

    Mem scale(int offset) {
      return R11.at(scaleOffset + offset);
    }
  }

  /** What a type does with one block; it may use rax, rbx and all vector registers. */
  interface BlockCode {
    void emit(Assembler a, Place at);
  }

  /** What a type needs in registers throughout. */
  interface Constants {
    void emit(Assembler a);
  }

  private ExpandCode() {}

  /**
   * A type of expansion.
   *
   * @param sourceBytes of a block
   * @param targetBytes of a block
   * @param scaleBytes of a block
   * @param unroll blocks in one round of the loop
   * @param stride bytes from row to row of the target
   */
  private record Form(
      int sourceBytes,
      int targetBytes,
      int scaleBytes,
      int unroll,
      int stride,
      Constants constants,
      BlockCode block) {}

  /**
   * The code of a quantised type: bytes and scales for {@link Int8Code}.
   *
   * @param words whether weights of eight bits go to 16, for {@link WordCode}
   */
  static Assembler quantised(DType dtype, boolean words) {
    Form form =
        switch (dtype) {
          case Q8_0 ->
              words
                  ? new Form(34, 64, 4, 4, 2 * Geometry.INT8_STRIDE, a -> {}, LegacyBlocks::q8Words)
                  : form(34, 32, 4, 4, LegacyBlocks::q8Constants, LegacyBlocks::q8);
          case Q4_0 -> nibbles(18, false, false);
          case Q4_1 -> nibbles(20, true, false);
          case Q5_0 -> nibbles(22, false, true);
          case Q5_1 -> nibbles(24, true, true);
          case Q2_K -> form(84, 256, 64, 1, KBlocks::q2Constants, KBlocks::q2);
          case Q3_K -> form(110, 256, 64, 1, KBlocks::q3Constants, KBlocks::q3);
          case Q4_K -> form(144, 256, 32, 1, KBlocks::q4Constants, KBlocks::q4);
          case Q5_K -> form(176, 256, 32, 1, KBlocks::q5Constants, KBlocks::q5);
          case Q6_K -> form(210, 256, 64, 1, KBlocks::q6Constants, KBlocks::q6);
          default -> throw new IllegalArgumentException(dtype + " has no code here");
        };
    return assemble(form, WeightForm.of(dtype).scaleStride());
  }

  private static Form form(
      int source, int target, int scales, int unroll, Constants constants, BlockCode block) {
    return new Form(source, target, scales, unroll, Geometry.INT8_STRIDE, constants, block);
  }

  private static Form nibbles(int source, boolean minimum, boolean fifthBits) {
    BlockCode block = LegacyBlocks.nibbles(minimum, fifthBits);
    return form(source, 32, 4, 4, LegacyBlocks::nibbleConstants, block);
  }

  /** The code of a conversion or copy of 16 numbers at a time, for {@link DotCode}. */
  static Assembler floats(DType from, boolean toBf16, boolean wide) {
    int sourceBytes = from == DType.F32 ? 64 : 32;
    int targetBytes = toBf16 ? 32 : 64;
    BlockCode block = toBf16 ? (a, at) -> toBf16(a, at, from) : (a, at) -> toF32(a, at, from, wide);
    int stride = Geometry.FLOAT_DEPTH * (toBf16 ? 2 : 4);
    return assemble(new Form(sourceBytes, targetBytes, 0, 4, stride, a -> {}, block), 0);
  }

  private static void toF32(Assembler a, Place place, DType from, boolean wide) {
    int bytes = wide ? 64 : 32;
    for (int at = 0; at < 64; at += bytes) {
      Vec v = new Vec(at / bytes, 8 * bytes);
      switch (from) {
        case F32 -> a.op(Op.VMOVUPS, v, place.source(at));
        case F16 -> a.op(Op.VCVTPH2PS, v, place.source(at / 2));
        default -> {
          a.op(Op.VPMOVZXWD, v, place.source(at / 2)); // bfloat16 is the upper half of float32
          a.shift(Op.VPSLLD, v, v, 16);
        }
      }
      a.store(Op.VMOVUPS_STORE, place.target(at), v);
    }
  }

  private static void toBf16(Assembler a, Place place, DType from) {
    Vec half = Vec.ymm(0);
    if (from == DType.BF16) {
      a.op(Op.VMOVUPS, half, place.source(0));
    } else {
      a.op(from == DType.F32 ? Op.VMOVUPS : Op.VCVTPH2PS, Vec.zmm(0), place.source(0));
      a.op(Op.VCVTNEPS2BF16, half, Vec.zmm(0));
    }
    a.store(Op.VMOVUPS_STORE, place.target(0), half);
  }

  private static Assembler assemble(Form form, int scaleStride) {
    Assembler a = new Assembler();
    Label row = new Label("row");
    a.push(RBX);
    form.constants().emit(a);
    a.mov(RSI, RDI.at(SOURCE));
    a.mov(RDX, RDI.at(TARGET));
    a.mov(R8, RDI.at(SCALES));
    a.bind(row);
    a.mov(R9, RSI);
    a.mov(R10, RDX);
    a.mov(R11, R8);
    a.mov(RCX, RDI.at(BLOCKS));
    if (form.unroll() > 1) {
      blocks(a, form, form.unroll());
    }
    blocks(a, form, 1);
    a.add(RSI, RDI.at(SOURCE_STRIDE));
    a.add(RDX, form.stride());
    a.add(R8, scaleStride);
    a.mov(RAX, RDI.at(ROWS));
    a.sub(RAX, 1);
    a.mov(RDI.at(ROWS), RAX);
    a.jump(Assembler.Condition.NOT_EQUAL, row);
    a.pop(RBX);
    a.vzeroupper();
    a.ret();
    return a;
  }

  /** A loop that takes {@code count} blocks at a time, as long as there are so many. */
  private static void blocks(Assembler a, Form form, int count) {
    Label round = new Label("round of " + count);
    Label check = new Label("check " + count);
    a.jump(check);
    a.bind(round);
    for (int i = 0; i < count; i++) {
      Place place =
          new Place(i * form.sourceBytes(), i * form.targetBytes(), i * form.scaleBytes());
      form.block().emit(a, place);
    }
    a.add(R9, count * form.sourceBytes());
    a.add(R10, count * form.targetBytes());
    a.add(R11, count * form.scaleBytes());
    a.sub(RCX, count);
    a.bind(check);
    a.cmp(RCX, count - 1);
    a.jump(Assembler.Condition.ABOVE, round);
  }
}
