package llada.kernel.machine;

import static llada.kernel.machine.Gpr.RAX;

import llada.kernel.machine.ExpandCode.Place;

/** The blocks of 32 weights with one float16 scale: Q8_0 and Q4_0 (layouts: {@code DType}). */
final class LegacyBlocks {
  private static final Vec CONSTANT = Vec.ymm(15);

  private LegacyBlocks() {}

  static void q8Constants(Assembler a) {
    QuantizeCode.constant(a, CONSTANT, 0x80808080);
  }

  /** Scale, then 32 signed bytes, which flipping the sign bit makes unsigned with offset 128. */
  static void q8(Assembler a, Place at) {
    scale(a, at);
    a.op(Op.VPXOR, Vec.ymm(1), CONSTANT, at.source(2));
    a.store(Op.VMOVDQU_STORE, at.target(0), Vec.ymm(1));
  }

  static void q4Constants(Assembler a) {
    QuantizeCode.constant(a, CONSTANT, 0x0F0F0F0F);
  }

  /** Scale, then 16 bytes: weights 0 to 15 in the lower halves, 16 to 31 in the upper ones. */
  static void q4(Assembler a, Place at) {
    scale(a, at);
    a.op(Op.VMOVDQU, Vec.xmm(1), at.source(2));
    a.shift(Op.VPSRLW, Vec.xmm(2), Vec.xmm(1), 4);
    a.op(Op.VINSERTI128, Vec.ymm(1), Vec.ymm(1), Vec.ymm(2), 1);
    a.op(Op.VPAND, Vec.ymm(1), Vec.ymm(1), CONSTANT);
    a.store(Op.VMOVDQU_STORE, at.target(0), Vec.ymm(1));
  }

  /** The float16 number at the start of the block to the scales. */
  private static void scale(Assembler a, Place at) {
    a.movzx16(RAX, at.source(0));
    a.vmovd(Vec.xmm(0), RAX);
    a.op(Op.VCVTPH2PS, Vec.xmm(0), Vec.xmm(0));
    a.store(Op.VMOVSS_STORE, at.scale(0), Vec.xmm(0));
  }
}
