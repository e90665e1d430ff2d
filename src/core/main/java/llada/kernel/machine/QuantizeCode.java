package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

/**
 * Activations to signed bytes, for one vector of tokens and up to {@link Geometry#CHUNK} channels.
 *
 * <pre>
 *   scale[t] = max_k |x[k, t]| / 127,   q[k, t] = round(x[k, t] / scale[t])
 * </pre>
 *
 * <p>Channels 4j to 4j + 3 of a token go to one 32-bit number, as vpdpbusd wants them. The maximum
 * is taken of the bits without sign, which order as the numbers do and put NaN on top: a NaN makes
 * its token's scale, and so its output, NaN.
 */
final class QuantizeCode {
  static final int SOURCE = 0; // float32 (16 * groups, width)
  static final int BYTES = 8; // out (4 * groups, width, 4)
  static final int SUMS = 16; // out (groups, width): sums of 16 channels
  static final int SCALES = 24; // out (width)
  static final int GROUPS = 32; // of 16 channels
  static final int ARGUMENTS = 40;

  private QuantizeCode() {}

  /**
   * The code.
   *
   * @param pairs whether a sum is two numbers of 16 bits, one of channels 4j and 4j + 1, one of 4j
   *     + 2 and 4j + 3, as {@link MaddCode} wants them
   */
  static Assembler assemble(Geometry g, boolean pairs) {
    Assembler a = new Assembler();
    Vec max = g.vec(0);
    Vec inverse = g.vec(1);
    Vec noSign = g.vec(2);
    Vec lowByte = g.vec(3);
    Vec sum = g.vec(4);
    Vec word = g.vec(5);
    Vec q = g.vec(6);
    Vec constant = g.vec(7);
    Label largest = new Label("largest");
    Label convert = new Label("convert");
    a.mov(RSI, RDI.at(SOURCE));
    a.mov(RDX, RDI.at(BYTES));
    a.mov(R8, RDI.at(SUMS));
    a.mov(R9, RDI.at(SCALES));
    a.mov(RCX, RDI.at(GROUPS));
    constant(a, noSign, 0x7FFFFFFF);
    constant(a, lowByte, 0xFF);
    a.op(Op.VPXOR, max, max, max);
    a.mov(R10, RSI);
    a.mov(RAX, RCX);
    a.bind(largest);
    for (int k = 0; k < 16; k++) {
      a.op(Op.VPAND, q, noSign, R10.at(k * g.step()));
      a.op(Op.VPMAXUD, max, max, q);
    }
    a.add(R10, 16 * g.step());
    a.sub(RAX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, largest);
    constant(a, constant, Float.floatToRawIntBits(127f));
    a.op(Op.VDIVPS, inverse, constant, max);
    constant(a, constant, Float.floatToRawIntBits(1f / 127f));
    a.op(Op.VMULPS, max, max, constant);
    a.store(Op.VMOVUPS_STORE, R9.at(0), max);
    constant(a, constant, 0x01010101);
    a.bind(convert);
    a.op(Op.VPXOR, sum, sum, sum);
    for (int k = 0; k < 16; k++) {
      a.op(Op.VMULPS, q, inverse, RSI.at(k * g.step()));
      a.op(Op.VCVTPS2DQ, q, q); // rounds to the nearest, ties to even
      if (!pairs) {
        a.op(Op.VPADDD, sum, sum, q);
      }
      int place = k % 4;
      if (place < 3) {
        a.op(Op.VPAND, q, q, lowByte);
      }
      if (place > 0) {
        a.shift(Op.VPSLLD, q, q, 8 * place);
        a.op(Op.VPOR, word, word, q);
      } else {
        a.op(Op.VMOVUPS, word, q);
      }
      if (place == 3) {
        a.store(Op.VMOVUPS_STORE, RDX.at(k / 4 * g.step()), word);
        if (pairs) {
          a.op(Op.VPMADDUBSW, word, constant, word);
          a.op(Op.VPADDW, sum, sum, word);
        }
      }
    }
    a.store(Op.VMOVUPS_STORE, R8.at(0), sum);
    a.add(RSI, 16 * g.step());
    a.add(RDX, 4 * g.step());
    a.add(R8, g.step());
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, convert);
    a.vzeroupper();
    a.ret();
    return a;
  }

  /** dst = a 32-bit constant in every lane. */
  static void constant(Assembler a, Vec dst, int value) {
    a.mov(RAX, value);
    a.vmovd(Vec.xmm(dst.number()), RAX);
    a.op(Op.VPBROADCASTD, dst, Vec.xmm(dst.number()));
  }
}
