package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

/**
 * With s = 1 / (1 + exp(-gate)): dUp = dOut * gate * s, dGate = dOut * up * (s + gate * s * (1 -
 * s)); a run of whole vectors. Outputs may be inputs.
 */
final class SwiGluBackwardCode {
  static final int D_GATE = 0;
  static final int D_UP = 8;
  static final int D_OUT = 16;
  static final int GATE = 24;
  static final int UP = 32;
  static final int VECTORS = 40;
  static final int EXP = 48; // ExpCode.TABLE

  private SwiGluBackwardCode() {}

  static Assembler assemble(int bits) {
    Assembler a = new Assembler();
    Vec silu = new Vec(0, bits);
    Vec s = new Vec(1, bits);
    Vec e = new Vec(2, bits);
    Vec slope = new Vec(6, bits);
    Vec d = new Vec(7, bits);
    Vec up = new Vec(8, bits);
    ExpCode exp = new ExpCode(a, R9, new Vec(3, bits));
    Label next = new Label("next");
    a.mov(RSI, RDI.at(GATE));
    a.mov(RDX, RDI.at(UP));
    a.mov(R8, RDI.at(D_OUT));
    a.mov(R10, RDI.at(D_GATE));
    a.mov(R11, RDI.at(D_UP));
    a.mov(R9, RDI.at(EXP));
    a.mov(RCX, RDI.at(VECTORS));
    a.bind(next);
    a.op(Op.VMOVUPS, silu, RSI.at(0));
    a.op(Op.VPXOR, s, s, s);
    a.op(Op.VSUBPS, s, s, silu);
    exp.emit(e, s);
    a.op(Op.VADDPS, e, e, exp.one());
    a.op(Op.VMOVUPS, s, exp.one());
    a.op(Op.VDIVPS, s, s, e);
    a.op(Op.VMULPS, silu, silu, s);
    a.op(Op.VMOVUPS, slope, exp.one());
    a.op(Op.VSUBPS, slope, slope, s);
    a.op(Op.VFMADD213PS, slope, silu, s);
    a.op(Op.VMOVUPS, d, R8.at(0));
    a.op(Op.VMOVUPS, up, RDX.at(0));
    a.op(Op.VMULPS, silu, silu, d);
    a.op(Op.VMULPS, slope, slope, d);
    a.op(Op.VMULPS, slope, slope, up);
    a.store(Op.VMOVUPS_STORE, R11.at(0), silu);
    a.store(Op.VMOVUPS_STORE, R10.at(0), slope);
    for (Gpr pointer : new Gpr[] {RSI, RDX, R8, R10, R11}) {
      a.add(pointer, bits / 8);
    }
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, next);
    a.vzeroupper();
    a.ret();
    return a;
  }
}
