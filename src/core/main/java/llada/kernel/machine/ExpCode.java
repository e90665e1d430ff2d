package llada.kernel.machine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * exp on all lanes, emitted into other kernels: 2^n * exp(r) with n = round(x / ln 2) and r = x - n
 * ln 2, exp(r) by its Taylor series to r^7, as in {@code llada.kernel.simd.Exp}.
 *
 * <p>The constants are whole vectors in memory, since 16 registers would not hold them.
 */
final class ExpCode {
  private static final float LN2_HIGH = 0x1.62ep-1f;
  private static final float LOWEST = -87f;

  /** Slightly more than exp(LOWEST): taken away, so that what is lower gives 0. */
  private static final float CUT = 1.66e-38f;

  private static final float[] CONSTANTS = {
    LOWEST,
    88f, // above it exp stays at exp(88), short of overflow
    (float) (1 / Math.log(2)),
    0x1.8p23f, // adding it rounds to an integer, which then stands in the low bits
    -LN2_HIGH,
    -(float) (Math.log(2) - LN2_HIGH),
    CUT,
    1f,
    0.5f,
    1f / 6,
    1f / 24,
    1f / 120,
    1f / 720,
    1f / 5040
  };

  private static final int LOW = 0;
  private static final int HIGH = 1;
  private static final int PER_LN2 = 2;
  private static final int ROUND = 3;
  private static final int MINUS_LN2_HIGH = 4;
  private static final int MINUS_LN2_LOW = 5;
  private static final int SMALLEST = 6;
  private static final int ONE = 7;
  private static final int SERIES = 13; // the last coefficient; those before it follow downwards

  /** The constants, each 16 times, 64 bytes apart. */
  static final MemorySegment TABLE = table();

  private final Assembler a;
  private final Gpr table;
  private final Vec n;
  private final Vec r;
  private final Vec t;

  /**
   * Emits with these registers.
   *
   * @param table holds the address of {@link #TABLE}
   * @param first the first of three vector registers for intermediate values
   */
  ExpCode(Assembler a, Gpr table, Vec first) {
    this.a = a;
    this.table = table;
    this.n = first;
    this.r = new Vec(first.number() + 1, first.bits());
    this.t = new Vec(first.number() + 2, first.bits());
  }

  private static MemorySegment table() {
    MemorySegment table = Arena.global().allocate(64L * CONSTANTS.length, 64);
    for (int i = 0; i < 16 * CONSTANTS.length; i++) {
      table.setAtIndex(ValueLayout.JAVA_FLOAT, i, CONSTANTS[i / 16]);
    }
    return table;
  }

  private Mem constant(int index) {
    return table.at(64 * index);
  }

  /** 1 in every lane. */
  Mem one() {
    return constant(ONE);
  }

  /** out = exp(x); x is overwritten. NaN stays NaN. */
  void emit(Vec out, Vec x) {
    // The second operand is the result where either is NaN, so x must be it.
    a.op(Op.VMOVUPS, t, constant(LOW));
    a.op(Op.VMAXPS, x, t, x);
    a.op(Op.VMOVUPS, t, constant(HIGH));
    a.op(Op.VMINPS, x, t, x);
    a.op(Op.VMOVUPS, n, constant(PER_LN2));
    a.op(Op.VFMADD213PS, n, x, constant(ROUND));
    a.op(Op.VSUBPS, t, n, constant(ROUND));
    a.op(Op.VMOVUPS, r, x);
    a.op(Op.VFMADD231PS, r, t, constant(MINUS_LN2_HIGH));
    a.op(Op.VFMADD231PS, r, t, constant(MINUS_LN2_LOW));
    a.op(Op.VMOVUPS, out, constant(SERIES));
    for (int i = SERIES - 1; i >= ONE; i--) {
      a.op(Op.VFMADD213PS, out, r, constant(i));
    }
    a.op(Op.VFMADD213PS, out, r, constant(ONE)); // the terms of r^1 and r^0 are both 1
    a.shift(Op.VPSLLD, n, n, 23);
    a.op(Op.VPADDD, out, out, n);
    a.op(Op.VSUBPS, out, out, constant(SMALLEST));
    a.op(Op.VPXOR, t, t, t);
    a.op(Op.VMAXPS, out, t, out);
    a.op(Op.VFMADD231PS, out, x, t); // x * 0 is 0, or NaN
  }
}
