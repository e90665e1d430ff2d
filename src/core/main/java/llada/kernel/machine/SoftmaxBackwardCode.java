package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

/**
 * Probabilities of one vector of queries over all keys, and the gradients of their scores.
 *
 * <pre>
 *   p = softmax(score * scale + bias)        ds = p * (dp - sum p dp) * scale
 * </pre>
 *
 * <p>The maximum starts at {@link SoftmaxCode#NOTHING}; the largest exponential is 1, so that a sum
 * below 1 is that of a query whose keys are all hidden, and is taken for 1.
 */
final class SoftmaxBackwardCode {
  static final int SCORES = 0; // (keys, width); overwritten with p
  static final int DP = 8; // (keys, width); overwritten with ds
  static final int KEYS = 16; // at least 1
  static final int BIAS = 24; // float32 (keys): 0, or minus infinity for a hidden key
  static final int SCALE = 32; // the bits of a float32
  static final int LEAST = 40; // the bits of NOTHING
  static final int EXP = 48; // ExpCode.TABLE

  private SoftmaxBackwardCode() {}

  static Assembler assemble(Geometry g) {
    Assembler a = new Assembler();
    Vec max = g.vec(0);
    Vec scale = g.vec(1);
    Vec total = g.vec(2);
    Vec mean = g.vec(3);
    Vec s = g.vec(4);
    Vec p = g.vec(5);
    ExpCode exp = new ExpCode(a, R9, g.vec(6));
    a.mov(R9, RDI.at(EXP));
    broadcast(a, scale, SCALE);
    broadcast(a, max, LEAST);
    Label largest = new Label("largest");
    a.mov(R10, RDI.at(BIAS));
    start(a, largest);
    a.op(Op.VMULPS, s, scale, RSI.at(0));
    a.op(Op.VBROADCASTSS, p, R10.at(0));
    a.op(Op.VADDPS, s, s, p);
    a.store(Op.VMOVUPS_STORE, RSI.at(0), s);
    a.op(Op.VMAXPS, max, max, s);
    a.add(R10, 4);
    next(a, g, largest);
    Label exponentials = new Label("exponentials");
    a.op(Op.VPXOR, total, total, total);
    a.op(Op.VPXOR, mean, mean, mean);
    start(a, exponentials);
    a.op(Op.VMOVUPS, s, RSI.at(0));
    a.op(Op.VSUBPS, s, s, max);
    exp.emit(p, s);
    a.op(Op.VADDPS, total, total, p);
    a.op(Op.VFMADD231PS, mean, p, RDX.at(0));
    a.store(Op.VMOVUPS_STORE, RSI.at(0), p);
    next(a, g, exponentials);
    Label gradients = new Label("gradients");
    a.op(Op.VMOVUPS, s, exp.one());
    a.op(Op.VMAXPS, total, s, total); // the second operand where either is NaN
    a.op(Op.VDIVPS, total, s, total);
    a.op(Op.VMULPS, mean, mean, total);
    start(a, gradients);
    a.op(Op.VMULPS, p, total, RSI.at(0));
    a.store(Op.VMOVUPS_STORE, RSI.at(0), p);
    a.op(Op.VMOVUPS, s, RDX.at(0));
    a.op(Op.VSUBPS, s, s, mean);
    a.op(Op.VMULPS, s, s, p);
    a.op(Op.VMULPS, s, s, scale);
    a.store(Op.VMOVUPS_STORE, RDX.at(0), s);
    next(a, g, gradients);
    a.vzeroupper();
    a.ret();
    return a;
  }

  private static void broadcast(Assembler a, Vec to, int argument) {
    a.mov(RAX, RDI.at(argument));
    a.vmovd(Vec.xmm(to.number()), RAX);
    a.op(Op.VBROADCASTSS, to, Vec.xmm(to.number()));
  }

  private static void start(Assembler a, Label loop) {
    a.mov(RSI, RDI.at(SCORES));
    a.mov(RDX, RDI.at(DP));
    a.mov(RCX, RDI.at(KEYS));
    a.bind(loop);
  }

  private static void next(Assembler a, Geometry g, Label loop) {
    a.add(RSI, g.step());
    a.add(RDX, g.step());
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, loop);
  }
}
