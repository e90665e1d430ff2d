package llada.format;

import static llada.format.FormatException.quote;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;

/**
 * The types of GGUF's metadata values: {@code gguf_metadata_value_type} in the specification, in
 * the order of their numbers.
 */
enum GgufValueType {
  UINT8(1),
  INT8(1),
  UINT16(2),
  INT16(2),
  UINT32(4),
  INT32(4),
  FLOAT32(4),
  BOOL(1),
  STRING(0),
  ARRAY(0),
  UINT64(8),
  INT64(8),
  FLOAT64(8);

  private static final List<GgufValueType> ALL = List.of(values());
  private static final int MAX_DEPTH = 4;

  // What an object costs on the heap, roughly: its header, fields and the reference to it.
  private static final int OBJECT = 64;

  /** Bytes of a value; 0 where they vary. */
  private final int size;

  GgufValueType(int size) {
    this.size = size;
  }

  /** The number that stands for the type in a file. */
  int number() {
    return ALL.indexOf(this);
  }

  /**
   * Reads a type and a value of it: a Long, BigInteger (from 2^63), Float, Double, Boolean, String
   * or unmodifiable List of these.
   */
  static Object read(GgufCursor in, String key) {
    String what = "metadata key " + quote(key);
    in.charge(2 * OBJECT, what);
    GgufValueType type = readType(in, what);
    return switch (type) {
      case STRING -> in.string(what, GgufCursor.MAX_STRING);
      case ARRAY -> readArray(in, what, 1);
      default -> type.readPacked(in, 1, what).getFirst();
    };
  }

  private static GgufValueType readType(GgufCursor in, String what) {
    long type = in.u32("the type of " + what);
    if (type >= ALL.size()) {
      throw in.error(
          "%s has value type %d; the format has 0 to %d".formatted(what, type, ALL.size() - 1));
    }
    return ALL.get((int) type);
  }

  private static List<Object> readArray(GgufCursor in, String what, int depth) {
    if (depth > MAX_DEPTH) {
      throw in.error("%s nests arrays more than %d deep".formatted(what, MAX_DEPTH));
    }
    GgufValueType type = readType(in, what);
    int minBytes = type == STRING ? 8 : type == ARRAY ? 12 : type.size;
    long count = in.count("elements of " + what, minBytes);
    if (type.size > 0) {
      return type.readPacked(in, count, what);
    }
    in.charge(count * OBJECT, what);
    List<Object> list = new ArrayList<>((int) count); // charge() bounds the count
    for (long i = 0; i < count; i++) {
      list.add(
          type == STRING ? in.string(what, GgufCursor.MAX_STRING) : readArray(in, what, depth + 1));
    }
    return Collections.unmodifiableList(list);
  }

  private List<Object> readPacked(GgufCursor in, long count, String what) {
    byte[] bytes = in.array(count, size, what);
    if (this == BOOL) {
      for (byte bool : bytes) {
        if (bool != 0 && bool != 1) {
          throw in.error("%s holds the bool %d; 0 or 1 is needed".formatted(what, bool & 0xFF));
        }
      }
    }
    return new Packed(this, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN), (int) count);
  }

  private Object decode(ByteBuffer in, int at) {
    return switch (this) {
      case UINT8 -> (long) (in.get(at) & 0xFF);
      case INT8 -> (long) in.get(at);
      case UINT16 -> (long) Short.toUnsignedInt(in.getShort(at));
      case INT16 -> (long) in.getShort(at);
      case UINT32 -> Integer.toUnsignedLong(in.getInt(at));
      case INT32 -> (long) in.getInt(at);
      case FLOAT32 -> in.getFloat(at);
      case BOOL -> in.get(at) == 1;
      case UINT64 ->
          in.getLong(at) >= 0
              ? (Object) in.getLong(at)
              : new BigInteger(Long.toUnsignedString(in.getLong(at)));
      case INT64 -> in.getLong(at);
      case FLOAT64 -> in.getDouble(at);
      case STRING, ARRAY -> throw new IllegalStateException(this + " has no fixed size");
    };
  }

  /** An array of numbers or bools, as compact as in the file and decoded when read. */
  private static final class Packed extends AbstractList<Object> implements RandomAccess {
    private final GgufValueType type;
    private final ByteBuffer bytes;
    private final int count;

    Packed(GgufValueType type, ByteBuffer bytes, int count) {
      this.type = type;
      this.bytes = bytes;
      this.count = count;
    }

    @Override
    public Object get(int i) {
      return type.decode(bytes, Math.multiplyExact(type.size, Objects.checkIndex(i, count)));
    }

    @Override
    public int size() {
      return count;
    }
  }
}
