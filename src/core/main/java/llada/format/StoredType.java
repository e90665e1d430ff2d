package llada.format;

import java.util.Optional;
import llada.tensor.DType;

/**
 * A tensor type that a file format knows. Types below one byte are blocks too: two FP4 numbers in
 * one byte, four FP6 numbers in three.
 *
 * @param name as the format writes it
 * @param blockLength numbers in a block
 * @param blockBytes bytes of a block
 * @param dtype the type that decodes it; empty if there is none
 */
record StoredType(String name, int blockLength, int blockBytes, Optional<DType> dtype) {
  static StoredType of(DType dtype) {
    return new StoredType(
        dtype.name(), dtype.blockLength(), dtype.blockBytes(), Optional.of(dtype));
  }

  /** A type that has a size, so that a file with it can be checked, but no decoder. */
  static StoredType undecoded(String name, int blockLength, int blockBytes) {
    return new StoredType(name, blockLength, blockBytes, Optional.empty());
  }
}
