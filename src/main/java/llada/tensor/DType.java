package llada.tensor;

import java.lang.foreign.MemorySegment;

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
  Q4_0(32, 18, BlockQ4_0::decode, BlockQ4_0::encode),
  Q4_K(256, 144, BlockQ4_K::decode, BlockQ4_K::encode),
  Q5_K(256, 176, BlockQ5_K::decode, BlockQ5_K::encode),
  Q6_K(256, 210, BlockQ6_K::decode, BlockQ6_K::encode);

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
  private final Encoder encoder;

  DType(int blockLength, int blockBytes, Decoder decoder, Encoder encoder) {
    this.blockLength = blockLength;
    this.blockBytes = blockBytes;
    this.decoder = decoder;
    this.encoder = encoder;
  }

  /** Numbers in a block. */
  public int blockLength() {
    return blockLength;
  }

  /** Bytes of a block. */
  public int blockBytes() {
    return blockBytes;
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
   */
  public void encode(
      byte[] out, int offset, float[] in, int at, int count, float[] importance, int column) {
    if (count % blockLength != 0 || column % blockLength != 0) {
      throw new IllegalArgumentException(
          "%s stores blocks of %d values; %d values from column %d are no whole blocks"
              .formatted(this, blockLength, count, column));
    }
    encoder.encode(out, offset, in, at, count, importance, column);
  }
}
