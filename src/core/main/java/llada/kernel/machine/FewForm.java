package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R13;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntUnaryOperator;
import llada.tensor.DType;

/**
 * What the parts of {@link FewBytes} agree on: registers, constants, and which channels of a chunk
 * are unpacked together.
 *
 * <p>A vector of codes has 16 channels, a quarter or half of its bits, of each of its groups; so
 * many codes of four rows as find room in registers are a piece of the chunk.
 */
record FewForm(Assembler a, FewCode.Rows rows, DType dtype, Geometry g, Products products) {
  static final int TABLE_VECTOR = 64; // bytes of each of the table's constants

  /** 16-bit ones, the first constant; what follows is a type's own. */
  static final int ONES = 0;

  private static final Map<DType, MemorySegment> TABLES = new ConcurrentHashMap<>();

  /** How codes are multiplied with activations. */
  enum Products {
    /** vpdpbusd of unsigned bytes, to 32 bits. */
    DOT,
    /** vpmaddubsw of unsigned bytes with up to six bits, to 16; see {@link MaddCode}. */
    PAIRS,
    /** vpmaddubsw of the sizes of signed bytes with activations that bear their signs. */
    SIGNS,
    /** vpmaddwd of numbers widened to 16 bits, in place of vpsignb, which EVEX lacks. */
    WORDS;

    static Products of(DType dtype, boolean wide, boolean vnni) {
      if (vnni) {
        return DOT;
      }
      return WeightForm.of(dtype).bits() < 8 ? PAIRS : wide ? WORDS : SIGNS;
    }

    /** Whether the offset is part of the codes, rather than taken from their sums. */
    boolean signed() {
      return this == SIGNS || this == WORDS;
    }
  }

  WeightForm weights() {
    return WeightForm.of(dtype);
  }

  int vectorBytes() {
    return g.bits() / 8;
  }

  /** Groups of which a vector has 16 channels each. */
  int groups() {
    return g.bits() / 128;
  }

  /** Registers with codes of a row. */
  private int registers() {
    return g.wide() ? 4 : 2;
  }

  /** Vectors of a row in a piece. */
  int vectors() {
    return registers() / (products == Products.WORDS ? 2 : 1);
  }

  /** Vectors that are multiplied to one sum. */
  int together() {
    return weights().group() / 16;
  }

  /** Pieces of a chunk. */
  int pieces() {
    return Geometry.CHUNK / (vectors() * vectorBytes());
  }

  /**
   * Which vector of a chunk the i-th one of a piece is: the next, but for Q6_K at 256 bits, where
   * the lower and the upper halves of 32 bytes are 64 channels apart.
   */
  int vector(int piece, int i) {
    return dtype == DType.Q6_K && !g.wide()
        ? piece / 2 * 4 + 2 * i + piece % 2
        : piece * vectors() + i;
  }

  /** Codes of one of four rows. */
  Vec code(int row, int i) {
    return g.vec(registers() * row + i);
  }

  /** Registers for what else there is in a piece, 0 to 6 (to 8 at 512 bits). */
  Vec free(int i) {
    return g.vec(4 * registers() + i);
  }

  // ---- constants ----

  private int inRegisters() {
    return g.wide() ? 7 : 1;
  }

  Vec constant(int i) {
    return g.vec((g.wide() ? 32 : 16) - inRegisters() + i);
  }

  void loadConstants() {
    for (int i = 0; i < Math.min(inRegisters(), constants(dtype).size()); i++) {
      a.op(Op.VMOVUPS, constant(i), R13.at(TABLE_VECTOR * i));
    }
  }

  /** dst = op(x, constant), from the table where it has no register. */
  void with(Op op, Vec dst, Vec x, int i) {
    if (i < inRegisters()) {
      a.op(op, dst, x, constant(i));
    } else {
      a.op(op, dst, x, R13.at(TABLE_VECTOR * i));
    }
  }

  /** The constants that a type's code reads; see {@link FewCode#TABLE}. */
  static MemorySegment table(DType dtype) {
    return TABLES.computeIfAbsent(
        dtype,
        type -> {
          List<int[]> vectors = constants(type);
          long bytes = (long) TABLE_VECTOR * vectors.size();
          MemorySegment table = Arena.global().allocate(bytes, TABLE_VECTOR);
          for (int i = 0; i < vectors.size(); i++) {
            long at = (long) TABLE_VECTOR * i;
            MemorySegment.copy(vectors.get(i), 0, table, ValueLayout.JAVA_INT, at, 16);
          }
          return table;
        });
  }

  private static List<int[]> constants(DType dtype) {
    List<int[]> constants = new ArrayList<>(List.of(all(0x00010001)));
    constants.addAll(
        switch (dtype) {
          case Q8_0 -> List.of(all(0x80808080));
          case Q4_K, Q5_K ->
              List.of(
                  all(0x0F0F0F0F),
                  all(0x3F3F3F3F),
                  all(0x30303030),
                  all(0xFF),
                  lanes(i -> i / 2 % 2 * 8 + i / 4 * 4 + i % 2), // quarters 0, 2 of two vectors
                  lanes(i -> i / 2 % 2 * 8 + i / 4 * 4 + i % 2 + 2), // quarters 1 and 3
                  all(0x10101010),
                  rotations(4, 2), // bit g to bit 4, g = 0 in one half and 2 in the other
                  rotations(3, 1),
                  rotations(0, 30),
                  rotations(31, 29));
          case Q6_K -> List.of(all(0x0F0F0F0F), all(0x30303030), rotations(4, 2), rotations(0, 30));
          default ->
              List.of(
                  all(0x0F0F0F0F),
                  all(0xF),
                  all(0x02040810), // by multiplying: bit i of four to bit 8i + 4
                  all(0x10101010),
                  words(i -> i % 4 * 4), // four bits of 16
                  words(i -> i % 4 * 4 + 16));
        });
    return constants;
  }

  private static int[] all(int value) {
    return words(_ -> value);
  }

  private static int[] rotations(int lower, int upper) {
    return words(i -> i < 8 ? lower : upper);
  }

  private static int[] lanes(IntUnaryOperator lane) { // of 64 bits
    return words(i -> i % 2 == 0 ? lane.applyAsInt(i / 2) : 0);
  }

  private static int[] words(IntUnaryOperator word) {
    int[] vector = new int[16];
    Arrays.setAll(vector, word);
    return vector;
  }
}
