package llada.kernel.machine;

import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RBX;

import llada.kernel.machine.ExpandCode.BlockCode;
import llada.kernel.machine.ExpandCode.Place;
import llada.tensor.DType;

/** The blocks of 32 weights: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 (layouts: {@code DType}). */
final class LegacyBlocks {
  private static final Vec CONSTANT = Vec.ymm(15);
  private static final Vec SIGN = Vec.ymm(14);
  private static final Vec SHIFTS = Vec.ymm(13); // 4j in lane j
  private static final Vec FOUR_BITS = Vec.ymm(12);
  private static final Vec SPREAD = Vec.ymm(11); // by multiplying: bit i of four to bit 8i + 4
  private static final Vec FIFTH = Vec.ymm(10);

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

  /** The same as signed numbers of 16 bits, every other channel and then those between. */
  static void q8Words(Assembler a, Place at) {
    scale(a, at);
    a.op(Op.VMOVDQU, Vec.ymm(1), at.source(2));
    a.shift(Op.VPSLLW, Vec.ymm(0), Vec.ymm(1), 8);
    a.shift(Op.VPSRAW, Vec.ymm(0), Vec.ymm(0), 8);
    a.shift(Op.VPSRAW, Vec.ymm(1), Vec.ymm(1), 8);
    a.store(Op.VMOVDQU_STORE, at.target(0), Vec.ymm(0));
    a.store(Op.VMOVDQU_STORE, at.target(32), Vec.ymm(1));
  }

  static void nibbleConstants(Assembler a) {
    QuantizeCode.constant(a, CONSTANT, 0x0F0F0F0F);
    QuantizeCode.constant(a, SIGN, 0x80000000);
    QuantizeCode.constant(a, FOUR_BITS, 0xF);
    QuantizeCode.constant(a, SPREAD, 0x02040810);
    QuantizeCode.constant(a, FIFTH, 0x10101010);
    a.mov(RAX, 0x1C181410); // 28, 24, 20, 16
    a.shl(RAX, 32);
    a.mov(RBX, 0x0C080400);
    a.or(RAX, RBX);
    a.vmovq(Vec.xmm(0), RAX);
    a.op(Op.VPMOVZXBD, SHIFTS, Vec.xmm(0));
  }

  /**
   * Scale, then for Q4_1 and Q5_1 the value of code 0, then for Q5_0 and Q5_1 32 fifth bits, then
   * 16 bytes: weights 0 to 15 in the lower halves, 16 to 31 in the upper ones.
   */
  static BlockCode nibbles(boolean minimum, boolean fifthBits) {
    int fifths = minimum ? 4 : 2;
    int codes = fifths + (fifthBits ? 4 : 0);
    return (a, at) -> {
      scale(a, at);
      if (minimum) { // which is taken away
        half(a, at.source(2));
        a.op(Op.VPXOR, Vec.xmm(0), Vec.xmm(0), Vec.xmm(SIGN.number()));
        a.store(Op.VMOVSS_STORE, at.scale(WeightForm.of(DType.Q4_1).minimumsAt()), Vec.xmm(0));
      }
      a.op(Op.VMOVDQU, Vec.xmm(1), at.source(codes));
      a.shift(Op.VPSRLW, Vec.xmm(2), Vec.xmm(1), 4);
      a.op(Op.VINSERTI128, Vec.ymm(1), Vec.ymm(1), Vec.ymm(2), 1);
      a.op(Op.VPAND, Vec.ymm(1), Vec.ymm(1), CONSTANT);
      if (fifthBits) { // four to each lane, and from there one to each byte
        a.op(Op.VPBROADCASTD, Vec.ymm(2), at.source(fifths));
        a.op(Op.VPSRLVD, Vec.ymm(2), Vec.ymm(2), SHIFTS);
        a.op(Op.VPAND, Vec.ymm(2), Vec.ymm(2), FOUR_BITS);
        a.op(Op.VPMULLD, Vec.ymm(2), Vec.ymm(2), SPREAD);
        a.op(Op.VPAND, Vec.ymm(2), Vec.ymm(2), FIFTH);
        a.op(Op.VPOR, Vec.ymm(1), Vec.ymm(1), Vec.ymm(2));
      }
      a.store(Op.VMOVDQU_STORE, at.target(0), Vec.ymm(1));
    };
  }

  /** The float16 number at the start of the block to the scales. */
  private static void scale(Assembler a, Place at) {
    half(a, at.source(0));
    a.store(Op.VMOVSS_STORE, at.scale(0), Vec.xmm(0));
  }

  /** xmm0 = this float16 number. */
  private static void half(Assembler a, Mem half) {
    a.movzx16(RAX, half);
    a.vmovd(Vec.xmm(0), RAX);
    a.op(Op.VCVTPH2PS, Vec.xmm(0), Vec.xmm(0));
  }
}
