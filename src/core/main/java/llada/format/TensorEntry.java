package llada.format;

import java.util.Optional;
import llada.tensor.DType;
import llada.tensor.Shape;

/**
 * Where one tensor lies in a file. Every tensor of a file has an entry, also those of types that
 * {@code llada.tensor} does not decode.
 *
 * @param name as in the file
 * @param type the type's name as the format writes it, such as {@code BF16} or {@code IQ4_NL}
 * @param dtype the same type as one of ours; empty if it cannot serve as weights
 * @param shape outermost dimension first, whatever the order in the file
 * @param begin first byte, counted from the start of the file's tensor data
 * @param bytes length in bytes
 */
public record TensorEntry(
    String name, String type, Optional<DType> dtype, Shape shape, long begin, long bytes) {
  /** An entry for a tensor to be written, whose place is not known yet. */
  public static TensorEntry of(String name, DType dtype, Shape shape) {
    return new TensorEntry(name, dtype.name(), Optional.of(dtype), shape, 0, dtype.bytes(shape));
  }

  /** The byte after the last one. */
  long end() {
    return begin + bytes;
  }
}
