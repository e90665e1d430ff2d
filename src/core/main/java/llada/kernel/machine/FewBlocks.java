package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R12;
import static llada.kernel.machine.Gpr.R9;

import java.util.Optional;
import llada.tensor.DType;

/**
 * A chunk of weights of 16 rows as they lie in the file (layouts: {@code DType}), transposed so
 * that lanes are rows, and then unpacked to the codes and scales of {@link FewCode}.
 */
final class FewBlocks {
  private static final Geometry WIDE = new Geometry(512, 1);

  private static final int[] CONSTANTS = {
    0x0F0F0F0F, 0x3F3F3F3F, 0x30303030, 0x10101010, 0x80808080, 0xFF
  };
  private static final Vec HALVES = Vec.zmm(24); // these constants in every lane
  private static final Vec SIX_BITS = Vec.zmm(25);
  private static final Vec UPPER_TWO = Vec.zmm(26);
  private static final Vec FIFTH = Vec.zmm(27);
  private static final Vec SIGNS = Vec.zmm(28);
  private static final Vec BYTE = Vec.zmm(29);

  private static final Vec T = Vec.zmm(8);
  private static final Vec BEFORE = Vec.zmm(9);
  private static final Vec D = Vec.zmm(10);
  private static final Vec D_MIN = Vec.zmm(11);
  private static final Vec LOWER = Vec.zmm(12);
  private static final int BITS = 16; // eight registers from this one on

  /** What a type does with a chunk. */
  private interface Chunk {
    void emit(FewBlocks blocks);
  }

  private final int bytes;
  private final Chunk chunk;
  private Assembler a;
  private int rowBytes;
  private int asked; // lines of the chunk

  private FewBlocks(int bytes, Chunk chunk) {
    this.bytes = bytes;
    this.chunk = chunk;
  }

  /** The code of a type, if there is any. */
  static Optional<FewBlocks> of(DType dtype, Matmul.Arithmetic arithmetic) {
    boolean bf16 = arithmetic == Matmul.Arithmetic.BF16;
    FewBlocks pairs = new FewBlocks(128, blocks -> blocks.pairs(dtype == DType.BF16));
    return Optional.ofNullable(
        switch (dtype) {
          case F32 -> bf16 ? null : new FewBlocks(256, FewBlocks::copy);
          case BF16 -> bf16 ? new FewBlocks(256, FewBlocks::copy) : pairs;
          case F16 -> bf16 ? new FewBlocks(256, FewBlocks::roundedPairs) : pairs;
          case Q4_0 -> new FewBlocks(144, blocks -> blocks.legacy(4));
          case Q8_0 -> new FewBlocks(272, blocks -> blocks.legacy(8));
          case Q4_K -> new FewBlocks(144, blocks -> blocks.q4(16));
          case Q5_K -> new FewBlocks(176, blocks -> blocks.q4(48));
          case Q6_K -> new FewBlocks(210, FewBlocks::q6);
          default -> null;
        });
  }

  /** Bytes of a chunk in a row. */
  int bytes() {
    return bytes;
  }

  /** To registers 24 and up, for all chunks. */
  static void constants(Assembler a) {
    for (int i = 0; i < CONSTANTS.length; i++) {
      QuantizeCode.constant(a, Vec.zmm(0), CONSTANTS[i]);
      a.op(Op.VMOVUPS, Vec.zmm(24 + i), Vec.zmm(0));
    }
  }

  /** The chunk at r9; r12 is where to prefetch. */
  void emit(Assembler assembler, int bytesOfRow) {
    a = assembler;
    rowBytes = bytesOfRow;
    asked = 0;
    chunk.emit(this);
    ask(16 * bytes / 64);
    a.add(R12, 16 * bytes);
  }

  /** zmm0 to zmm3 = the four words at an offset, of all rows. */
  private void unit(int offset) {
    for (int i = 0; i < 4; i++) {
      a.op(Op.VMOVUPS, Vec.xmm(i), R9.at(i * rowBytes + offset));
      for (int quad = 1; quad < 4; quad++) {
        Mem row = R9.at((4 * quad + i) * rowBytes + offset);
        a.op(Op.VINSERTI128, Vec.zmm(i), Vec.zmm(i), row, quad);
      }
    }
    TransposeCode.fours(a, WIDE, 0);
    ask(asked + 4);
  }

  private void ask(int lines) {
    for (; asked < Math.min(lines, 16 * bytes / 64); asked++) {
      a.prefetch(R12.at(64 * asked));
    }
  }

  private static Vec word(int i) {
    return Vec.zmm(i % 4);
  }

  private void copy() {
    for (int i = 0; i < FewCode.STEPS; i++) {
      nextUnit(i);
      a.store(Op.VMOVUPS_STORE, FewCode.code(i), word(i));
    }
  }

  private void nextUnit(int i) {
    if (i % 4 == 0) {
      unit(4 * i);
    }
  }

  /** Two float16 or bfloat16 numbers of each word to float32. */
  private void pairs(boolean bf16) {
    for (int i = 0; i < FewCode.STEPS / 2; i++) {
      nextUnit(i);
      for (int step = 2 * i; step < 2 * i + 2; step++) {
        if (step > 2 * i) {
          a.shift(Op.VPSRLD, word(i), word(i), 16);
        }
        if (bf16) { // the upper half of float32
          a.shift(Op.VPSLLD, T, word(i), 16);
          a.store(Op.VMOVUPS_STORE, FewCode.code(step), T);
        } else {
          half(T, word(i), FewCode.code(step));
        }
      }
    }
  }

  /** Two float16 numbers of each word to a pair of bfloat16. */
  private void roundedPairs() {
    for (int i = 0; i < FewCode.STEPS; i++) {
      nextUnit(i);
      a.shift(Op.VPSRLD, T, word(i), 16);
      half(D, word(i), FewCode.code(i));
      half(T, T, FewCode.code(i));
      PairCode.pair(a, WIDE, D, T);
      a.store(Op.VMOVUPS_STORE, FewCode.code(i), D);
    }
  }

  /** dst = the float16 numbers in the lower halves of from, by way of memory where they go. */
  private void half(Vec dst, Vec from, Mem to) {
    a.store(Op.VPMOVDW, to, from);
    a.op(Op.VCVTPH2PS, dst, to);
    a.store(Op.VMOVUPS_STORE, to, dst);
  }

  /**
   * Q4_0 and Q8_0: pairs of blocks, in each a float16 scale and so many words of codes, which lie
   * half a word off in the first block of a pair.
   */
  private void legacy(int words) {
    int pair = 2 * words + 1;
    for (int i = 0; i < 4 * pair; i++) {
      nextUnit(i);
      int block = i / pair * 2;
      int at = i % pair;
      if (at == 0) {
        half(T, word(i), FewCode.scale(block));
      } else if (at <= words) {
        a.shift(Op.VPSLLD, T, word(i), 16);
        a.op(Op.VPOR, T, T, BEFORE);
        codes(T, words, block, at - 1);
      } else {
        codes(word(i), words, block + 1, at - 1 - words);
      }
      if (at < words) {
        a.shift(Op.VPSRLD, BEFORE, word(i), 16);
      } else if (at == words) {
        a.shift(Op.VPSRLD, T, word(i), 16);
        half(T, T, FewCode.scale(block + 1));
      }
    }
  }

  private void codes(Vec word, int words, int block, int i) {
    if (words == 4) {
      halves(word);
      a.store(Op.VMOVUPS_STORE, FewCode.code(8 * block + i), LOWER);
      a.store(Op.VMOVUPS_STORE, FewCode.code(8 * block + 4 + i), word);
    } else {
      a.op(Op.VPXOR, word, word, SIGNS);
      a.store(Op.VMOVUPS_STORE, FewCode.code(8 * block + i), word);
    }
  }

  /** LOWER = the lower, word = the upper halves of bytes. */
  private void halves(Vec word) {
    a.op(Op.VPAND, LOWER, word, HALVES);
    a.shift(Op.VPSRLD, word, word, 4);
    a.op(Op.VPAND, word, word, HALVES);
  }

  /** Q4_K, and Q5_K, whose codes begin later, behind a fifth bit of each. */
  private void q4(int codes) {
    scalesAndMinimums();
    if (codes > 16) {
      upperBits(16);
    }
    for (int i = 0; i < 32; i++) {
      if (i % 4 == 0) {
        unit(codes + 4 * i);
      }
      halves(word(i));
      int group = i / 8 * 2;
      if (codes > 16) {
        addBits(LOWER, i % 8, 4 - group, FIFTH);
        addBits(word(i), i % 8, 3 - group, FIFTH);
      }
      a.store(Op.VMOVUPS_STORE, FewCode.code(8 * group + i % 8), LOWER);
      a.store(Op.VMOVUPS_STORE, FewCode.code(8 * group + 8 + i % 8), word(i));
    }
  }

  private void q6() {
    unit(194);
    a.shift(Op.VPSRLD, T, word(3), 16);
    half(D, T, FewCode.scale(0));
    unit(192);
    for (int i = 0; i < 16; i++) {
      a.shift(Op.VPSLLD, T, word(i / 4), 24 - i % 4 * 8);
      a.shift(Op.VPSRAD, T, T, 24);
      scale(i, D);
    }
    for (int i = 0; i < 32; i++) {
      int side = i / 16; // 128 channels
      int run = i / 8 % 2; // and run + 2
      if (i % 16 == 0) {
        upperBits(128 + 32 * side);
      }
      if (i % 4 == 0) {
        unit(4 * i);
      }
      halves(word(i));
      addBits(LOWER, i % 8, 4 - 2 * run, UPPER_TWO);
      addBits(word(i), i % 8, -2 * run, UPPER_TWO);
      int step = 32 * side + 8 * run + i % 8;
      a.store(Op.VMOVUPS_STORE, FewCode.code(step), LOWER);
      a.store(Op.VMOVUPS_STORE, FewCode.code(step + 16), word(i));
    }
  }

  /** The eight words at an offset, for {@link #addBits}. */
  private void upperBits(int offset) {
    for (int i = 0; i < 8; i++) {
      if (i % 4 == 0) {
        unit(offset + 4 * i);
      }
      a.op(Op.VMOVUPS, Vec.zmm(BITS + i), word(i));
    }
  }

  /** word += the bits under a mask of word i of these, shifted left (right where negative). */
  private void addBits(Vec word, int i, int left, Vec mask) {
    Vec bits = Vec.zmm(BITS + i);
    if (left != 0) {
      a.shift(left > 0 ? Op.VPSLLD : Op.VPSRLD, T, bits, Math.abs(left));
    }
    a.op(Op.VPAND, T, left == 0 ? bits : T, mask);
    a.op(Op.VPOR, word, word, T);
  }

  /** See KBlocks: two numbers, then eight scales and eight minimums of six bits in three words. */
  private void scalesAndMinimums() {
    unit(0);
    half(D, word(0), FewCode.scale(0));
    a.shift(Op.VPSRLD, T, word(0), 16);
    half(D_MIN, T, FewCode.scale(0));
    for (int kind = 0; kind < 2; kind++) {
      Vec sixes = word(1 + kind);
      Vec upper = Vec.zmm(4);
      a.shift(Op.VPSRLD, upper, sixes, 2);
      a.op(Op.VPAND, upper, upper, UPPER_TWO);
      a.op(Op.VPAND, sixes, sixes, SIX_BITS);
      if (kind == 1) {
        a.shift(Op.VPSRLD, word(3), word(3), 4);
      }
      a.op(Op.VPAND, T, word(3), HALVES);
      a.op(Op.VPOR, upper, upper, T);
      for (int i = 0; i < 8; i++) {
        a.shift(Op.VPSRLD, T, i < 4 ? sixes : upper, i % 4 * 8);
        a.op(Op.VPAND, T, T, BYTE);
        scale(kind * FewCode.MINIMUM + i, kind == 0 ? D : D_MIN);
      }
    }
  }

  /** The whole numbers in T times a unit. */
  private void scale(int i, Vec unit) {
    a.op(Op.VCVTDQ2PS, T, T);
    a.op(Op.VMULPS, T, T, unit);
    a.store(Op.VMOVUPS_STORE, FewCode.scale(i), T);
  }
}
