package llada.kernel.machine;

import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;

/**
 * One instruction over and over on registers alone: what the machine can do at most. Sixteen
 * independent sums (twelve at 256 bits) hide the latency.
 */
final class PeakCode {
  static final int ROUNDS = 0;
  static final int ARGUMENTS = 8;

  private PeakCode() {}

  /** Instructions in a round. */
  static int instructions(int bits) {
    return bits == 512 ? 16 : 12;
  }

  static Assembler assemble(Op op, int bits) {
    Assembler a = new Assembler();
    int sums = instructions(bits);
    Label round = new Label("round");
    a.mov(RCX, RDI.at(ROUNDS));
    for (int i = 0; i < sums + 2; i++) {
      Vec v = new Vec(i, bits);
      a.op(Op.VPXOR, v, v, v);
    }
    a.bind(round);
    for (int i = 0; i < sums; i++) {
      a.op(op, new Vec(i, bits), new Vec(sums, bits), new Vec(sums + 1, bits));
    }
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, round);
    a.vzeroupper();
    a.ret();
    return a;
  }
}
