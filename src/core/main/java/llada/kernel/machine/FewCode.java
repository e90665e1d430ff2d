package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R12;
import static llada.kernel.machine.Gpr.R14;
import static llada.kernel.machine.Gpr.R8;
import static llada.kernel.machine.Gpr.R9;
import static llada.kernel.machine.Gpr.RAX;
import static llada.kernel.machine.Gpr.RBP;
import static llada.kernel.machine.Gpr.RBX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;
import static llada.kernel.machine.Gpr.RSI;

import java.util.Optional;

/**
 * The product of expanded weights with few tokens. Where lanes are tokens, as in {@link DotCode}
 * and {@link Int8Code}, one token works as long as sixteen; so here lanes are rows of weights,
 * which are transposed on the way, and tokens come one after the other. Every sum is formed of the
 * same numbers in the same order as there: a row has the same bits from either.
 *
 * <p>A step is 32 bits of a row: a float32 number, a pair of bfloat16, or four bytes. 64 steps of a
 * vector of rows are transposed and then multiplied with every token.
 */
final class FewCode {
  /** The block of arguments: first those of {@link Int8Code}, of which some change. */
  static final int ROUNDS = Int8Code.GROUPS; // of 8 steps

  static final int TOKENS = Fetch.ARGUMENTS;
  static final int SPACE = TOKENS + 8; // memory of SPACE_BYTES
  private static final int X = SPACE + 8; // of the chunk
  private static final int SUMS = X + 8;
  private static final int X_SCALES = SUMS + 8;
  static final int ARGUMENTS = X_SCALES + 8;

  private static final int STEPS =
      64; // in a chunk: 256 channels of 8 bits, as many as share scales
  private static final int ROUND = 8;
  private static final int SCALE_BYTES = Geometry.SCALE_STRIDE / 4 * 64; // transposed
  static final int SPACE_BYTES = SCALE_BYTES + STEPS * 64;

  private final Assembler a = new Assembler();
  private final Geometry g;
  private final int vectorBytes;
  private final int stride;
  private final Optional<WeightForm> form;
  private final Op op;
  private final Fetch fetch;
  private final Vec total;
  private final Vec sum;
  private final Vec weight;
  private final Vec number;

  private FewCode(Geometry g, Op op, int stride, Optional<WeightForm> form) {
    this.g = g;
    this.vectorBytes = g.bits() / 8;
    this.op = op;
    this.stride = stride;
    this.form = form;
    this.fetch = new Fetch(a);
    this.total = g.vec(0);
    this.sum = g.vec(1);
    this.weight = g.vec(2);
    this.number = g.vec(3);
  }

  /** Bytes from one token's sums to the next. */
  static int outStride(Geometry g) {
    return 4 * g.blockRows();
  }

  /** The code for float32 weights or, with VDPBF16PS, pairs of bfloat16. */
  static Assembler floats(Geometry g, Op op, int stride) {
    return new FewCode(g, op, stride, Optional.empty()).tiles();
  }

  /** The code for quantised weights of this form. */
  static Assembler quantised(Geometry g, WeightForm form) {
    return new FewCode(g, Op.VPDPBUSD, Geometry.INT8_STRIDE, Optional.of(form)).tiles();
  }

  private Assembler tiles() {
    Label tile = new Label("tile");
    Label chunk = new Label("chunk");
    Label whole = new Label("whole");
    Label token = new Label("token");
    Label round = new Label("round");
    a.push(RBX);
    a.push(RBP);
    a.push(R12);
    fetch.save();
    a.mov(RSI, RDI.at(Int8Code.WEIGHTS));
    a.mov(R8, RDI.at(Int8Code.TILES));
    a.bind(tile);
    copy(Int8Code.X, X);
    copy(Int8Code.SUMS, SUMS);
    copy(Int8Code.X_SCALES, X_SCALES);
    form.ifPresent(this::transposeScales);
    a.mov(RAX, RDI.at(SPACE)); // scales of the chunk
    a.mov(R9, RSI); // weights of the chunk
    a.mov(RBP, RDI.at(ROUNDS)); // still to do
    fetch.startTile();
    a.bind(chunk);
    a.mov(R12, STEPS / ROUND);
    a.cmp(RBP, STEPS / ROUND);
    a.jump(Assembler.Condition.ABOVE, whole);
    a.mov(R12, RBP);
    a.bind(whole);
    a.sub(RBP, R12);
    transposeWeights();
    a.mov(RCX, RDI.at(X));
    a.mov(R11, RDI.at(SUMS));
    a.mov(RBX, RDI.at(X_SCALES));
    a.mov(R10, RDI.at(Int8Code.OUT));
    a.mov(RDX, RDI.at(TOKENS));
    a.bind(token);
    a.push(RCX);
    a.push(R11);
    a.push(R12);
    a.push(RAX);
    a.mov(R14, RDI.at(SPACE));
    a.add(R14, SCALE_BYTES);
    if (form.isPresent()) {
      a.op(Op.VPXOR, total, total, total);
    } else {
      a.op(Op.VMOVUPS, total, R10.at(0));
    }
    a.bind(round);
    if (form.isPresent()) {
      group(form.get());
    } else {
      multiply(0, ROUND, total);
    }
    a.add(R14, ROUND * vectorBytes);
    a.add(RCX, ROUND * g.step());
    a.sub(R12, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, round);
    if (form.isPresent()) { // out += xScale * total
      a.op(Op.VMOVUPS, sum, R10.at(0));
      a.op(Op.VBROADCASTSS, number, RBX.at(0));
      a.op(Op.VFMADD231PS, sum, total, number);
      a.store(Op.VMOVUPS_STORE, R10.at(0), sum);
    } else {
      a.store(Op.VMOVUPS_STORE, R10.at(0), total);
    }
    a.pop(RAX);
    a.pop(R12);
    a.pop(R11);
    a.pop(RCX);
    a.add(RCX, 4);
    a.add(R11, 4);
    a.add(RBX, 4);
    a.add(R10, outStride(g));
    a.sub(RDX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, token);
    a.add(R9, 4 * STEPS);
    a.add(RAX, form.map(f -> 4 * STEPS / f.group() * vectorBytes).orElse(0));
    add(X, STEPS * g.step());
    add(SUMS, 4 * STEPS / 16 * g.step());
    add(X_SCALES, g.step());
    a.cmp(RBP, 0);
    a.jump(Assembler.Condition.NOT_EQUAL, chunk);
    fetch.endTile();
    a.add(RSI, g.lanes() * stride);
    form.ifPresent(f -> add(Int8Code.SCALES, g.lanes() * f.scaleStride()));
    add(Int8Code.OUT, vectorBytes);
    a.sub(R8, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, tile);
    fetch.restore();
    a.pop(R12);
    a.pop(RBP);
    a.pop(RBX);
    a.vzeroupper();
    a.ret();
    return a;
  }

  private void copy(int from, int to) {
    a.mov(RCX, RDI.at(from));
    a.mov(RDI.at(to), RCX);
  }

  private void add(int argument, int value) {
    a.mov(RCX, RDI.at(argument));
    a.add(RCX, value);
    a.mov(RDI.at(argument), RCX);
  }

  /** Scales and minimums of the rows: number i of each to vector i. */
  private void transposeScales(WeightForm form) {
    int numbers = form.minimums() || form.group() == 16 ? form.scaleStride() / 4 : 16;
    a.mov(RDX, RDI.at(Int8Code.SCALES));
    a.mov(RBX, RDI.at(SPACE));
    for (int i = 0; i < numbers; i += g.lanes()) {
      int first = i;
      TransposeCode.square(
          a,
          g,
          (row, to) -> a.op(Op.VMOVUPS, to, RDX.at(row * form.scaleStride() + 4 * first)),
          (column, from) ->
              a.store(Op.VMOVUPS_STORE, RBX.at((first + column) * vectorBytes), from));
    }
  }

  /** A chunk of weights; asks for as much of what comes next. */
  private void transposeWeights() {
    Label square = new Label("square");
    a.mov(R11, R9);
    a.mov(RBX, RDI.at(SPACE));
    a.add(RBX, SCALE_BYTES);
    a.mov(RCX, STEPS / g.lanes());
    a.bind(square);
    fetch.startRound();
    TransposeCode.square(
        a,
        g,
        (row, to) -> {
          a.op(Op.VMOVUPS, to, R11.at(row * stride));
          fetch.row();
        },
        (column, from) -> a.store(Op.VMOVUPS_STORE, RBX.at(column * vectorBytes), from));
    fetch.endRound();
    a.add(R11, vectorBytes);
    a.add(RBX, g.lanes() * vectorBytes);
    a.sub(RCX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, square);
  }

  /** One group of 32 channels; see {@link Int8Code}. */
  private void group(WeightForm form) {
    int parts = 32 / form.group();
    for (int part = 0; part < parts; part++) {
      a.op(Op.VPBROADCASTD, number, R11.at(part * g.step()));
      if (form.group() == 32) {
        a.op(Op.VPBROADCASTD, weight, R11.at(g.step()));
        a.op(Op.VPADDD, number, number, weight);
      }
      a.op(Op.VPXOR, sum, sum, sum);
      if (form.minimums()) {
        a.op(Op.VCVTDQ2PS, number, number);
        Mem minimum = RAX.at((form.minimumsAt() / 4 + part) * vectorBytes);
        a.op(Op.VFNMADD231PS, total, number, minimum);
      } else {
        a.shift(Op.VPSLLD, number, number, form.offsetShift());
        a.op(Op.VPSUBD, sum, sum, number);
      }
      multiply(part * form.group() / 4, form.group() / 4, sum);
      a.op(Op.VCVTDQ2PS, sum, sum);
      a.op(Op.VFMADD231PS, total, sum, RAX.at(part * vectorBytes));
    }
    a.add(R11, 2 * g.step());
    a.add(RAX, parts * vectorBytes);
  }

  /** to += weights * the token's numbers, step by step. */
  private void multiply(int first, int steps, Vec to) {
    for (int step = first; step < first + steps; step++) {
      a.op(Op.VMOVUPS, weight, R14.at(step * vectorBytes));
      if (g.wide()) {
        a.op(op, to, weight, RCX.all(step * g.step()));
      } else {
        a.op(Op.VBROADCASTSS, number, RCX.at(step * g.step()));
        a.op(op, to, weight, number);
      }
    }
  }
}
