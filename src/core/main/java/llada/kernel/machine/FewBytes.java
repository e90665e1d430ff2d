package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R14;
import static llada.kernel.machine.Gpr.RBP;
import static llada.kernel.machine.Gpr.RBX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;

import llada.tensor.DType;

/**
 * {@link FewCode} with quantised weights: lanes are channels. Sums of whole numbers are exact in
 * any order, so only the sums of groups, one in sixteen or so of the numbers, need be brought to
 * lanes of rows, where scales are applied in the order of {@link Int8Code}.
 *
 * <p>A chunk of 256 channels of a row becomes vectors of bytes, as many at a time as have room
 * ({@link FewForm}). With groups of 32 channels the first of two vectors has 16 channels of each of
 * two or four groups, and the second the other 16; their products go to one sum, which has four
 * lanes of each group. With groups of 16 each vector is such groups. {@link PackedInput} lays out
 * activations likewise.
 */
final class FewBytes implements FewCode.Chunk {
  private static final int SUMS = 0; // in the space: what the sums of x stand for
  private static final int SCALES = 64;
  static final int RESULTS = SCALES + FewScales.BYTES; // 64 bytes for each group of a token

  private final FewForm form;
  private final Assembler a;
  private final Geometry g;
  private final FewWeights weights;
  private final FewSums products;
  private final FewScales scales;

  private FewBytes(FewForm form) {
    this.form = form;
    this.a = form.a();
    this.g = form.g();
    this.weights = new FewWeights(form);
    this.products = new FewSums(form);
    this.scales = new FewScales(form, SCALES);
  }

  /** The code of a type that it {@link #takes}. */
  static FewBytes of(Assembler a, FewCode.Rows rows, DType dtype, int bits, boolean vnni) {
    FewForm.Products products = FewForm.Products.of(dtype, bits == 512, vnni);
    return new FewBytes(new FewForm(a, rows, dtype, new Geometry(bits, 1), products));
  }

  /** Whether there is code for a type. */
  static boolean takes(DType dtype) {
    return switch (dtype) {
      case Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K -> true;
      default -> false;
    };
  }

  /** Bytes of a chunk in a row. */
  static int bytes(DType dtype) {
    return Geometry.CHUNK / dtype.blockLength() * dtype.blockBytes();
  }

  @Override
  public void constants() {
    form.loadConstants();
    for (int quarter = 1; quarter < 4 && g.wide(); quarter++) { // masks 1 to 3
      a.mov(RBX, 0xF << 4 * quarter);
      a.kmov(quarter, RBX);
    }
  }

  /** Vectors of sums of a row and token. */
  private int sums() {
    return Geometry.CHUNK / form.weights().group() / form.groups();
  }

  /** Sums of four rows, all of them four times as many. */
  private Mem result(int sum, int quad) {
    return RBP.at(RESULTS + form.vectorBytes() * (4 * sum + quad));
  }

  @Override
  public void emit() {
    scales.emit();
    int done = 0;
    for (int piece = 0; piece < form.pieces(); piece++) {
      int at = piece;
      for (int quad = 0; quad < 4; quad++) {
        for (int row = 0; row < 4; row++) {
          weights.emit(4 * quad + row, row, piece);
          form.rows().ask(++done, 16 * form.pieces());
        }
        int rows = quad;
        eachToken("sums of rows " + 4 * quad, () -> sumsOfGroups(at, rows));
      }
    }
    a.mov(R14, R10);
    eachToken(
        "totals",
        () -> {
          totals();
          a.add(R14, FewCode.OUT_BYTES);
        });
  }

  /** Tokens one after the other: rcx points to the activations, rbp + RESULTS to the sums. */
  private void eachToken(String name, Runnable body) {
    Label token = new Label(name);
    a.mov(RCX, RDX);
    a.mov(RBP, R11);
    a.mov(RBX, RDI.at(FewCode.TOKENS));
    a.bind(token);
    body.run();
    a.add(RCX, form.rows().xBytes);
    a.add(RBP, 4 * form.vectorBytes() * sums());
    a.sub(RBX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, token);
  }

  private void sumsOfGroups(int piece, int quad) {
    for (int s = 0; s < form.vectors() / form.together(); s++) {
      int sum = form.vector(piece, s * form.together()) / form.together();
      products.emit(piece, s, result(sum, quad));
    }
  }

  /** Groups' sums of all rows times their scales, and the chunk's total to the token's sum. */
  private void totals() {
    Vec total = g.vec(12);
    Vec ofX = g.vec(13);
    for (int part = 0; part < 16 / g.lanes(); part++) {
      sumsOfX(ofX, total, form.vectorBytes() * part);
    }
    for (int part = 0; part < 16 / g.lanes(); part++) {
      a.op(Op.VPXOR, total, total, total);
      for (int s = 0; s < sums(); s++) {
        byGroup(s, part);
        for (int i = 0; i < form.groups(); i++) {
          int group = form.groups() * s + i;
          Vec sum = g.vec(8 + i);
          Mem sumOfX = R11.at(SUMS + form.weights().group() / 4 * group);
          if (form.weights().minimums()) {
            a.op(Op.VPBROADCASTD, ofX, sumOfX);
            a.op(minimum(), total, ofX, scales.scale(FewScales.MINIMUM + group, part));
          } else if (!form.products().signed()) {
            a.op(Op.VPBROADCASTD, ofX, sumOfX);
            a.op(Op.VPADDD, sum, sum, ofX);
          }
          a.op(Op.VCVTDQ2PS, sum, sum);
          a.op(Op.VFMADD231PS, total, sum, scales.scale(group, part));
        }
      }
      Mem out = R14.at(form.vectorBytes() * part);
      a.op(Op.VBROADCASTSS, ofX, RCX.at(PackedInput.ROW_SCALE));
      a.op(Op.VFMADD213PS, ofX, total, out);
      a.store(Op.VMOVUPS_STORE, out, ofX);
    }
  }

  /** Minimums are taken away, but in blocks of 32 it is their opposite that lies in the file. */
  private Op minimum() {
    return form.dtype().blockLength() == 32 ? Op.VFMADD231PS : Op.VFNMADD231PS;
  }

  /** Sums of x of groups, in lanes (every other one with groups of 32), to the space. */
  private void sumsOfX(Vec sum, Vec zero, int at) {
    WeightForm weights = form.weights();
    boolean pairs = form.products() != FewForm.Products.DOT;
    a.op(Op.VMOVUPS, sum, RCX.at(PackedInput.ROW_SUMS + at));
    if (weights.group() == 32) {
      a.op(pairs ? Op.VPADDW : Op.VPADDD, sum, sum, RCX.at(PackedInput.ROW_SUMS + 4 + at));
    }
    if (pairs) {
      form.with(Op.VPMADDWD, sum, sum, FewForm.ONES);
    }
    if (weights.minimums()) {
      a.op(Op.VCVTDQ2PS, sum, sum);
    } else {
      a.op(Op.VPXOR, zero, zero, zero);
      a.shift(Op.VPSLLD, sum, sum, weights.offsetShift());
      a.op(Op.VPSUBD, sum, zero, sum);
    }
    a.store(Op.VMOVUPS_STORE, R11.at(SUMS + at), sum);
  }

  /** Vectors from the 8th on = sums of one group each, in lanes of rows. */
  private void byGroup(int s, int part) {
    if (g.wide()) {
      for (int quad = 0; quad < 4; quad++) {
        a.op(Op.VMOVUPS, g.vec(quad), result(s, quad));
      }
      TransposeCode.quarters(a, 0, 1, 4);
      return;
    }
    a.op(Op.VMOVUPS, g.vec(0), result(s, 2 * part));
    a.op(Op.VMOVUPS, g.vec(1), result(s, 2 * part + 1));
    a.op(Op.VPERM2F128, g.vec(8), g.vec(0), g.vec(1), 0x20);
    a.op(Op.VPERM2F128, g.vec(9), g.vec(0), g.vec(1), 0x31);
  }
}
