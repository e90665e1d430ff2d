package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

/**
 * Rows of a matrix to a panel as wide as a tile, without transposing: what {@link DotCode} reads as
 * channels of tokens are here terms of sums over tokens. In bfloat16 two rows go to one, number by
 * number, as vdpbf16ps wants pairs; rounded to the nearest, ties to even.
 */
final class PanelCode {
  static final int SOURCE = 0; // float32, width of each row
  static final int STRIDE = 8; // bytes from row to row
  static final int TARGET = 16; // (count, width)
  static final int COUNT = 24; // rows, or pairs of rows
  static final int ARGUMENTS = 32;

  private PanelCode() {}

  static Assembler assemble(Geometry g, boolean bf16) {
    Assembler a = new Assembler();
    int vectorBytes = g.bits() / 8;
    Label round = new Label("row");
    a.mov(RSI, RDI.at(SOURCE));
    a.mov(R8, RDI.at(STRIDE));
    a.mov(RDX, RDI.at(TARGET));
    a.mov(RCX, RDI.at(COUNT));
    a.bind(round);
    if (bf16) {
      a.mov(R9, RSI);
      a.add(R9, R8);
    }
    for (int v = 0; v < g.vectors(); v++) {
      Vec even = g.vec(2 * v);
      Vec odd = g.vec(2 * v + 1);
      a.op(Op.VMOVUPS, even, RSI.at(v * vectorBytes));
      if (bf16) {
        a.op(Op.VMOVUPS, odd, R9.at(v * vectorBytes));
        PairCode.pair(a, g, even, odd);
      }
      a.store(Op.VMOVUPS_STORE, RDX.at(v * vectorBytes), even);
    }
    a.add(RSI, R8);
    if (bf16) {
      a.add(RSI, R8);
    }
    a.add(RDX, g.step());
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, round);
    a.vzeroupper();
    a.ret();
    return a;
  }
}
