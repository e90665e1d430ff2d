package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

/**
 * The matrix product of expanded weights with one panel of tokens, float32 or bfloat16.
 *
 * <pre>
 *   out[r, t] += sum_k w[r, k] * x[k, t]
 * </pre>
 *
 * <p>Lanes are tokens. Each step loads one number (or, in bfloat16, a pair) of every token, then
 * broadcasts that of each weight row and multiplies: 14 rows and 2 vectors make 28 sums in
 * registers, and every sum is formed in the order of k. Attention stands on the same product.
 */
final class DotCode {
  /** The block of arguments, offsets in bytes. */
  static final int OUT = 0; // float32 (tiles * rows, width)

  static final int WEIGHTS = 8; // (tiles * rows, stride)
  static final int X = 16; // (steps, width)
  static final int TILES = 24;
  static final int STEPS = 32; // a multiple of 8

  /** Steps in a round of the loop. */
  static final int UNROLL = 8;

  private DotCode() {}

  /**
   * The code.
   *
   * @param rows weight rows of a tile
   * @param op VFMADD231PS, or VDPBF16PS with pairs of bfloat16 in place of float32 numbers
   * @param stride bytes from one weight row to the next
   * @param accumulates whether the sums go on from what out holds; else out is overwritten
   */
  static Assembler assemble(Geometry geometry, int rows, Op op, int stride, boolean accumulates) {
    Assembler a = new Assembler();
    int vectors = geometry.vectors();
    int vectorBytes = geometry.bits() / 8;
    Vec weight = geometry.vec(rows * vectors + vectors);
    Label tile = new Label("tile");
    Label steps = new Label("steps");
    Fetch fetch = new Fetch(a);
    fetch.save();
    a.mov(RSI, RDI.at(WEIGHTS));
    a.mov(RDX, RDI.at(OUT));
    a.mov(R8, RDI.at(TILES));
    a.bind(tile);
    a.mov(RCX, RDI.at(X));
    a.mov(RAX, RDI.at(STEPS));
    a.mov(R9, RSI);
    fetch.startTile();
    for (int sum = 0; sum < rows * vectors; sum++) {
      Vec v = geometry.vec(sum);
      if (accumulates) {
        a.op(Op.VMOVUPS, v, RDX.at(sum * vectorBytes));
      } else {
        a.op(Op.VPXOR, v, v, v);
      }
    }
    a.bind(steps);
    fetch.startRound();
    for (int step = 0; step < UNROLL; step++) {
      for (int v = 0; v < vectors; v++) {
        Vec x = geometry.vec(rows * vectors + v);
        a.op(Op.VMOVUPS, x, RCX.at(step * geometry.step() + v * vectorBytes));
      }
      for (int r = 0; r < rows; r++) {
        a.op(Op.VBROADCASTSS, weight, R9.at(r * stride + 4 * step));
        for (int v = 0; v < vectors; v++) {
          a.op(op, geometry.vec(r * vectors + v), weight, geometry.vec(rows * vectors + v));
        }
        if (r % UNROLL == step) {
          fetch.row();
        }
      }
    }
    fetch.endRound();
    a.add(R9, 4 * UNROLL);
    a.add(RCX, UNROLL * geometry.step());
    a.sub(RAX, UNROLL);
    a.jump(Assembler.Condition.NOT_EQUAL, steps);
    for (int sum = 0; sum < rows * vectors; sum++) {
      a.store(Op.VMOVUPS_STORE, RDX.at(sum * vectorBytes), geometry.vec(sum));
    }
    fetch.endTile();
    a.add(RSI, rows * stride);
    a.add(RDX, rows * geometry.step());
    a.sub(R8, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, tile);
    fetch.restore();
    a.vzeroupper();
    a.ret();
    return a;
  }
}
