package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

/** out = up * gate / (1 + exp(-gate)), a run of whole vectors; out may be gate or up. */
final class SwiGluCode {
  static final int OUT = 0;
  static final int GATE = 8;
  static final int UP = 16;
  static final int VECTORS = 24;
  static final int EXP = 32; // ExpCode.TABLE

  private SwiGluCode() {}

  static Assembler assemble(int bits) {
    Assembler a = new Assembler();
    Vec z = new Vec(0, bits);
    Vec minus = new Vec(1, bits);
    Vec e = new Vec(2, bits);
    ExpCode exp = new ExpCode(a, R9, new Vec(3, bits));
    Label next = new Label("next");
    a.mov(RSI, RDI.at(GATE));
    a.mov(RDX, RDI.at(UP));
    a.mov(R8, RDI.at(OUT));
    a.mov(R9, RDI.at(EXP));
    a.mov(RCX, RDI.at(VECTORS));
    a.bind(next);
    a.op(Op.VMOVUPS, z, RSI.at(0));
    a.op(Op.VPXOR, minus, minus, minus);
    a.op(Op.VSUBPS, minus, minus, z);
    exp.emit(e, minus);
    a.op(Op.VADDPS, e, e, exp.one());
    a.op(Op.VDIVPS, z, z, e);
    a.op(Op.VMULPS, z, z, RDX.at(0));
    a.store(Op.VMOVUPS_STORE, R8.at(0), z);
    a.add(RSI, bits / 8);
    a.add(RDX, bits / 8);
    a.add(R8, bits / 8);
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, next);
    a.vzeroupper();
    a.ret();
    return a;
  }
}
