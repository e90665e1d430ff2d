package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R12;
import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RBP;
import static llada.kernel.machine.Gpr.RBX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

/**
 * The matrix product of quantised weights with one panel of quantised tokens.
 *
 * <p>A weight is {@code scale * (u - offset)} or {@code scale * u - minimum}, u an unsigned byte
 * and scale, minimum one number for each group of 32 (or 16) channels; an activation is {@code
 * xScale * x}, x a signed byte and xScale one number for each {@link Geometry#CHUNK} channels. So
 *
 * <pre>
 *   out[r, t] += sum_chunk xScale[t] * sum_group (
 *        scale[r] * (sum_k u[r, k] * x[k, t] - offset * sum_k x[k, t]) - minimum[r] * sum_k x[k, t])
 * </pre>
 *
 * <p>The inner sum is vpdpbusd: four products of an unsigned with a signed byte, added to a 32-bit
 * integer, in each lane. Its start value carries the offset; the sums of x were made when x was
 * quantised. A group ends with one conversion to float and one multiply-add, a chunk with another.
 */
class Int8Code {
  /** The block of arguments, offsets in bytes. */
  static final int OUT = 0; // float32 (tiles * rows, width)

  static final int WEIGHTS = 8; // unsigned bytes (tiles * rows, INT8_STRIDE)
  static final int SCALES = 16; // float32 (tiles * rows, scaleStride bytes)
  static final int X = 24; // signed bytes (groups * 8, width, 4)
  static final int SUMS = 32; // 32-bit integers (groups * 2, width): sums of 16 channels of x
  static final int X_SCALES = 40; // float32 (chunks, width)
  static final int TILES = 48;
  static final int GROUPS = 56; // of 32 channels

  private static final int GROUPS_IN_CHUNK = Geometry.CHUNK / 32;

  final Assembler a = new Assembler();
  final Geometry g;
  final WeightForm form;
  final int rows;
  final int vectors;
  final int vectorBytes;
  final Fetch fetch;

  Int8Code(Geometry geometry, WeightForm form, int rows) {
    this.g = geometry;
    this.form = form;
    this.rows = rows;
    this.vectors = geometry.vectors();
    this.vectorBytes = geometry.bits() / 8;
    this.fetch = new Fetch(a);
  }

  /** The code for weights of this form. */
  static Assembler assemble(Geometry geometry, WeightForm form) {
    Int8Code code = new Int8Code(geometry, form, geometry.int8Rows());
    code.tiles();
    return code.a;
  }

  /** Integer sums of the group. */
  Vec sum(int r, int v) {
    return g.vec(r * vectors + v);
  }

  /** Float sums of the chunk. */
  private Vec total(int r, int v) {
    return g.vec((rows + r) * vectors + v);
  }

  Vec x(int v) {
    return g.vec(2 * rows * vectors + v);
  }

  Vec weight() {
    return g.vec((2 * rows + 1) * vectors);
  }

  final void tiles() {
    Label tile = new Label("tile");
    Label chunk = new Label("chunk");
    Label whole = new Label("whole");
    Label group = new Label("group");
    a.push(RBX);
    a.push(RBP);
    a.push(R12);
    fetch.save();
    a.mov(RSI, RDI.at(WEIGHTS));
    a.mov(RDX, RDI.at(SCALES));
    a.mov(R10, RDI.at(OUT));
    a.mov(R8, RDI.at(TILES));
    a.bind(tile);
    a.mov(R9, RSI); // weights of the group
    a.mov(RAX, RDX); // its scales
    a.mov(RCX, RDI.at(X));
    a.mov(R11, RDI.at(SUMS));
    a.mov(RBX, RDI.at(X_SCALES));
    a.mov(RBP, RDI.at(GROUPS)); // still to do
    fetch.startTile();
    a.bind(chunk);
    a.mov(R12, GROUPS_IN_CHUNK);
    a.cmp(RBP, GROUPS_IN_CHUNK);
    a.jump(Assembler.Condition.ABOVE, whole);
    a.mov(R12, RBP);
    a.bind(whole);
    a.sub(RBP, R12);
    clear();
    a.bind(group);
    fetch.startRound();
    for (int part = 0; part < 32 / form.group(); part++) {
      start(part);
      multiply(part);
      scale(part);
    }
    fetch.endRound();
    a.add(R9, bytesOfGroup());
    a.add(RCX, 8 * g.step());
    a.add(R11, 2 * g.step());
    a.add(RAX, 4 * (32 / form.group()));
    a.sub(R12, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, group);
    addToOutput();
    a.add(RBX, g.step());
    a.cmp(RBP, 0);
    a.jump(Assembler.Condition.NOT_EQUAL, chunk);
    fetch.endTile();
    a.add(RSI, rows * stride());
    a.add(RDX, rows * form.scaleStride());
    a.add(R10, rows * g.step());
    a.sub(R8, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, tile);
    fetch.restore();
    a.pop(R12);
    a.pop(RBP);
    a.pop(RBX);
    a.vzeroupper();
    a.ret();
  }

  /** Bytes of 32 weights. */
  int bytesOfGroup() {
    return 32;
  }

  /** Bytes from one row of weights to the next. */
  final int stride() {
    return Geometry.INT8_DEPTH / 32 * bytesOfGroup();
  }

  /** Totals = 0. */
  void clear() {
    forEach((r, v) -> a.op(Op.VPXOR, total(r, v), total(r, v), total(r, v)));
  }

  /** The start values of a group's integer sums, and what its minimums take away. */
  void start(int part) {
    for (int v = 0; v < vectors; v++) {
      Vec sumOfX = x(v);
      a.op(Op.VMOVUPS, sumOfX, R11.at(part * g.step() + v * vectorBytes));
      if (form.group() == 32) {
        a.op(Op.VPADDD, sumOfX, sumOfX, R11.at(g.step() + v * vectorBytes));
      }
      if (form.minimums()) {
        a.op(Op.VCVTDQ2PS, sumOfX, sumOfX);
      } else {
        a.shift(Op.VPSLLD, sumOfX, sumOfX, form.offsetShift());
        a.op(Op.VPXOR, weight(), weight(), weight());
        a.op(Op.VPSUBD, sum(0, v), weight(), sumOfX);
      }
    }
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < vectors; v++) {
        if (form.minimums()) {
          times(Op.VFNMADD231PS, total(r, v), x(v), r, form.minimumsAt() + 4 * part, v);
          a.op(Op.VPXOR, sum(r, v), sum(r, v), sum(r, v));
        } else if (r > 0) {
          a.op(Op.VMOVUPS, sum(r, v), sum(0, v));
        }
      }
    }
  }

  void multiply(int part) {
    for (int step = 0; step < form.group() / 4; step++) {
      int at = part * form.group() / 4 + step;
      for (int v = 0; v < vectors; v++) {
        a.op(Op.VMOVUPS, x(v), RCX.at(at * g.step() + v * vectorBytes));
      }
      for (int r = 0; r < rows; r++) {
        a.op(Op.VPBROADCASTD, weight(), R9.at(r * stride() + 4 * at));
        for (int v = 0; v < vectors; v++) {
          a.op(Op.VPDPBUSD, sum(r, v), weight(), x(v));
        }
        if (at == r % 8) {
          fetch.row();
        }
      }
    }
  }

  /** total += scale * sum. */
  void scale(int part) {
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < vectors; v++) {
        a.op(Op.VCVTDQ2PS, sum(r, v), sum(r, v));
        times(Op.VFMADD231PS, total(r, v), sum(r, v), r, 4 * part, v);
      }
    }
  }

  /** dst = op(dst, b, a number of row r's scales), broadcast in the operand where that can be. */
  private void times(Op op, Vec dst, Vec b, int r, int offset, int v) {
    int at = r * form.scaleStride() + offset;
    if (g.wide()) {
      a.op(op, dst, b, RAX.all(at));
    } else {
      if (v == 0) {
        a.op(Op.VBROADCASTSS, weight(), RAX.at(at));
      }
      a.op(op, dst, b, weight());
    }
  }

  /** out += xScale * total. */
  private void addToOutput() {
    for (int v = 0; v < vectors; v++) {
      a.op(Op.VMOVUPS, x(v), RBX.at(v * vectorBytes));
    }
    forEach(
        (r, v) -> {
          Mem out = R10.at(r * g.step() + v * vectorBytes);
          a.op(Op.VMOVUPS, weight(), out);
          addTotal(weight(), x(v), r, v);
          a.store(Op.VMOVUPS_STORE, out, weight());
        });
  }

  /** dst += xScale * total. */
  void addTotal(Vec dst, Vec xScale, int r, int v) {
    a.op(Op.VFMADD231PS, dst, total(r, v), xScale);
  }

  interface Sum {
    void visit(int r, int v);
  }

  final void forEach(Sum visitor) {
    for (int r = 0; r < rows; r++) {
      for (int v = 0; v < vectors; v++) {
        visitor.visit(r, v);
      }
    }
  }
}
