package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

/** Sums of a panel to rows of a matrix, which they overwrite or to which they are added. */
final class StoreCode {
  static final int SOURCE = 0; // float32 (rows, width)
  static final int TARGET = 8; // float32, width of each row
  static final int STRIDE = 16; // bytes from row to row of the target
  static final int ROWS = 24;
  static final int ARGUMENTS = 32;

  private StoreCode() {}

  static Assembler assemble(Geometry g, boolean accumulate) {
    Assembler a = new Assembler();
    int vectorBytes = g.bits() / 8;
    Label row = new Label("row");
    a.mov(RSI, RDI.at(SOURCE));
    a.mov(RDX, RDI.at(TARGET));
    a.mov(R8, RDI.at(STRIDE));
    a.mov(RCX, RDI.at(ROWS));
    a.bind(row);
    for (int v = 0; v < g.vectors(); v++) {
      a.op(Op.VMOVUPS, g.vec(v), RSI.at(v * vectorBytes));
      if (accumulate) {
        a.op(Op.VADDPS, g.vec(v), g.vec(v), RDX.at(v * vectorBytes));
      }
      a.store(Op.VMOVUPS_STORE, RDX.at(v * vectorBytes), g.vec(v));
    }
    a.add(RSI, g.step());
    a.add(RDX, R8);
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, row);
    a.vzeroupper();
    a.ret();
    return a;
  }
}
