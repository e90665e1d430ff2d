package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RSI;

import java.util.Arrays;

/**
 * One tile of the online softmax (Milakov and Gimelshein 2018), for a panel of queries: scores
 * become weights relative to the running maximum, and what was summed before is brought to it.
 *
 * <pre>
 *   s = score * scale              m' = max(m, max s)        w = exp(s - m')
 *   total = total * exp(m - m') + sum w                      sums = sums * exp(m - m')
 * </pre>
 *
 * <p>The running maximum starts at {@link #NOTHING} in place of minus infinity, so that scores that
 * are all minus infinity give weights of 0, not NaN.
 */
final class SoftmaxCode {
  static final float NOTHING = -3e38f;

  static final int SCORES = 0; // (keys, width); overwritten with weights
  static final int KEYS = 8; // at least 1
  static final int STATE = 16; // (2, width): running maximum, then total
  static final int SUMS = 24; // (rows, width)
  static final int ROWS = 32; // at least 1
  static final int SCALE = 40; // the bits of a float32
  static final int EXP = 48; // ExpCode.TABLE

  private SoftmaxCode() {}

  static Assembler assemble(Geometry g) {
    Assembler a = new Assembler();
    int vectors = g.vectors();
    int vectorBytes = g.bits() / 8;
    Vec s = g.vec(0);
    Vec weight = g.vec(1);
    ExpCode exp = new ExpCode(a, R9, g.vec(2));
    Vec scale = g.vec(5);
    Vec[] max = registers(g, 6);
    Vec[] total = registers(g, 6 + vectors);
    Vec[] shrink = registers(g, 6 + 2 * vectors);
    Label largest = new Label("largest");
    Label weights = new Label("weights");
    Label sums = new Label("sums");
    a.mov(R8, RDI.at(STATE));
    a.mov(R9, RDI.at(EXP));
    a.mov(RAX, RDI.at(SCALE));
    a.vmovd(Vec.xmm(scale.number()), RAX);
    a.op(Op.VBROADCASTSS, scale, Vec.xmm(scale.number()));
    for (int v = 0; v < vectors; v++) {
      a.op(Op.VMOVUPS, max[v], R8.at(v * vectorBytes));
    }
    a.mov(RSI, RDI.at(SCORES));
    a.mov(RCX, RDI.at(KEYS));
    a.bind(largest);
    for (int v = 0; v < vectors; v++) {
      a.op(Op.VMULPS, s, scale, RSI.at(v * vectorBytes));
      a.store(Op.VMOVUPS_STORE, RSI.at(v * vectorBytes), s);
      a.op(Op.VMAXPS, max[v], max[v], s);
    }
    next(a, g, RSI, RCX, largest);
    for (int v = 0; v < vectors; v++) {
      a.op(Op.VMOVUPS, s, R8.at(v * vectorBytes));
      a.op(Op.VSUBPS, s, s, max[v]);
      exp.emit(shrink[v], s);
      a.op(Op.VPXOR, total[v], total[v], total[v]);
    }
    a.mov(RSI, RDI.at(SCORES));
    a.mov(RCX, RDI.at(KEYS));
    a.bind(weights);
    for (int v = 0; v < vectors; v++) {
      a.op(Op.VMOVUPS, s, RSI.at(v * vectorBytes));
      a.op(Op.VSUBPS, s, s, max[v]);
      exp.emit(weight, s);
      a.op(Op.VADDPS, total[v], total[v], weight);
      a.store(Op.VMOVUPS_STORE, RSI.at(v * vectorBytes), weight);
    }
    next(a, g, RSI, RCX, weights);
    for (int v = 0; v < vectors; v++) {
      Mem before = R8.at(g.step() + v * vectorBytes);
      a.store(Op.VMOVUPS_STORE, R8.at(v * vectorBytes), max[v]);
      a.op(Op.VFMADD231PS, total[v], shrink[v], before);
      a.store(Op.VMOVUPS_STORE, before, total[v]);
    }
    multiply(a, g, shrink, sums);
    return a;
  }

  /** The end: sums = sums / total, or 0 where no key was seen. Else the total is at least 1. */
  static Assembler normalize(Geometry g) {
    Assembler a = new Assembler();
    Vec least = g.vec(0);
    Vec one = g.vec(1);
    Vec[] inverse = registers(g, 6);
    QuantizeCode.constant(a, least, Float.floatToRawIntBits(Float.MIN_NORMAL));
    QuantizeCode.constant(a, one, Float.floatToRawIntBits(1));
    a.mov(R8, RDI.at(STATE));
    for (int v = 0; v < g.vectors(); v++) {
      a.op(Op.VMAXPS, inverse[v], least, R8.at(g.step() + v * g.bits() / 8)); // NaN stays
      a.op(Op.VDIVPS, inverse[v], one, inverse[v]);
    }
    multiply(a, g, inverse, new Label("sums"));
    return a;
  }

  private static Vec[] registers(Geometry g, int first) {
    Vec[] registers = new Vec[g.vectors()];
    Arrays.setAll(registers, v -> g.vec(first + v));
    return registers;
  }

  /** Sums times a factor of each query, and the return. */
  private static void multiply(Assembler a, Geometry g, Vec[] factors, Label row) {
    Vec s = g.vec(0);
    a.mov(RSI, RDI.at(SUMS));
    a.mov(RCX, RDI.at(ROWS));
    a.bind(row);
    for (int v = 0; v < g.vectors(); v++) {
      Mem sum = RSI.at(v * g.bits() / 8);
      a.op(Op.VMULPS, s, factors[v], sum);
      a.store(Op.VMOVUPS_STORE, sum, s);
    }
    next(a, g, RSI, RCX, row);
    a.vzeroupper();
    a.ret();
  }

  private static void next(Assembler a, Geometry g, Gpr row, Gpr count, Label label) {
    a.add(row, g.step());
    a.sub(count, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, label);
  }
}
