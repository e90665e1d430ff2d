package llada.format;

import static llada.format.FormatException.quote;

import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * The tensors of one file: what both formats check in the same way. Sizes are computed without
 * overflow, every range lies in the file's data section, and no two ranges overlap.
 *
 * <p>Use: {@link #add} for each tensor, then {@link #finish}.
 */
final class TensorTable {
  private final String file;
  private final MemorySegment data;
  private final Map<String, TensorEntry> entries = new LinkedHashMap<>();
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();

  /**
   * @param file the name to give in messages
   * @param data the part of the file that tensor offsets count from
   */
  TensorTable(String file, MemorySegment data) {
    this.file = file;
    this.data = data;
  }

  /** Number of bytes in the data section. */
  long dataBytes() {
    return data.byteSize();
  }

  /** The start of every message about a tensor: file and name. */
  String where(String tensor) {
    return file + ": tensor " + quote(tensor);
  }

  /**
   * Adds a tensor.
   *
   * @param begin offset in the data section
   * @return its entry
   * @throws FormatException if the name is taken, the shape too large or no whole number of blocks,
   *     or the range leaves the data section
   */
  TensorEntry add(String name, StoredType type, Shape shape, long begin) {
    long bytes = bytes(name, type, shape);
    if (begin < 0 || begin > data.byteSize() || bytes > data.byteSize() - begin) {
      throw new FormatException(
          "%s: %s %s needs %d bytes from offset %d, but the data section has %d bytes; the file is damaged or cut short: download it again"
              .formatted(where(name), type.name(), shape, bytes, begin, data.byteSize()));
    }
    TensorEntry entry = new TensorEntry(name, type.name(), type.dtype(), shape, begin, bytes);
    if (entries.putIfAbsent(name, entry) != null) {
      throw new FormatException(where(name) + ": occurs twice; names must be unique");
    }
    return entry;
  }

  /**
   * A shape out of an untrusted file.
   *
   * @param where file and tensor, for messages
   * @param dims outermost first
   * @throws FormatException if a dimension is negative or there are 2^63 elements or more
   */
  static Shape shape(String where, long... dims) {
    try {
      return Shape.of(dims);
    } catch (IllegalArgumentException e) {
      throw new FormatException(where + ": " + e.getMessage(), e);
    }
  }

  private long bytes(String name, StoredType type, Shape shape) {
    long row = shape.rank() == 0 ? 1 : shape.dim(-1);
    // A quantised row is a whole number of blocks. Types below a byte are packed across rows.
    long unit = type.blockLength() >= 32 ? row : shape.elements();
    if (unit % type.blockLength() != 0) {
      throw new FormatException(
          "%s: %s stores blocks of %d numbers, and %d of shape %s is no multiple of that"
              .formatted(where(name), type.name(), type.blockLength(), unit, shape));
    }
    try {
      return Math.multiplyExact(shape.elements() / type.blockLength(), (long) type.blockBytes());
    } catch (ArithmeticException e) {
      throw new FormatException(
          "%s: %s %s has more than 2^63 bytes".formatted(where(name), type.name(), shape), e);
    }
  }

  /**
   * Checks the ranges against each other and makes the views.
   *
   * @param covered whether the tensors must fill the data section to the last byte
   * @throws FormatException naming the first overlap, or the first hole where none is allowed
   */
  void finish(boolean covered) {
    List<TensorEntry> sorted =
        entries.values().stream()
            .sorted(
                Comparator.comparingLong(TensorEntry::begin).thenComparingLong(TensorEntry::bytes))
            .toList();
    long end = 0;
    TensorEntry before = null;
    for (TensorEntry entry : sorted) {
      if (entry.begin() < end) {
        throw new FormatException(
            "%s: its bytes %d to %d overlap tensor %s, which ends at %d; each byte may belong to one tensor"
                .formatted(
                    where(entry.name()),
                    entry.begin(),
                    entry.end(),
                    quote(before == null ? "" : before.name()),
                    end));
      }
      if (covered && entry.begin() > end) {
        throw hole(end, entry.begin());
      }
      end = entry.end();
      before = entry;
    }
    if (covered && end < data.byteSize()) {
      throw hole(end, data.byteSize());
    }
    for (TensorEntry entry : entries.values()) {
      entry
          .dtype()
          .ifPresent(
              dtype -> {
                MemorySegment bytes = data.asSlice(entry.begin(), entry.bytes());
                tensors.put(entry.name(), Tensor.of(dtype, entry.shape(), bytes));
              });
    }
  }

  private FormatException hole(long from, long to) {
    return new FormatException(
        "%s: bytes %d to %d of the data section (%d bytes) belong to no tensor; the tensors must cover it without holes"
            .formatted(file, from, to, data.byteSize()));
  }

  Map<String, TensorEntry> entries() {
    return Collections.unmodifiableMap(entries);
  }

  Map<String, Tensor> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  /**
   * The tensor of this name.
   *
   * @param supported the types that can serve as weights, for the message
   * @param remedy what to do about another type
   */
  Tensor tensor(String name, List<DType> supported, String remedy) {
    Tensor tensor = tensors.get(name);
    if (tensor != null) {
      return tensor;
    }
    TensorEntry entry = entries.get(name);
    if (entry == null) {
      throw new FormatException(
          "%s: is missing among the file's %d tensors (%s)"
              .formatted(where(name), entries.size(), firstNames()));
    }
    throw new FormatException(
        "%s: is stored as %s; weights can be %s: %s"
            .formatted(
                where(name),
                entry.type(),
                supported.stream().map(DType::name).collect(Collectors.joining(", ")),
                remedy));
  }

  private String firstNames() {
    String names =
        entries.keySet().stream()
            .limit(3)
            .map(FormatException::quote)
            .collect(Collectors.joining(", "));
    return entries.size() > 3 ? names + ", …" : names;
  }
}
