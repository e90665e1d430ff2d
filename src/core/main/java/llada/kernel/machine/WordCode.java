package llada.kernel.machine;

import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;

/**
 * {@link MaddCode} for weights of eight bits, of which 16 have no room for two pairs of products.
 * vpmaddwd multiplies pairs of 16-bit numbers and adds them to one of 32 bits: weights are expanded
 * to such, signed, and the bytes of x widened once a call. Of every four channels the first and the
 * third are a pair, then the second and the fourth, so that two shifts widen.
 */
final class WordCode extends MaddCode {
  /** Where the widened x is, behind the totals. */
  private static final int WIDE = MaddCode.ARGUMENTS;

  static final int ARGUMENTS = WIDE + 2 * Geometry.INT8_DEPTH * 32;

  private WordCode(Geometry geometry, WeightForm form) {
    super(geometry, form, geometry.floatRows());
  }

  /** The code for weights of this form. */
  static Assembler assemble(Geometry geometry, WeightForm form) {
    WordCode code = new WordCode(geometry, form);
    code.widen();
    code.tiles();
    return code.a;
  }

  @Override
  int bytesOfGroup() {
    return 64;
  }

  private void widen() {
    Label group = new Label("widen");
    a.mov(RCX, RDI.at(X));
    a.mov(RDX, RDI);
    a.add(RDX, WIDE);
    a.mov(RDI.at(X), RDX);
    a.mov(RAX, RDI.at(GROUPS));
    a.bind(group);
    for (int i = 0; i < 8 * vectors; i++) {
      int to = i / vectors * 2 * g.step() + i % vectors * vectorBytes;
      a.op(Op.VMOVUPS, g.vec(1), RCX.at(i * vectorBytes));
      a.shift(Op.VPSLLW, g.vec(0), g.vec(1), 8);
      a.shift(Op.VPSRAW, g.vec(0), g.vec(0), 8);
      a.shift(Op.VPSRAW, g.vec(1), g.vec(1), 8);
      a.store(Op.VMOVUPS_STORE, RDX.at(to), g.vec(0));
      a.store(Op.VMOVUPS_STORE, RDX.at(to + g.step()), g.vec(1));
    }
    a.add(RCX, 8 * g.step());
    a.add(RDX, 16 * g.step());
    a.sub(RAX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, group);
  }

  @Override
  void multiply(int part) {
    for (int half = 0; half < 16; half++) {
      for (int v = 0; v < vectors; v++) {
        a.op(Op.VMOVUPS, x(v), RCX.at(half * g.step() + v * vectorBytes));
      }
      rows(Op.VPMADDWD, Op.VPADDD, half == 0, half % 2 * 32 + half / 2 * 4);
      if (half % 2 == 0) {
        fetch(half / 2);
      }
    }
    a.add(RCX, 8 * g.step()); // and as much for each group
  }

  @Override
  void scale(int part) {
    for (int r = 0; r < rows; r++) {
      a.op(Op.VBROADCASTSS, weight(), RAX.at(r * form.scaleStride()));
      for (int v = 0; v < vectors; v++) {
        addScaled(r, v);
      }
    }
  }
}
