package llada.tensor;

import java.lang.foreign.MemorySegment;

/**
 * How numbers are stored. The float types hold one number in each block; the quantised types of
 * GGUF hold 32 or 256 numbers that share scales.
 *
 * <p>{@link #decode} is the reference for every faster way of reading a type.
 */
public enum DType {
  F64(1, 8, Floats::decodeF64),
  F32(1, 4, Floats::decodeF32),
  F16(1, 2, Floats::decodeF16),
  BF16(1, 2, Floats::decodeBF16),
  Q8_0(32, 34, BlockQ8_0::decode),
  Q4_0(32, 18, BlockQ4_0::decode),
  Q4_K(256, 144, BlockQ4_K::decode),
  Q5_K(256, 176, BlockQ5_K::decode),
  Q6_K(256, 210, BlockQ6_K::decode);

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

  private final int blockLength;
  private final int blockBytes;
  private final Decoder decoder;

  DType(int blockLength, int blockBytes, Decoder decoder) {
    this.blockLength = blockLength;
    this.blockBytes = blockBytes;
    this.decoder = decoder;
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
}
