package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R13;

import llada.tensor.DType;

/** Codes of a row, as they lie in the file, to registers; see {@link FewForm}. */
final class FewWeights {
  private static final int LOW_HALVES = 1; // of the constants, but for Q8_0's

  private final FewForm form;
  private final FewCode.Rows rows;
  private final Assembler a;
  private final Vec t;
  private final Vec bits;
  private final Vec more;

  FewWeights(FewForm form) {
    this.form = form;
    this.rows = form.rows();
    this.a = form.a();
    this.t = form.free(0);
    this.bits = form.free(1);
    this.more = form.free(2);
  }

  /** A piece of a row of the tile, one of four whose codes are in registers. */
  void emit(int row, int of4, int piece) {
    boolean wide = form.g().wide();
    switch (form.dtype()) {
      case Q4_0 -> nibbles(row, of4, piece, 2, 0);
      case Q4_1 -> nibbles(row, of4, piece, 4, 0);
      case Q5_0 -> nibbles(row, of4, piece, 6, 2);
      case Q5_1 -> nibbles(row, of4, piece, 8, 4);
      case Q8_0 -> q8(row, of4, piece);
      case Q6_K -> {
        if (wide) {
          q6(row, of4);
        } else {
          q6(row, of4, piece / 2, piece % 2);
        }
      }
      default -> {
        int codes = form.dtype() == DType.Q5_K ? 48 : 16; // behind fifth bits
        if (wide) {
          k4(row, of4, codes);
        } else {
          k4(row, of4, codes, piece);
        }
      }
    }
  }

  /** The first block of two vectors of a piece. */
  private int block(int piece, int pair) {
    return form.vector(piece, 2 * pair) / 2 * form.groups();
  }

  /** 16 bytes (or one word, repeated) of each of as many blocks as have room. */
  private void ofBlocks(Vec dst, int row, int block, int offset, boolean word) {
    int blockBytes = form.dtype().blockBytes();
    Mem first = rows.at(row, block * blockBytes + offset);
    if (form.g().wide()) {
      Op op = word ? Op.VPBROADCASTD : Op.VBROADCASTI32X4;
      a.op(op, dst, first);
      for (int i = 1; i < 4; i++) {
        a.masked(op, dst, i, rows.at(row, (block + i) * blockBytes + offset));
      }
    } else if (word) {
      a.op(Op.VPBROADCASTD, dst, first);
      a.op(Op.VPBROADCASTD, more, rows.at(row, (block + 1) * blockBytes + offset));
      a.op(Op.VPERM2F128, dst, dst, more, 0x30);
    } else {
      a.op(Op.VMOVUPS, dst.as(128), first);
      a.op(Op.VINSERTI128, dst, dst, rows.at(row, (block + 1) * blockBytes + offset), 1);
    }
  }

  /** The lower and the upper halves of bytes. */
  private void halves(Vec from, Vec lower, Vec upper) {
    form.with(Op.VPAND, lower, from, LOW_HALVES);
    a.shift(Op.VPSRLD, from, from, 4);
    form.with(Op.VPAND, upper, from, LOW_HALVES);
  }

  /** Blocks of 32: 16 bytes of lower and upper halves, and four of fifth bits unless at 0. */
  private void nibbles(int row, int of4, int piece, int codes, int fifths) {
    for (int pair = 0; pair < form.vectors() / 2; pair++) {
      int block = block(piece, pair);
      ofBlocks(t, row, block, codes, false);
      halves(t, form.code(of4, 2 * pair), form.code(of4, 2 * pair + 1));
      if (fifths > 0) {
        ofBlocks(bits, row, block, fifths, true);
      }
      for (int side = 0; side < 2 && fifths > 0; side++) {
        Vec code = form.code(of4, 2 * pair + side);
        form.with(Op.VPSRLVD, more, bits, 5 + side);
        form.with(Op.VPAND, more, more, 2);
        form.with(Op.VPMULLD, more, more, 3);
        form.with(Op.VPAND, more, more, 4);
        a.op(Op.VPOR, code, code, more);
      }
    }
  }

  private void q8(int row, int of4, int piece) {
    for (int i = 0; i < form.vectors(); i++) {
      Vec code = form.code(of4, i);
      int offset = 2 + i % 2 * 16;
      switch (form.products()) {
        case DOT -> {
          ofBlocks(t, row, block(piece, i / 2), offset, false);
          form.with(Op.VPXOR, code, t, 1);
        }
        case WORDS -> {
          ofBlocks(t, row, block(piece, i / 2), offset, false);
          widen(a, t, form.code(of4, 2 * i), form.code(of4, 2 * i + 1));
        }
        default -> ofBlocks(code, row, block(piece, i / 2), offset, false);
      }
    }
  }

  /** Bytes to 16 bits: every other one, then those between. */
  static void widen(Assembler a, Vec from, Vec even, Vec odd) {
    a.shift(Op.VPSLLW, even, from, 8);
    a.shift(Op.VPSRAW, even, even, 8);
    a.shift(Op.VPSRAW, odd, from, 8);
  }

  // ---- K types at 256 bits: as they lie there, but that 16 channels each of two groups meet ----

  /** Q4_K, and Q5_K, whose codes begin later, behind a fifth bit of each. */
  private void k4(int row, int of4, int codes, int piece) {
    Vec lower = form.code(of4, 0);
    Vec upper = form.code(of4, 1);
    a.op(Op.VMOVUPS, t, rows.at(row, codes + 32 * piece));
    halves(t, lower, t);
    if (codes > 16) {
      a.op(Op.VMOVUPS, bits, rows.at(row, 16));
      addBits(lower, 7, 4 - 2 * piece);
      addBits(t, 7, 3 - 2 * piece);
    }
    a.op(Op.VPERM2F128, upper, lower, t, 0x31);
    a.op(Op.VPERM2F128, lower, lower, t, 0x20);
  }

  private void q6(int row, int of4, int half, int part) {
    a.op(Op.VMOVUPS, t, rows.at(row, 64 * half + 32 * part));
    halves(t, form.code(of4, 0), form.code(of4, 1));
    a.op(Op.VMOVUPS, bits, rows.at(row, 128 + 32 * half));
    addBits(form.code(of4, 0), 2, 4 - 2 * part);
    addBits(form.code(of4, 1), 2, -2 * part);
  }

  /** codes += bits, shifted left (right where negative), under a mask. */
  private void addBits(Vec codes, int mask, int left) {
    Vec shifted = left == 0 ? bits : more;
    if (left != 0) {
      a.shift(left > 0 ? Op.VPSLLD : Op.VPSRLD, more, bits, Math.abs(left));
    }
    form.with(Op.VPAND, more, shifted, mask);
    a.op(Op.VPOR, codes, codes, more);
  }

  // ---- K types at 512 bits: a whole block is a piece ----

  private void k4(int row, int of4, int codes) {
    boolean fifth = codes > 16;
    if (fifth) {
      a.op(Op.VBROADCASTI32X8, bits, rows.at(row, 16));
    }
    for (int half = 0; half < 2; half++) {
      Vec lower = form.code(of4, 2 * half); // groups 0 and 2 of four
      Vec upper = form.code(of4, 2 * half + 1); // groups 1 and 3
      a.op(Op.VMOVUPS, t, rows.at(row, codes + 64 * half));
      halves(t, lower, t);
      if (fifth) {
        turnBits(lower, 7, 8 + 2 * half);
        turnBits(t, 7, 9 + 2 * half);
      }
      a.op(Op.VMOVUPS, upper, lower);
      a.op(Op.VPERMT2Q, lower, form.constant(5), t);
      a.op(Op.VPERMT2Q, upper, form.constant(6), t);
    }
  }

  private void q6(int row, int of4) {
    for (int half = 0; half < 2; half++) {
      a.op(Op.VBROADCASTI32X8, bits, rows.at(row, 128 + 32 * half));
      a.op(Op.VMOVUPS, t, rows.at(row, 64 * half));
      halves(t, form.code(of4, 2 * half), form.code(of4, 2 * half + 1));
      turnBits(form.code(of4, 2 * half), 2, 3);
      turnBits(form.code(of4, 2 * half + 1), 2, 4);
    }
  }

  /** codes += bits, turned left as often as a constant says, under a mask. */
  private void turnBits(Vec codes, int mask, int turns) {
    a.op(Op.VPROLVD, more, bits, R13.at(FewForm.TABLE_VECTOR * turns));
    form.with(Op.VPAND, more, more, mask);
    a.op(Op.VPOR, codes, codes, more);
  }
}
