package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.RBX;

/**
 * Scales and minimums of a chunk's groups, float32 in lanes of rows, to {@link FewBytes}' space.
 */
final class FewScales {
  static final int BYTES = 16 * 64 + 64;

  /** The vector of scales with the first minimum; no type here has both of 16 channels. */
  static final int MINIMUM = 8;

  private static final int HALVES = 16 * 64; // float16 scales, at 512 bits

  private final FewForm form;
  private final FewCode.Rows rows;
  private final Assembler a;
  private final Geometry g;
  private final int at;
  private final Vec t;

  /**
   * The code.
   *
   * @param at where the scales are in the space
   */
  FewScales(FewForm form, int at) {
    this.form = form;
    this.rows = form.rows();
    this.a = form.a();
    this.g = form.g();
    this.at = at;
    this.t = form.free(0);
  }

  /** A group's scales, of all rows or from the 8th on. */
  Mem scale(int i, int part) {
    return R11.at(at + 64 * i + form.vectorBytes() * part);
  }

  void emit() {
    for (int part = 0; part < 16 / g.lanes(); part++) {
      switch (form.dtype()) {
        case Q4_K, Q5_K -> k(part);
        case Q6_K -> q6(part);
        default -> {
          if (g.wide()) {
            legacyWide();
          } else {
            legacy(part);
          }
        }
      }
    }
  }

  /** A float16 number at the start of each block, and another one where there are minimums. */
  private void legacyWide() {
    int blocks = Geometry.CHUNK / 32;
    a.mov(RBX, 1);
    for (int row = 0; row < 16; row++) {
      int mask = 4 + row % 4;
      a.kmov(mask, RBX);
      for (int block = 0; block < blocks; block++) {
        Mem from = rows.at(row, block * form.dtype().blockBytes());
        a.masked(Op.VPBROADCASTD, Vec.zmm(block), mask, from);
      }
      a.shl(RBX, 1);
    }
    for (int block = 0; block < blocks; block++) {
      half(t, Vec.zmm(block));
      a.store(Op.VMOVUPS_STORE, scale(block, 0), t);
      if (form.weights().minimums()) {
        a.shift(Op.VPSRLD, t, Vec.zmm(block), 16);
        half(t, t);
        a.store(Op.VMOVUPS_STORE, scale(MINIMUM + block, 0), t);
      }
    }
  }

  private void legacy(int part) {
    for (int i = 0; i < (form.weights().minimums() ? 2 : 1); i++) {
      for (int block = 0; block < Geometry.CHUNK / 32; block++) {
        Vec dst = g.vec(block);
        gathered(dst, part, block * form.dtype().blockBytes() + 2 * i);
        a.store(Op.VMOVUPS_STORE, scale(MINIMUM * i + block, part), dst);
      }
    }
  }

  /** dst = the float16 numbers in the lower halves of from, by way of memory. */
  private void half(Vec dst, Vec from) {
    a.store(Op.VPMOVDW, R11.at(at + HALVES), from);
    a.op(Op.VCVTPH2PS, dst, R11.at(at + HALVES));
  }

  /** dst = the float16 numbers at an offset of eight rows. */
  private void gathered(Vec dst, int part, int offset) {
    Vec halves = dst.as(128);
    a.op(Op.VPXOR, halves, halves, halves);
    for (int row = 0; row < 8; row++) {
      a.op(Op.VPINSRW, halves, halves, rows.at(8 * part + row, offset), row);
    }
    a.op(Op.VCVTPH2PS, dst, halves);
  }

  private void q6(int part) {
    Vec d = g.vec(10);
    if (g.wide()) {
      rows.transposed(g, 194, 0);
      a.shift(Op.VPSRLD, t, g.vec(3), 16);
      half(d, t);
    } else {
      gathered(d, part, 208);
    }
    rows.transposed(g, 192, g.lanes() * part);
    for (int i = 0; i < 16; i++) {
      a.shift(Op.VPSLLD, t, g.vec(i / 4), 24 - i % 4 * 8);
      a.shift(Op.VPSRAD, t, t, 24);
      wholeScale(i, part, d);
    }
  }

  /** See KBlocks: two numbers, then eight scales and eight minimums of six bits in three words. */
  private void k(int part) {
    Vec d = g.vec(10);
    Vec dMin = g.vec(11);
    Vec last = g.vec(3);
    Vec upper = g.vec(4);
    rows.transposed(g, 0, g.lanes() * part);
    if (g.wide()) {
      half(d, g.vec(0));
      a.shift(Op.VPSRLD, t, g.vec(0), 16);
      half(dMin, t);
    } else {
      gathered(d, part, 0);
      gathered(dMin, part, 2);
    }
    for (int kind = 0; kind < 2; kind++) {
      Vec sixes = g.vec(1 + kind);
      a.shift(Op.VPSRLD, upper, sixes, 2);
      form.with(Op.VPAND, upper, upper, 3);
      form.with(Op.VPAND, sixes, sixes, 2);
      if (kind == 1) {
        a.shift(Op.VPSRLD, last, last, 4);
      }
      form.with(Op.VPAND, t, last, 1);
      a.op(Op.VPOR, upper, upper, t);
      for (int i = 0; i < 8; i++) {
        a.shift(Op.VPSRLD, t, i < 4 ? sixes : upper, i % 4 * 8);
        form.with(Op.VPAND, t, t, 4);
        wholeScale(kind * MINIMUM + i, part, kind == 0 ? d : dMin);
      }
    }
  }

  /** The whole numbers in t times a unit. */
  private void wholeScale(int i, int part, Vec unit) {
    a.op(Op.VCVTDQ2PS, t, t);
    a.op(Op.VMULPS, t, t, unit);
    a.store(Op.VMOVUPS_STORE, scale(i, part), t);
  }
}
