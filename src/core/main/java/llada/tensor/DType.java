package llada.tensor;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * How numbers are stored. The float types hold one number in each block; the quantised types of
 * GGUF hold 32 or 256 numbers that share scales.
 *
 * <p>{@link #decode} is the reference for every faster way of reading a type; {@link #encode} is
 * the way back.
 */
public enum DType {
  F64(1, 8, Floats::decodeF64, Floats::encodeF64),
  F32(1, 4, Floats::decodeF32, Floats::encodeF32),
  F16(1, 2, Floats::decodeF16, Floats::encodeF16),
  BF16(1, 2, Floats::decodeBF16, Floats::encodeBF16),
  Q8_0(32, 34, BlockQ8_0::decode, BlockQ8_0::encode),
  Q4_0(32, 18, BlockOf32.Q4_0, BlockQ4_0::encode),
  Q4_1(32, 20, BlockOf32.Q4_1),
  Q5_0(32, 22, BlockOf32.Q5_0),
  Q5_1(32, 24, BlockOf32.Q5_1),
  Q2_K(256, 84, BlockQ2_K::decode),
  Q3_K(256, 110, BlockQ3_K::decode),
  Q4_K(256, 144, BlockQ4_K.Q4_K, BlockQ4_K.Q4_K),
  Q5_K(256, 176, BlockQ4_K.Q5_K, BlockQ4_K.Q5_K),
  Q6_K(256, 210, BlockQ6_K::decode, BlockQ6_K::encode),
  IQ4_NL(32, 18, BlockOf32.IQ4_NL),
  IQ4_XS(256, 136, BlockIQ4_XS::decode),
  MXFP4(32, 17, BlockOf32.MXFP4);

  /** Decodes consecutive whole blocks. */
  interface Decoder {
    /**
     * @param out receives {@code count} values from index {@code at}
     * @param in where the first block starts
     * @param offset byte offset of the first block
     * @param count a multiple of the type's block length
     */
    void decode(float[] out, int at, MemorySegment in, long offset, int count);
  }

  /** Encodes consecutive whole blocks. */
  interface Encoder {
    /**
     * @param out receives the blocks from index {@code offset}
     * @param in {@code count} finite values from index {@code at}
     * @param importance by column, or null
     * @param column of the first value
     */
    void encode(
        byte[] out, int offset, float[] in, int at, int count, float[] importance, int column);
  }

  private final int blockLength;
  private final int blockBytes;
  private final Decoder decoder;
  private final Optional<Encoder> encoder;

  DType(int blockLength, int blockBytes, Decoder decoder) {
    this(blockLength, blockBytes, decoder, null);
  }

  DType(int blockLength, int blockBytes, Decoder decoder, Encoder encoder) {
    this.blockLength = blockLength;
    this.blockBytes = blockBytes;
    this.decoder = decoder;
    this.encoder = Optional.ofNullable(encoder);
  }

  /** Numbers in a block. */
  public int blockLength() {
    return blockLength;
  }

  /** Bytes of a block. */
  public int blockBytes() {
    return blockBytes;
  }

  /**
   * The types that models are written in: those that {@link #encode} makes, but for F64. The others
   * are read, from files of other programs.
   */
  public static Set<DType> written() {
    return Arrays.stream(values())
        .filter(type -> type.encoder.isPresent() && type != F64)
        .collect(Collectors.toCollection(() -> EnumSet.noneOf(DType.class)));
  }

  /** Bytes of {@code elements} numbers, which must be a whole number of blocks. */
  public long bytes(long elements) {
    if (elements % blockLength != 0) {
      throw new IllegalArgumentException(
          "%s stores blocks of %d values, and %d is no multiple of that"
              .formatted(this, blockLength, elements));
    }
    return Math.multiplyExact(elements / blockLength, (long) blockBytes);
  }

  /** Bytes of a tensor of this shape. A row must be a whole number of blocks. */
  public long bytes(Shape shape) {
    if (shape.rank() > 0 && shape.dim(-1) % blockLength != 0) {
      throw new IllegalArgumentException(
          "%s stores blocks of %d values, and a row of %s is no multiple of that"
              .formatted(this, blockLength, shape));
    }
    return bytes(shape.elements());
  }

  /**
   * Decodes {@code count} numbers, from element {@code first} of {@code data}, to float32 in {@code
   * out} from index {@code at}. {@code first} and {@code count} are multiples of the block length.
   */
  public void decode(MemorySegment data, long first, float[] out, int at, int count) {
    decoder.decode(out, at, data, bytes(first), count);
  }

  /**
   * Encodes {@code count} numbers, of {@code in} from index {@code at}, to blocks in {@code out}
   * from index {@code offset}. Float types round to the nearest, ties to even. Q8_0 and Q4_0 are
   * bit for bit what the {@code gguf} package makes; the K types, and Q4_0 with an importance, are
   * searched for the smallest sum of squared errors.
   *
   * <p>Quantised types take finite numbers whose scale is at most 65504, the largest float16, and
   * do not check it.
   *
   * @param count a multiple of the block length
   * @param importance how much an error in each column of a row counts, positive; null if all count
   *     the same. The float types and Q8_0 pay no heed
   * @param column of the first number; a multiple of the block length, as is the row's length
   * @throws IllegalArgumentException if the type has no encoder or a block is not whole
   */
  public void encode(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    if (count % blockLength != 0 || column % blockLength != 0) {
      throw new IllegalArgumentException(
          "%s stores blocks of %d values; %d values from column %d are no whole blocks"
              .formatted(this, blockLength, count, column));
    }
    encoder
        .orElseThrow(() -> new IllegalArgumentException(this + " is read, but not written"))
        .encode(out, offset, in, at, count, importance, column);
  }
}
