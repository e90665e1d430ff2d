package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R10;
import static llada.kernel.machine.Gpr.R11;
import static llada.kernel.machine.Gpr.R13;
import static llada.kernel.machine.Gpr.R14;
import static llada.kernel.machine.Gpr.RBP;
import static llada.kernel.machine.Gpr.RBX;
import static llada.kernel.machine.Gpr.RCX;
import static llada.kernel.machine.Gpr.RDI;
import static llada.kernel.machine.Gpr.RDX;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntUnaryOperator;
import llada.tensor.DType;

/**
 * {@link FewCode} with quantised weights: lanes are channels. Sums of whole numbers are exact in
 * any order, so only the sums of groups, one in sixteen or so of the numbers, need be brought to
 * lanes of rows, where scales are applied in the order of {@link Int8Code}.
 *
 * <p>A chunk of 256 channels of a row becomes four vectors of unsigned bytes. With groups of 32
 * channels the first two are 16 channels of each of four groups, and the other 16; their products
 * go to one sum, which has four lanes of each group. With groups of 16 each vector is four groups.
 * {@link PackedInput} lays out activations likewise.
 */
final class FewBytes implements FewCode.Chunk {
  private static final int VECTOR = 64; // bytes
  private static final int SUMS = 0; // in the space: what the sums of x stand for
  private static final int SCALES = VECTOR; // 16 vectors; minimums from MINIMUM on
  private static final int HALVES = SCALES + 16 * VECTOR; // float16 scales
  static final int RESULTS = HALVES + VECTOR; // 256 bytes for each sum of each token

  /** The vector of scales with the first minimum; no type here has both of 16 channels. */
  private static final int MINIMUM = 8;

  /** Registers of constants; what does not fit is read from the table. */
  private static final int CONSTANTS = 25;

  private static final Vec T = Vec.zmm(16);
  private static final Vec BITS = Vec.zmm(17);
  private static final Vec MORE = Vec.zmm(18);
  private static final Vec SPARE = Vec.zmm(24);

  private static final Map<DType, MemorySegment> TABLES = new ConcurrentHashMap<>();

  private final Assembler a;
  private final FewCode.Rows rows;
  private final DType dtype;
  private final WeightForm form;
  private final int blocks; // in a chunk

  /** The code of a type that it {@link #takes}. */
  FewBytes(Assembler a, FewCode.Rows rows, DType dtype) {
    this.a = a;
    this.rows = rows;
    this.dtype = dtype;
    this.form = WeightForm.of(dtype);
    this.blocks = Geometry.CHUNK / dtype.blockLength();
  }

  /** Whether there is code for a type. */
  static boolean takes(DType dtype) {
    return switch (dtype) {
      case Q4_0, Q8_0, Q4_K, Q5_K, Q6_K -> true;
      default -> false;
    };
  }

  /** Bytes of a chunk in a row. */
  static int bytes(DType dtype) {
    return Geometry.CHUNK / dtype.blockLength() * dtype.blockBytes();
  }

  /** The constants that a type's code reads; see {@link FewCode#TABLE}. */
  static MemorySegment table(DType dtype) {
    return TABLES.computeIfAbsent(
        dtype,
        type -> {
          List<int[]> vectors = constants(type);
          MemorySegment table = Arena.global().allocate((long) VECTOR * vectors.size(), VECTOR);
          for (int i = 0; i < vectors.size(); i++) {
            MemorySegment.copy(
                vectors.get(i), 0, table, ValueLayout.JAVA_INT, (long) VECTOR * i, 16);
          }
          return table;
        });
  }

  // ---- constants, by their place in a type's list ----

  private static List<int[]> constants(DType dtype) {
    return switch (dtype) {
      case Q4_0 -> List.of(all(0x0F0F0F0F));
      case Q8_0 -> List.of(all(0x80808080));
      case Q4_K, Q5_K ->
          List.of(
              all(0x0F0F0F0F),
              all(0x3F3F3F3F),
              all(0x30303030),
              all(0xFF),
              lanes(i -> i / 2 % 2 * 8 + i / 4 * 4 + i % 2), // quarters 0 and 2 of two vectors
              lanes(i -> i / 2 % 2 * 8 + i / 4 * 4 + i % 2 + 2), // quarters 1 and 3
              all(0x10101010),
              rotations(4, 2), // bit g to bit 4, g = 0 in one half and 2 in the other
              rotations(3, 1),
              rotations(0, 30),
              rotations(31, 29));
      default ->
          List.of(all(0x0F0F0F0F), all(0x30303030), rotations(4, 2), rotations(0, 30)); // Q6_K
    };
  }

  private static int[] all(int value) {
    int[] vector = new int[16];
    Arrays.fill(vector, value);
    return vector;
  }

  private static int[] rotations(int lower, int upper) {
    int[] vector = all(lower);
    Arrays.fill(vector, 8, 16, upper);
    return vector;
  }

  private static int[] lanes(IntUnaryOperator lane) { // of 64 bits
    int[] vector = new int[16];
    Arrays.setAll(vector, i -> i % 2 == 0 ? lane.applyAsInt(i / 2) : 0);
    return vector;
  }

  private static Vec constant(int i) {
    return Vec.zmm(CONSTANTS + i);
  }

  @Override
  public void constants() {
    int count = constants(dtype).size();
    for (int i = 0; i < Math.min(count, 32 - CONSTANTS); i++) {
      a.op(Op.VMOVUPS, constant(i), R13.at(VECTOR * i));
    }
    for (int quarter = 1; quarter < 4; quarter++) { // masks 1 to 3
      a.mov(RBX, 0xF << 4 * quarter);
      a.kmov(quarter, RBX);
    }
  }

  // ---- a chunk ----

  /** Sums of a row and token: vectors of four groups. */
  private int sums() {
    return form.group() == 32 ? 2 : 4;
  }

  private static Vec code(int row, int i) {
    return Vec.zmm(4 * row + i);
  }

  private static Mem scale(int i) {
    return R11.at(SCALES + VECTOR * i);
  }

  @Override
  public void emit() {
    scales();
    for (int quad = 0; quad < 4; quad++) {
      for (int row = 0; row < 4; row++) {
        codes(4 * quad + row, row);
        rows.ask(4 * quad + row + 1, 16);
      }
      int at = RESULTS + VECTOR * quad;
      eachToken("sums of rows " + 4 * quad, () -> sumsOfGroups(at));
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
    a.add(RCX, rows.xBytes);
    a.add(RBP, 4 * VECTOR * sums());
    a.sub(RBX, 1);
    a.jump(Assembler.Condition.NOT_EQUAL, token);
  }

  /** Products of four rows, added up within groups, to lanes (group, row). */
  private void sumsOfGroups(int at) {
    for (int first = 0; first < sums(); first += 2) {
      for (int s = 0; s < 2; s++) {
        for (int row = 0; row < 4; row++) {
          Vec sum = Vec.zmm(16 + 4 * s + row);
          a.op(Op.VPXOR, sum, sum, sum);
          int each = 4 / sums();
          for (int i = (first + s) * each; i < (first + s + 1) * each; i++) {
            a.op(Op.VPDPBUSD, sum, code(row, i), RCX.at(VECTOR * i));
          }
        }
      }
      for (int s = 0; s < 2; s++) {
        Vec two = Vec.zmm(16 + 4 * s); // rows 0 and 1
        Vec others = Vec.zmm(18 + 4 * s); // rows 2 and 3
        addPairs(two, Vec.zmm(17 + 4 * s));
        addPairs(others, Vec.zmm(19 + 4 * s));
        a.op(Op.VSHUFPS, SPARE, two, others, 0x44);
        a.op(Op.VSHUFPS, others, two, others, 0xEE);
        a.op(Op.VPADDD, SPARE, SPARE, others);
        a.store(Op.VMOVUPS_STORE, RBP.at(at + 4 * VECTOR * (first + s)), SPARE);
      }
    }
  }

  /** Of two rows, four numbers each in 128 bits: x = x0 + x2, y0 + y2, x1 + x3, y1 + y3. */
  private void addPairs(Vec x, Vec y) {
    a.op(Op.VUNPCKLPS, SPARE, x, y);
    a.op(Op.VUNPCKHPS, y, x, y);
    a.op(Op.VPADDD, x, SPARE, y);
  }

  /** Groups' sums of all rows times their scales, and the chunk's total to the token's sum. */
  private void totals() {
    Vec total = Vec.zmm(20);
    Vec sum = Vec.zmm(21);
    int channels = form.group();
    a.op(Op.VMOVUPS, sum, RCX.at(PackedInput.ROW_SUMS));
    if (channels == 32) { // in every other lane
      a.op(Op.VPADDD, sum, sum, RCX.at(PackedInput.ROW_SUMS + 4));
    }
    a.op(Op.VPXOR, total, total, total);
    if (form.minimums()) {
      a.op(Op.VCVTDQ2PS, sum, sum);
    } else {
      a.shift(Op.VPSLLD, sum, sum, form.offsetShift());
      a.op(Op.VPSUBD, sum, total, sum);
    }
    a.store(Op.VMOVUPS_STORE, R11.at(SUMS), sum);
    for (int s = 0; s < sums(); s++) {
      for (int quad = 0; quad < 4; quad++) {
        a.op(Op.VMOVUPS, Vec.zmm(quad), RBP.at(RESULTS + VECTOR * (4 * s + quad)));
      }
      TransposeCode.quarters(a, 0, 1, 4);
      for (int i = 0; i < 4; i++) {
        int group = 4 * s + i;
        Vec ofGroup = Vec.zmm(8 + i);
        Mem ofX = R11.all(SUMS + channels / 4 * group);
        if (form.minimums()) {
          a.op(Op.VPBROADCASTD, sum, R11.at(SUMS + channels / 4 * group));
          a.op(Op.VFNMADD231PS, total, sum, scale(MINIMUM + group));
        } else {
          a.op(Op.VPADDD, ofGroup, ofGroup, ofX);
        }
        a.op(Op.VCVTDQ2PS, ofGroup, ofGroup);
        a.op(Op.VFMADD231PS, total, ofGroup, scale(group));
      }
    }
    a.op(Op.VMOVUPS, sum, R14.at(0));
    a.op(Op.VFMADD231PS, sum, total, RCX.all(PackedInput.ROW_SCALE));
    a.store(Op.VMOVUPS_STORE, R14.at(0), sum);
  }

  // ---- codes of a row ----

  private void codes(int row, int to) {
    switch (dtype) {
      case Q4_0 -> q4(row, to);
      case Q8_0 -> q8(row, to);
      case Q4_K -> k4(row, to, 16);
      case Q5_K -> k4(row, to, 48);
      default -> q6(row, to);
    }
  }

  private void q4(int row, int to) {
    for (int half = 0; half < 2; half++) {
      ofFourBlocks(T, row, 4 * half, 2);
      halves(T, code(to, 2 * half), code(to, 2 * half + 1));
    }
  }

  /** 16 bytes of each of four blocks. */
  private void ofFourBlocks(Vec dst, int row, int block, int offset) {
    a.op(Op.VBROADCASTI32X4, dst, rows.at(row, block * dtype.blockBytes() + offset));
    for (int i = 1; i < 4; i++) {
      a.masked(Op.VBROADCASTI32X4, dst, i, rows.at(row, (block + i) * dtype.blockBytes() + offset));
    }
  }

  /** The lower and the upper halves of bytes. */
  private void halves(Vec from, Vec lower, Vec upper) {
    a.op(Op.VPAND, lower, from, constant(0));
    a.shift(Op.VPSRLD, from, from, 4);
    a.op(Op.VPAND, upper, from, constant(0));
  }

  private void q8(int row, int to) {
    for (int i = 0; i < 4; i++) {
      ofFourBlocks(T, row, i / 2 * 4, 2 + i % 2 * 16);
      a.op(Op.VPXOR, code(to, i), T, constant(0));
    }
  }

  /** Q4_K, and Q5_K, whose codes begin later, behind a fifth bit of each. */
  private void k4(int row, int to, int codes) {
    boolean fifth = codes > 16;
    if (fifth) {
      a.op(Op.VBROADCASTI32X8, BITS, rows.at(row, 16));
    }
    for (int half = 0; half < 2; half++) {
      Vec lower = code(to, 2 * half); // groups 0 and 2 of four
      Vec upper = code(to, 2 * half + 1); // groups 1 and 3
      a.op(Op.VMOVUPS, T, rows.at(row, codes + VECTOR * half));
      halves(T, lower, T);
      if (fifth) {
        addBits(lower, 6, R13.at(VECTOR * (7 + 2 * half)));
        addBits(T, 6, R13.at(VECTOR * (8 + 2 * half)));
      }
      a.op(Op.VMOVUPS, upper, lower);
      a.op(Op.VPERMT2Q, lower, constant(4), T);
      a.op(Op.VPERMT2Q, upper, constant(5), T);
    }
  }

  private void q6(int row, int to) {
    for (int half = 0; half < 2; half++) {
      a.op(Op.VBROADCASTI32X8, BITS, rows.at(row, 128 + 32 * half));
      a.op(Op.VMOVUPS, T, rows.at(row, VECTOR * half));
      halves(T, code(to, 2 * half), code(to, 2 * half + 1));
      addBits(code(to, 2 * half), 1, R13.at(VECTOR * 2));
      addBits(code(to, 2 * half + 1), 1, R13.at(VECTOR * 3));
    }
  }

  /** codes += BITS, turned left, under a mask. */
  private void addBits(Vec codes, int mask, Mem turns) {
    a.op(Op.VPROLVD, MORE, BITS, turns);
    a.op(Op.VPAND, MORE, MORE, constant(mask));
    a.op(Op.VPOR, codes, codes, MORE);
  }

  // ---- scales, in lanes of rows ----

  private void scales() {
    switch (dtype) {
      case Q4_0, Q8_0 -> legacyScales();
      case Q6_K -> q6Scales();
      default -> kScales();
    }
  }

  /** A float16 number at the start of each block. */
  private void legacyScales() {
    a.mov(RBX, 1);
    for (int row = 0; row < 16; row++) {
      int mask = 4 + row % 4;
      a.kmov(mask, RBX);
      for (int block = 0; block < blocks; block++) {
        Mem from = rows.at(row, block * dtype.blockBytes());
        a.masked(Op.VPBROADCASTD, Vec.zmm(block), mask, from);
      }
      a.shl(RBX, 1);
    }
    for (int block = 0; block < blocks; block++) {
      half(T, Vec.zmm(block));
      a.store(Op.VMOVUPS_STORE, scale(block), T);
    }
  }

  /** dst = the float16 numbers in the lower halves of from, by way of memory. */
  private void half(Vec dst, Vec from) {
    a.store(Op.VPMOVDW, R11.at(HALVES), from);
    a.op(Op.VCVTPH2PS, dst, R11.at(HALVES));
  }

  private void q6Scales() {
    Vec d = Vec.zmm(10);
    rows.transposed(194);
    a.shift(Op.VPSRLD, T, Vec.zmm(3), 16);
    half(d, T);
    rows.transposed(192);
    for (int i = 0; i < 16; i++) {
      a.shift(Op.VPSLLD, T, Vec.zmm(i / 4), 24 - i % 4 * 8);
      a.shift(Op.VPSRAD, T, T, 24);
      wholeScale(i, d);
    }
  }

  /** See KBlocks: two numbers, then eight scales and eight minimums of six bits in three words. */
  private void kScales() {
    Vec d = Vec.zmm(10);
    Vec dMin = Vec.zmm(11);
    Vec last = Vec.zmm(3);
    Vec upper = Vec.zmm(4);
    rows.transposed(0);
    half(d, Vec.zmm(0));
    a.shift(Op.VPSRLD, T, Vec.zmm(0), 16);
    half(dMin, T);
    for (int kind = 0; kind < 2; kind++) {
      Vec sixes = Vec.zmm(1 + kind);
      a.shift(Op.VPSRLD, upper, sixes, 2);
      a.op(Op.VPAND, upper, upper, constant(2));
      a.op(Op.VPAND, sixes, sixes, constant(1));
      if (kind == 1) {
        a.shift(Op.VPSRLD, last, last, 4);
      }
      a.op(Op.VPAND, T, last, constant(0));
      a.op(Op.VPOR, upper, upper, T);
      for (int i = 0; i < 8; i++) {
        a.shift(Op.VPSRLD, T, i < 4 ? sixes : upper, i % 4 * 8);
        a.op(Op.VPAND, T, T, constant(3));
        wholeScale(kind * MINIMUM + i, kind == 0 ? d : dMin);
      }
    }
  }

  /** The whole numbers in T times a unit. */
  private void wholeScale(int i, Vec unit) {
    a.op(Op.VCVTDQ2PS, T, T);
    a.op(Op.VMULPS, T, T, unit);
    a.store(Op.VMOVUPS_STORE, scale(i), T);
  }
}
