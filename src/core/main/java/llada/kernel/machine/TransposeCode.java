package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;

/**
 * Transposes squares of 32-bit numbers, as wide as a vector: dst[j][i] = src[i][j].
 *
 * <p>Every row of source and destination has its own address, so that a missing row can point to
 * anything that may be read (or written); where all are evenly spaced, the first and the distance
 * do, since what Java stores for a call takes longer than the call until that Java is compiled.
 */
final class TransposeCode {
  static final int COUNT = 0; // squares
  static final int SOURCE_STEP = 8; // bytes from one square to the next
  static final int TARGET_STEP = 16;
  static final int SOURCE = 24; // of evenly spaced rows: the first, and bytes from each to the next
  static final int SOURCE_ROW = 32;
  static final int TARGET = 40;
  static final int TARGET_ROW = 48;
  static final int SOURCES = 56; // an address for each row, then one for each row of the target

  private TransposeCode() {}

  static int targets(Geometry g) {
    return SOURCES + 8 * g.lanes();
  }

  static int arguments(Geometry g) {
    return SOURCES + 16 * g.lanes();
  }

  /**
   * The code.
   *
   * @param even whether rows are evenly spaced; it then finds their addresses itself
   */
  static Assembler assemble(Geometry g, boolean even) {
    Assembler a = new Assembler();
    Label square = new Label("square");
    if (even) {
      addresses(a, g, SOURCE, SOURCES);
      addresses(a, g, TARGET, targets(g));
    }
    a.mov(RCX, RDI.at(COUNT));
    a.mov(R10, 0);
    a.mov(R11, 0);
    a.bind(square);
    square(a, g);
    a.add(R10, RDI.at(SOURCE_STEP));
    a.add(R11, RDI.at(TARGET_STEP));
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, square);
    a.vzeroupper();
    a.ret();
    return a;
  }

  private static void addresses(Assembler a, Geometry g, int first, int to) {
    a.mov(RAX, RDI.at(first));
    for (int i = 0; i < g.lanes(); i++) {
      a.mov(RDI.at(to + 8 * i), RAX);
      a.add(RAX, RDI.at(first + 8));
    }
  }

  private static void square(Assembler a, Geometry g) {
    int quads = g.lanes() / 4; // groups of four rows
    int middle = g.wide() ? 16 : 8; // the registers between the two stages
    for (int quad = 0; quad < quads; quad++) {
      for (int i = 0; i < 4; i++) {
        a.mov(RAX, RDI.at(SOURCES + 8 * (4 * quad + i)));
        a.add(RAX, R10);
        a.op(Op.VMOVUPS, g.vec(i), RAX.at(0));
      }
      fours(a, g, middle + 4 * quad);
    }
    // Now 128-bit piece p of register (quad, j) holds column 4p + j of the quad's rows.
    for (int j = 0; j < 4; j++) {
      if (g.wide()) {
        quarters(a, middle + j, 4, 0);
      } else {
        a.op(Op.VPERM2F128, g.vec(4), g.vec(middle + j), g.vec(middle + 4 + j), 0x20);
        a.op(Op.VPERM2F128, g.vec(5), g.vec(middle + j), g.vec(middle + 4 + j), 0x31);
      }
      for (int p = 0; p < quads; p++) {
        a.mov(R8, RDI.at(targets(g) + 8 * (4 * p + j)));
        a.add(R8, R11);
        a.store(Op.VMOVUPS_STORE, R8.at(0), g.vec(4 + p));
      }
    }
  }

  /**
   * Of four registers, {@code stride} apart, the 128-bit pieces as a square: piece p of each to
   * register {@code to} + 4 + p. Those from {@code to} on are lost.
   */
  static void quarters(Assembler a, int first, int stride, int to) {
    Vec q0 = Vec.zmm(first);
    Vec q1 = Vec.zmm(first + stride);
    Vec q2 = Vec.zmm(first + 2 * stride);
    Vec q3 = Vec.zmm(first + 3 * stride);
    a.op(Op.VSHUFF32X4, Vec.zmm(to), q0, q1, 0x44);
    a.op(Op.VSHUFF32X4, Vec.zmm(to + 1), q2, q3, 0x44);
    a.op(Op.VSHUFF32X4, Vec.zmm(to + 2), q0, q1, 0xEE);
    a.op(Op.VSHUFF32X4, Vec.zmm(to + 3), q2, q3, 0xEE);
    for (int i = 0; i < 4; i++) {
      Vec lower = Vec.zmm(to + i / 2 * 2);
      a.op(
          Op.VSHUFF32X4,
          Vec.zmm(to + 4 + i),
          lower,
          Vec.zmm(to + i / 2 * 2 + 1),
          i % 2 == 0 ? 0x88 : 0xDD);
    }
  }

  /** Within each 128 bits of registers 0 to 3: four rows by four columns; 4 to 7 are lost. */
  static void fours(Assembler a, Geometry g, int to) {
    a.op(Op.VUNPCKLPS, g.vec(4), g.vec(0), g.vec(1));
    a.op(Op.VUNPCKHPS, g.vec(5), g.vec(0), g.vec(1));
    a.op(Op.VUNPCKLPS, g.vec(6), g.vec(2), g.vec(3));
    a.op(Op.VUNPCKHPS, g.vec(7), g.vec(2), g.vec(3));
    a.op(Op.VSHUFPS, g.vec(to), g.vec(4), g.vec(6), 0x44);
    a.op(Op.VSHUFPS, g.vec(to + 1), g.vec(4), g.vec(6), 0xEE);
    a.op(Op.VSHUFPS, g.vec(to + 2), g.vec(5), g.vec(7), 0x44);
    a.op(Op.VSHUFPS, g.vec(to + 3), g.vec(5), g.vec(7), 0xEE);
  }
}
