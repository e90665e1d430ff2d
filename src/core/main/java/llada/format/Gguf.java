package llada.format;

import static llada.format.FormatException.quote;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import llada.tensor.Tensor;

/**
 * One GGUF file of version 2 or 3, little-endian, mapped into memory.
 *
 * <pre>
 *   "GGUF", version u32, number of tensors u64, number of metadata values u64
 *   metadata   key, value type u32, value; each
 *   tensors    name, number of dimensions u32, dimensions u64 (innermost first), type u32, offset u64; each
 *   padding    to a multiple of general.alignment (32 if absent)
 *   data       offsets count from here, each a multiple of the alignment
 * </pre>
 *
 * <p>Strings are a u64 length and UTF-8; arrays an element type u32, a count u64 and the elements.
 * The rules are those of the GGUF specification, sections "File Structure" and "Standardized
 * key-value pairs"; limits that it leaves open (string and header sizes, nesting) are ours.
 */
public final class Gguf {
  private static final String REMEDY = "quantise the model to one of these";

  private final Path file;
  private final GgufHeader header;

  private Gguf(Path file, GgufHeader header) {
    this.file = file;
    this.header = header;
  }

  /**
   * Maps a file and checks all of its header. The tensors are views of the mapping; the metadata is
   * copied and outlives it.
   *
   * @param arena owns the mapping: the tensors end with it, and a confined one binds them to this
   *     thread
   * @throws FormatException if the file cannot be read or breaks any rule of the format
   */
  public static Gguf open(Path file, Arena arena) {
    MemorySegment bytes = MappedFile.map(file, arena);
    Gguf opened = parse(file, bytes);
    MappedFile.watch(bytes, opened.tensors().values());
    return opened;
  }

  /** Reads a file that is in memory already. */
  static Gguf parse(Path file, MemorySegment bytes) {
    return new Gguf(file, GgufHeader.read(file.toString(), bytes));
  }

  /** The file that was opened. */
  public Path file() {
    return file;
  }

  /** Version of the format, 2 or 3. */
  public int version() {
    return header.version();
  }

  /** What kind of model the file holds, such as {@code llada}. */
  public String architecture() {
    return string("general.architecture");
  }

  /**
   * All metadata in file order. A value is a Long for any integer type (a BigInteger from 2^63), a
   * Float, Double, Boolean, String, or an unmodifiable List of these.
   */
  public Map<String, Object> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /** Whether the metadata has this key. */
  public boolean has(String key) {
    return header.metadata().containsKey(key);
  }

  /**
   * The string under a key.
   *
   * @throws FormatException if it is missing or no string
   */
  public String string(String key) {
    return value(key, String.class, "a string");
  }

  /** The string under a key, or {@code other} if the key is missing. */
  public String string(String key, String other) {
    return has(key) ? string(key) : other;
  }

  /**
   * The integer under a key, of whatever width.
   *
   * @throws FormatException if it is missing, no integer or not from {@code min} to {@code max}
   */
  public int integer(String key, int min, int max) {
    return inRange(key, value(key, Number.class, "an integer"), min, max);
  }

  /** The integer under a key, or {@code other} if the key is missing. */
  public int integer(String key, int min, int max, int other) {
    return has(key) ? integer(key, min, max) : other;
  }

  /**
   * The number under a key, of whatever type. A FLOAT32 comes as the double of the same value: the
   * 1e-5 of a file is 9.99999974737875e-6.
   *
   * @throws FormatException if it is missing or no number
   */
  public double number(String key) {
    return value(key, Number.class, "a number").doubleValue();
  }

  /** The number under a key, or {@code other} if the key is missing. */
  public double number(String key, double other) {
    return has(key) ? number(key) : other;
  }

  /**
   * The truth value under a key.
   *
   * @throws FormatException if it is missing or no BOOL
   */
  public boolean bool(String key) {
    return value(key, Boolean.class, "a bool");
  }

  /** The truth value under a key, or {@code other} if the key is missing. */
  public boolean bool(String key, boolean other) {
    return has(key) ? bool(key) : other;
  }

  /**
   * The array of strings under a key.
   *
   * @throws FormatException if it is missing or no array of strings
   */
  public List<String> strings(String key) {
    List<?> list = value(key, List.class, "an array of strings");
    if (!list.isEmpty() && !(list.getFirst() instanceof String)) {
      throw wrong(key, list, "an array of strings");
    }
    @SuppressWarnings("unchecked") // a GGUF array has one element type
    List<String> strings = (List<String>) list;
    return strings;
  }

  /**
   * The array of integers under a key, of whatever width.
   *
   * @throws FormatException if it is missing, no array of integers, or an element exceeds an int
   */
  public int[] ints(String key) {
    List<?> list = value(key, List.class, "an array of integers");
    int[] values = new int[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = inRange(key + "[" + i + "]", list.get(i), Integer.MIN_VALUE, Integer.MAX_VALUE);
    }
    return values;
  }

  private <T> T value(String key, Class<T> type, String wanted) {
    Object value = header.metadata().get(key);
    if (type.isInstance(value)) {
      return type.cast(value);
    }
    throw wrong(key, value, wanted);
  }

  private int inRange(String key, Object value, int min, int max) {
    if (!(value instanceof Long || value instanceof BigInteger)) {
      throw wrong(key, value, "an integer");
    }
    if (value instanceof Long number && number >= min && number <= max) {
      return number.intValue();
    }
    throw new FormatException(
        "%s: metadata key %s is %s; it must be from %d to %d"
            .formatted(file, quote(key), value, min, max));
  }

  private FormatException wrong(String key, Object value, String wanted) {
    return new FormatException(
        value == null
            ? "%s: metadata key %s is missing; %s is needed".formatted(file, quote(key), wanted)
            : "%s: metadata key %s is %s; %s is needed"
                .formatted(file, quote(key), GgufHeader.shown(value), wanted));
  }

  /** All tensors in file order, also those of types that cannot serve as weights. */
  public Map<String, TensorEntry> entries() {
    return header.table().entries();
  }

  /** The tensors of types that can serve as weights, in file order; shapes outermost first. */
  public Map<String, Tensor> tensors() {
    return header.table().tensors();
  }

  /**
   * The tensor of this name.
   *
   * @throws FormatException if it is missing or of a type that cannot serve as weights
   */
  public Tensor tensor(String name) {
    return header.table().tensor(name, GgufHeader.SUPPORTED, REMEDY);
  }
}
