package llada.kernel.machine;

import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RSI;

/**
 * One instruction over and over, on registers alone or on memory: what the machine can do at most.
 * Sixteen independent sums (twelve at 256 bits) hide the latency.
 */
final class PeakCode {
  static final int ROUNDS = 0;
  static final int ADDRESS = 8; // of the memory that is read
  static final int ARGUMENTS = 16;

  /** Bytes that a round reads. */
  static final int READ = 1024;

  private PeakCode() {}

  /** Instructions in a round. */
  static int instructions(int bits) {
    return bits == 512 ? 16 : 12;
  }

  /** An op that adds to its sum; vpmaddubsw, which does not, is followed by 16-bit additions. */
  static Assembler assemble(Op op, int bits) {
    Assembler a = new Assembler();
    int sums = instructions(bits);
    Vec product = new Vec(sums + 2, bits);
    Label round = new Label("round");
    a.mov(RCX, RDI.at(ROUNDS));
    for (int i = 0; i < sums + 2; i++) {
      Vec v = new Vec(i, bits);
      a.op(Op.VPXOR, v, v, v);
    }
    a.bind(round);
    for (int i = 0; i < sums; i++) {
      Vec sum = new Vec(i, bits);
      boolean adds = op != Op.VPMADDUBSW;
      a.op(op, adds ? sum : product, new Vec(sums, bits), new Vec(sums + 1, bits));
      if (!adds) {
        a.op(Op.VPADDW, sum, sum, product);
      }
    }
    end(a, round);
    return a;
  }

  /** Loads, one after the other. */
  static Assembler read(int bits) {
    Assembler a = new Assembler();
    Label round = new Label("round");
    a.mov(RCX, RDI.at(ROUNDS));
    a.mov(RSI, RDI.at(ADDRESS));
    a.bind(round);
    for (int at = 0; at < READ; at += bits / 8) {
      a.op(Op.VMOVUPS, new Vec(at / (bits / 8) % 16, bits), RSI.at(at));
    }
    a.add(RSI, READ);
    end(a, round);
    return a;
  }

  private static void end(Assembler a, Label round) {
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, round);
    a.vzeroupper();
    a.ret();
  }
}
