package llada.kernel.machine;

import static llada.kernel.machine.Gpr.RAX;

import llada.kernel.machine.ExpandCode.Place;
import llada.tensor.DType;

/** The blocks of 256 weights with scales of their own: Q2_K to Q6_K (layouts: DType). */
final class KBlocks {
  private static final Vec LOW_HALF = Vec.ymm(15); // 0x0F in every byte; 0x03 in Q2_K and Q3_K
  private static final Vec HIGH_BITS = Vec.ymm(14); // 0x10 or 0x30 in every byte; 0x04 in Q3_K
  private static final Vec NUMBER = Vec.ymm(13); // 15 or 32 in every lane

  private static final Gpr WORD = Gpr.RBX; // the loops around save it

  private KBlocks() {}

  static void q4Constants(Assembler a) {
    QuantizeCode.constant(a, LOW_HALF, 0x0F0F0F0F);
  }

  static void q5Constants(Assembler a) {
    q4Constants(a);
    QuantizeCode.constant(a, HIGH_BITS, 0x10101010);
  }

  static void q6Constants(Assembler a) {
    q4Constants(a);
    QuantizeCode.constant(a, HIGH_BITS, 0x30303030);
  }

  static void q2Constants(Assembler a) {
    QuantizeCode.constant(a, LOW_HALF, 0x03030303);
    QuantizeCode.constant(a, NUMBER, 15);
  }

  static void q3Constants(Assembler a) {
    QuantizeCode.constant(a, LOW_HALF, 0x03030303);
    QuantizeCode.constant(a, HIGH_BITS, 0x04040404);
    QuantizeCode.constant(a, NUMBER, 32);
  }

  /** 16 scales and minimums in halves of a byte, 64 bytes of codes, d, dmin. */
  static void q2(Assembler a, Place at) {
    halfToFloat(a, at.source(80), Vec.ymm(4));
    halfToFloat(a, at.source(82), Vec.ymm(5));
    for (int i = 0; i < 2; i++) {
      a.op(Op.VPMOVZXBD, Vec.ymm(0), at.source(8 * i));
      a.shift(Op.VPSRLD, Vec.ymm(1), Vec.ymm(0), 4);
      a.op(Op.VPAND, Vec.ymm(0), Vec.ymm(0), NUMBER);
      scales(a, Vec.ymm(0), Vec.ymm(4), at.scale(32 * i));
      scales(a, Vec.ymm(1), Vec.ymm(5), at.scale(WeightForm.of(DType.Q2_K).minimumsAt() + 32 * i));
    }
    for (int run = 0; run < 8; run++) {
      twoBits(a, at.source(16 + 32 * (run >> 2)), run);
      a.store(Op.VMOVDQU_STORE, at.target(32 * run), Vec.ymm(0));
    }
  }

  /** 32 bytes of third bits, 64 of lower two, 12 bytes of scales, d. */
  static void q3(Assembler a, Place at) {
    halfToFloat(a, at.source(108), Vec.ymm(4));
    for (int i = 0; i < 2; i++) {
      // WORD = the upper four of eight scales, then the lower four below them.
      for (int part = 1; part >= 0; part--) {
        a.shl(WORD, 32); // at first nothing that stays
        a.mov32(RAX, at.source(96 + 4 * part));
        a.shr(RAX, 4 * i);
        a.and(RAX, 0x0F0F0F0F);
        a.or(WORD, RAX);
        a.mov32(RAX, at.source(104));
        a.shl(RAX, 4);
        a.shr(RAX, 4 * i + 2 * part);
        a.and(RAX, 0x30303030);
        a.or(WORD, RAX);
      }
      a.vmovq(Vec.xmm(0), WORD);
      a.op(Op.VPMOVZXBD, Vec.ymm(0), Vec.xmm(0));
      a.op(Op.VPSUBD, Vec.ymm(0), Vec.ymm(0), NUMBER);
      scales(a, Vec.ymm(0), Vec.ymm(4), at.scale(32 * i));
    }
    a.op(Op.VMOVDQU, Vec.ymm(2), at.source(0));
    for (int run = 0; run < 8; run++) {
      twoBits(a, at.source(32 + 32 * (run >> 2)), run);
      bits(a, Vec.ymm(3), Vec.ymm(2), 2 - run);
      a.op(Op.VPOR, Vec.ymm(0), Vec.ymm(0), Vec.ymm(3));
      a.store(Op.VMOVDQU_STORE, at.target(32 * run), Vec.ymm(0));
    }
  }

  /** ymm0 = a pair of bits of each of these 32 bytes. */
  private static void twoBits(Assembler a, Mem bytes, int run) {
    a.op(Op.VMOVDQU, Vec.ymm(0), bytes);
    if ((run & 3) > 0) {
      a.shift(Op.VPSRLW, Vec.ymm(0), Vec.ymm(0), 2 * (run & 3));
    }
    a.op(Op.VPAND, Vec.ymm(0), Vec.ymm(0), LOW_HALF);
  }

  /** Whole numbers times d or dmin to memory. */
  private static void scales(Assembler a, Vec numbers, Vec unit, Mem to) {
    a.op(Op.VCVTDQ2PS, numbers, numbers);
    a.op(Op.VMULPS, numbers, numbers, unit);
    a.store(Op.VMOVUPS_STORE, to, numbers);
  }

  /** d, dmin, 12 bytes of scales, 128 bytes: groups 2j in lower, 2j + 1 in upper halves. */
  static void q4(Assembler a, Place at) {
    scalesAndMinimums(a, at);
    for (int j = 0; j < 4; j++) {
      halves(a, at.source(16 + 32 * j));
      a.store(Op.VMOVDQU_STORE, at.target(64 * j), Vec.ymm(0));
      a.store(Op.VMOVDQU_STORE, at.target(64 * j + 32), Vec.ymm(1));
    }
  }

  /** As Q4_K with 32 bytes of fifth bits before the halves: bit j of each is of group j. */
  static void q5(Assembler a, Place at) {
    scalesAndMinimums(a, at);
    a.op(Op.VMOVDQU, Vec.ymm(2), at.source(16));
    for (int j = 0; j < 4; j++) {
      halves(a, at.source(48 + 32 * j));
      for (int side = 0; side < 2; side++) {
        bits(a, Vec.ymm(3), Vec.ymm(2), 4 - (2 * j + side));
        a.op(Op.VPOR, Vec.ymm(side), Vec.ymm(side), Vec.ymm(3));
        a.store(Op.VMOVDQU_STORE, at.target(64 * j + 32 * side), Vec.ymm(side));
      }
    }
  }

  /**
   * 128 bytes of lower four bits, 64 of upper two, 16 signed scales, d. Each half of the block has
   * four runs of 32 weights, whose upper bits are the four pairs of bits of the same 32 bytes.
   */
  static void q6(Assembler a, Place at) {
    halfToFloat(a, at.source(208), Vec.ymm(4));
    for (int i = 0; i < 2; i++) {
      a.op(Op.VPMOVSXBD, Vec.ymm(0), at.source(192 + 8 * i));
      scales(a, Vec.ymm(0), Vec.ymm(4), at.scale(32 * i));
    }
    for (int half = 0; half < 2; half++) {
      a.op(Op.VMOVDQU, Vec.ymm(2), at.source(128 + 32 * half));
      for (int part = 0; part < 2; part++) {
        halves(a, at.source(64 * half + 32 * part));
        for (int side = 0; side < 2; side++) {
          int run = 2 * side + part;
          bits(a, Vec.ymm(3), Vec.ymm(2), 4 - 2 * run);
          a.op(Op.VPOR, Vec.ymm(side), Vec.ymm(side), Vec.ymm(3));
          a.store(Op.VMOVDQU_STORE, at.target(128 * half + 32 * run), Vec.ymm(side));
        }
      }
    }
  }

  /** ymm0 = lower, ymm1 = upper halves of these 32 bytes. */
  private static void halves(Assembler a, Mem bytes) {
    a.op(Op.VMOVDQU, Vec.ymm(0), bytes);
    a.shift(Op.VPSRLW, Vec.ymm(1), Vec.ymm(0), 4);
    a.op(Op.VPAND, Vec.ymm(0), Vec.ymm(0), LOW_HALF);
    a.op(Op.VPAND, Vec.ymm(1), Vec.ymm(1), LOW_HALF);
  }

  /** dst = from, shifted left (right where negative), and of that the bits above a half. */
  private static void bits(Assembler a, Vec dst, Vec from, int left) {
    if (left == 0) {
      a.op(Op.VPAND, dst, from, HIGH_BITS);
      return;
    }
    a.shift(left > 0 ? Op.VPSLLW : Op.VPSRLW, dst, from, Math.abs(left));
    a.op(Op.VPAND, dst, dst, HIGH_BITS);
  }

  /** All lanes of dst = this float16 number. */
  private static void halfToFloat(Assembler a, Mem half, Vec dst) {
    a.movzx16(RAX, half);
    a.vmovd(Vec.xmm(dst.number()), RAX);
    a.op(Op.VCVTPH2PS, Vec.xmm(dst.number()), Vec.xmm(dst.number()));
    a.op(Op.VBROADCASTSS, dst, Vec.xmm(dst.number()));
  }

  /**
   * Eight scales and eight minimums of six bits in 12 bytes, as three little-endian words u0, u1,
   * u2: words of four bytes are masked and shifted whole.
   *
   * <pre>
   *   scales 0-3 = u0 &amp; 3f          scales 4-7 = (u2 &amp; 0f) | (u0 &gt;&gt; 6 &amp; 03) &lt;&lt; 4
   *   minimums 0-3 = u1 &amp; 3f        minimums 4-7 = (u2 &gt;&gt; 4 &amp; 0f) | (u1 &gt;&gt; 6 &amp; 03) &lt;&lt; 4
   * </pre>
   */
  private static void scalesAndMinimums(Assembler a, Place at) {
    for (int side = 0; side < 2; side++) {
      // WORD = the upper four, then the lower four below them.
      a.mov32(WORD, at.source(12));
      if (side == 1) {
        a.shr(WORD, 4);
      }
      a.and(WORD, 0x0F0F0F0F);
      a.mov32(RAX, at.source(4 + 4 * side));
      a.shr(RAX, 2);
      a.and(RAX, 0x30303030);
      a.or(WORD, RAX);
      a.shl(WORD, 32);
      a.mov32(RAX, at.source(4 + 4 * side));
      a.and(RAX, 0x3F3F3F3F);
      a.or(WORD, RAX);
      a.vmovq(Vec.xmm(0), WORD);
      a.op(Op.VPMOVZXBD, Vec.ymm(0), Vec.xmm(0));
      halfToFloat(a, at.source(2 * side), Vec.ymm(4));
      scales(a, Vec.ymm(0), Vec.ymm(4), at.scale(side * WeightForm.of(DType.Q4_K).minimumsAt()));
    }
  }
}
