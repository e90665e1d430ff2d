package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;

/**
 * {@link Int8Code} for processors without vpdpbusd, with the same results, bit by bit.
 *
 * <p>vpmaddubsw multiplies unsigned with signed bytes and adds two products to one number of 16
 * bits; vpaddw adds up those of a group, and one vpmaddwd by ones widens them, two to a 32-bit
 * number. A pair of products stays below the limit of 32,767, beyond which vpmaddubsw saturates: 63
 * * 127 * 2 is 16,002. Sums of pairs may pass it, but they wrap; and taking away {@code centre *
 * sum x}, which wraps as well, leaves the sum of {@code (u - centre) x}, which fits again where the
 * centre is the middle of the weights:
 *
 * <pre>
 *   4 bits  32 channels:  8 * 127 * 16 = 16,256
 *   5 bits  32 channels: 16 * 127 * 16 = 32,512
 *   6 bits  16 channels: 32 * 127 *  8 = 32,512
 * </pre>
 *
 * <p>Weights of eight bits are {@link WordCode}'s. Sums take all registers, as in {@link DotCode};
 * totals lie in memory behind the arguments.
 */
class MaddCode extends Int8Code {
  private static final int ONES = 128; // 16-bit ones
  private static final int CENTRES = 192; // centre * sum of x, in 16 bits and then in 32
  private static final int TOTALS = CENTRES + 4 * 64;
  static final int ARGUMENTS = TOTALS + 28 * 64;

  /** The middle is 2 to this power, 0 where none is needed. */
  private final int centreShift;

  MaddCode(Geometry geometry, WeightForm form, int rows) {
    super(geometry, form, rows);
    centreShift = !form.minimums() ? form.offsetShift() : form.bits() < 5 ? 0 : form.bits() - 1;
  }

  /** The code for weights of this form. */
  static Assembler assemble(Geometry geometry, WeightForm form) {
    MaddCode code = new MaddCode(geometry, form, geometry.floatRows());
    QuantizeCode.constant(code.a, geometry.vec(0), 0x00010001);
    code.a.store(Op.VMOVUPS_STORE, RDI.at(ONES), geometry.vec(0));
    code.tiles();
    return code.a;
  }

  @Override
  Vec x(int v) {
    return g.vec(rows * vectors + v);
  }

  @Override
  Vec weight() {
    return g.vec((rows + 1) * vectors);
  }

  final Vec product() {
    return g.vec((rows + 1) * vectors + 1);
  }

  final Mem totalAt(int r, int v) {
    return RDI.at(TOTALS + (r * vectors + v) * vectorBytes);
  }

  @Override
  final void clear() {
    a.op(Op.VPXOR, x(0), x(0), x(0));
    forEach((r, v) -> a.store(Op.VMOVUPS_STORE, totalAt(r, v), x(0)));
  }

  @Override
  final void start(int part) {
    // The first products of a group are its first sums.
  }

  @Override
  void multiply(int part) {
    for (int step = 0; step < form.group() / 4; step++) {
      int at = part * form.group() / 4 + step;
      for (int v = 0; v < vectors; v++) {
        a.op(Op.VMOVUPS, x(v), RCX.at(at * g.step() + v * vectorBytes));
      }
      rows(Op.VPMADDUBSW, Op.VPADDW, step == 0, 4 * at);
      fetch(at);
    }
  }

  /** Sums += x times the weights at an offset of all rows. */
  final void rows(Op multiply, Op add, boolean first, int offset) {
    for (int r = 0; r < rows; r++) {
      a.op(Op.VPBROADCASTD, weight(), R9.at(r * stride() + offset));
      for (int v = 0; v < vectors; v++) {
        a.op(multiply, first ? sum(r, v) : product(), weight(), x(v));
        if (!first) {
          a.op(add, sum(r, v), sum(r, v), product());
        }
      }
    }
  }

  /** Step {@code at} of eight: the rows whose turn it is. */
  final void fetch(int at) {
    for (int r = at; r < rows; r += 8) {
      fetch.row();
    }
  }

  @Override
  void scale(int part) {
    for (int v = 0; v < vectors; v++) {
      sumsOfX(part, v);
    }
    if (!form.minimums()) {
      a.op(Op.VMOVUPS, product(), RDI.at(ONES));
    }
    for (int r = 0; r < rows; r++) {
      a.op(Op.VBROADCASTSS, weight(), RAX.at(r * form.scaleStride() + 4 * part));
      for (int v = 0; v < vectors; v++) {
        if (form.minimums()) {
          scaleWithMinimum(part, r, v);
        } else {
          a.op(Op.VPSUBW, sum(r, v), sum(r, v), x(v));
          a.op(Op.VPMADDWD, sum(r, v), sum(r, v), product());
          addScaled(r, v);
        }
      }
    }
  }

  /** total += scale * sum. */
  final void addScaled(int r, int v) {
    a.op(Op.VCVTDQ2PS, sum(r, v), sum(r, v));
    a.op(Op.VFMADD213PS, sum(r, v), weight(), totalAt(r, v));
    a.store(Op.VMOVUPS_STORE, totalAt(r, v), sum(r, v));
  }

  /** x = centre * sum of x in 16 bits; with minimums the sum of x itself in float32. */
  private void sumsOfX(int part, int v) {
    a.op(Op.VMOVUPS, x(v), R11.at(part * g.step() + v * vectorBytes));
    if (form.group() == 32) {
      a.op(Op.VPADDW, x(v), x(v), R11.at(g.step() + v * vectorBytes));
    }
    if (!form.minimums()) {
      a.shift(Op.VPSLLW, x(v), x(v), centreShift);
      return;
    }
    if (centreShift > 0) {
      a.shift(Op.VPSLLW, product(), x(v), centreShift);
      a.store(Op.VMOVUPS_STORE, centre(v), product());
    }
    a.op(Op.VPMADDWD, x(v), x(v), RDI.at(ONES));
    if (centreShift > 0) {
      a.shift(Op.VPSLLD, product(), x(v), centreShift);
      a.store(Op.VMOVUPS_STORE, centre(vectors + v), product());
    }
    a.op(Op.VCVTDQ2PS, x(v), x(v));
  }

  private Mem centre(int i) {
    return RDI.at(CENTRES + i * vectorBytes);
  }

  /** total = total - minimum * sum of x + scale * sum. */
  private void scaleWithMinimum(int part, int r, int v) {
    Vec s = sum(r, v);
    if (centreShift > 0) {
      a.op(Op.VPSUBW, s, s, centre(v));
    }
    a.op(Op.VPMADDWD, s, s, RDI.at(ONES));
    if (centreShift > 0) {
      a.op(Op.VPADDD, s, s, centre(vectors + v));
    }
    a.op(Op.VCVTDQ2PS, s, s);
    int at = r * form.scaleStride() + form.minimumsAt() + 4 * part;
    a.op(Op.VBROADCASTSS, product(), RAX.at(at));
    a.op(Op.VFNMADD213PS, product(), x(v), totalAt(r, v));
    a.op(Op.VFMADD231PS, product(), s, weight());
    a.store(Op.VMOVUPS_STORE, totalAt(r, v), product());
  }

  @Override
  final void addTotal(Vec dst, Vec xScale, int r, int v) {
    a.op(Op.VFMADD231PS, dst, xScale, totalAt(r, v));
  }
}
