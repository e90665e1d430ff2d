package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RSI;

/**
 * One tile of the online softmax (Milakov and Gimelshein 2018), for one vector of queries: scores
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
    Vec before = g.vec(0);
    Vec max = g.vec(1);
    Vec scale = g.vec(2);
    Vec total = g.vec(3);
    Vec s = g.vec(4);
    Vec weight = g.vec(5);
    Vec shrink = g.vec(6);
    ExpCode exp = new ExpCode(a, R9, g.vec(7));
    Label largest = new Label("largest");
    Label weights = new Label("weights");
    a.mov(R8, RDI.at(STATE));
    a.mov(R9, RDI.at(EXP));
    a.mov(RAX, RDI.at(SCALE));
    a.vmovd(Vec.xmm(scale.number()), RAX);
    a.op(Op.VBROADCASTSS, scale, Vec.xmm(scale.number()));
    a.op(Op.VMOVUPS, before, R8.at(0));
    a.op(Op.VMOVUPS, max, before);
    a.mov(RSI, RDI.at(SCORES));
    a.mov(RCX, RDI.at(KEYS));
    a.bind(largest);
    a.op(Op.VMULPS, s, scale, RSI.at(0));
    a.store(Op.VMOVUPS_STORE, RSI.at(0), s);
    a.op(Op.VMAXPS, max, max, s);
    a.add(RSI, g.step());
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, largest);
    a.op(Op.VSUBPS, s, before, max);
    exp.emit(shrink, s);
    a.op(Op.VPXOR, total, total, total);
    a.mov(RSI, RDI.at(SCORES));
    a.mov(RCX, RDI.at(KEYS));
    a.bind(weights);
    a.op(Op.VMOVUPS, s, RSI.at(0));
    a.op(Op.VSUBPS, s, s, max);
    exp.emit(weight, s);
    a.op(Op.VADDPS, total, total, weight);
    a.store(Op.VMOVUPS_STORE, RSI.at(0), weight);
    a.add(RSI, g.step());
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, weights);
    a.store(Op.VMOVUPS_STORE, R8.at(0), max);
    a.op(Op.VFMADD231PS, total, shrink, R8.at(g.step()));
    a.store(Op.VMOVUPS_STORE, R8.at(g.step()), total);
    multiply(a, g, shrink);
    return a;
  }

  /** The end: sums = sums / total, or 0 where no key was seen. Else the total is at least 1. */
  static Assembler normalize(Geometry g) {
    Assembler a = new Assembler();
    Vec factor = g.vec(1);
    QuantizeCode.constant(a, factor, Float.floatToRawIntBits(Float.MIN_NORMAL));
    QuantizeCode.constant(a, g.vec(2), Float.floatToRawIntBits(1));
    a.mov(R8, RDI.at(STATE));
    a.op(Op.VMAXPS, factor, factor, R8.at(g.step())); // NaN stays
    a.op(Op.VDIVPS, factor, g.vec(2), factor);
    multiply(a, g, factor);
    return a;
  }

  /** Sums times a factor of each query, and the return. */
  private static void multiply(Assembler a, Geometry g, Vec factor) {
    Vec s = g.vec(0);
    Label sums = new Label("sums");
    a.mov(R10, RDI.at(SUMS));
    a.mov(R11, RDI.at(ROWS));
    a.bind(sums);
    a.op(Op.VMULPS, s, factor, R10.at(0));
    a.store(Op.VMOVUPS_STORE, R10.at(0), s);
    a.add(R10, g.step());
    a.sub(R11, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, sums);
    a.vzeroupper();
    a.ret();
  }
}
