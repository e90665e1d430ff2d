package llada.kernel.machine;

import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

/**
 * Activations to bfloat16, for one vector of tokens: channels 2j and 2j + 1 of a token go to one
 * 32-bit number, as vdpbf16ps wants them. Rounds to the nearest, ties to even. AVX-512 only.
 */
final class PairCode {
  static final int SOURCE = 0; // float32 (2 * pairs, width)
  static final int TARGET = 8; // out (pairs, width, 2) bfloat16
  static final int PAIRS = 16;
  static final int ARGUMENTS = 24;

  private PairCode() {}

  static Assembler assemble(Geometry g) {
    Assembler a = new Assembler();
    Vec even = g.vec(0);
    Vec odd = g.vec(1);
    Label pair = new Label("pair");
    a.mov(RSI, RDI.at(SOURCE));
    a.mov(RDX, RDI.at(TARGET));
    a.mov(RCX, RDI.at(PAIRS));
    a.bind(pair);
    a.op(Op.VMOVUPS, even, RSI.at(0));
    a.op(Op.VMOVUPS, odd, RSI.at(g.step()));
    pair(a, g, even, odd);
    a.store(Op.VMOVUPS_STORE, RDX.at(0), even);
    a.add(RSI, 2 * g.step());
    a.add(RDX, g.step());
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, pair);
    a.vzeroupper();
    a.ret();
    return a;
  }

  /** even = both rounded, even's numbers in the lower and odd's in the upper halves. */
  static void pair(Assembler a, Geometry g, Vec even, Vec odd) {
    int half = g.bits() / 2;
    a.op(Op.VCVTNEPS2BF16, even.as(half), even);
    a.op(Op.VCVTNEPS2BF16, odd.as(half), odd);
    a.op(Op.VPMOVZXWD, even, even.as(half));
    a.op(Op.VPMOVZXWD, odd, odd.as(half));
    a.shift(Op.VPSLLD, odd, odd, 16);
    a.op(Op.VPOR, even, even, odd);
  }
}
