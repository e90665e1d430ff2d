package llada.format;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.CharBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * Writes a GGUF file of version 3, little-endian, in the form that {@link Gguf} describes: first
 * all metadata and the names, types and shapes of all tensors, then their data, which the caller
 * brings piece by piece. So a file much larger than memory can be written.
 *
 * <pre>
 *   new GgufWriter().string("general.architecture", "llada").tensor("output.weight", Q8_0, shape)
 *       .write(file, (tensor, out) -&gt; out.write(bytes))
 * </pre>
 *
 * <p>What the format cannot hold is an {@link IllegalArgumentException}: it is the fault of the
 * program, not of a file.
 */
public final class GgufWriter {
  private static final long ALIGNMENT = GgufHeader.DEFAULT_ALIGNMENT;
  private static final int VERSION = 3;

  private final Bytes metadata = new Bytes();
  private final Set<String> keys = new HashSet<>();
  private final Map<String, TensorEntry> tensors = new LinkedHashMap<>();
  private final Map<String, MemorySegment> known = new HashMap<>(); // data of small tensors
  private long dataBytes;

  /** Brings the data of one tensor after another, in the order in which they were added. */
  @FunctionalInterface
  public interface Data {
    /**
     * Writes all of a tensor's bytes.
     *
     * @param out takes them, in order and in pieces of any size; together {@code tensor.bytes()}
     * @throws IOException if {@code out} fails; the unfinished file is then removed
     */
    void write(TensorEntry tensor, Sink out) throws IOException;
  }

  /** Takes the bytes of a tensor. */
  @FunctionalInterface
  public interface Sink {
    /**
     * Appends a piece.
     *
     * @throws IOException if the disk fails
     */
    void write(MemorySegment piece) throws IOException;
  }

  /** A little-endian byte sink. */
  private static final class Bytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Bytes u32(long value) {
      out.writeBytes(little(4).putInt((int) value).array());
      return this;
    }

    Bytes u64(long value) {
      out.writeBytes(little(8).putLong(value).array());
      return this;
    }

    Bytes string(String text) {
      byte[] utf8 = utf8(text);
      u64(utf8.length);
      out.writeBytes(utf8);
      return this;
    }

    private static ByteBuffer little(int bytes) {
      return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  /** Adds a string. */
  public GgufWriter string(String key, String value) {
    key(key, GgufValueType.STRING).string(value);
    return this;
  }

  /** Adds a UINT32. */
  public GgufWriter uint32(String key, long value) {
    if (value < 0 || value > 0xFFFF_FFFFL) {
      throw new IllegalArgumentException(key + " is " + value + "; a UINT32 holds 0 to 2^32 - 1");
    }
    key(key, GgufValueType.UINT32).u32(value);
    return this;
  }

  /** Adds a FLOAT32. */
  public GgufWriter float32(String key, float value) {
    key(key, GgufValueType.FLOAT32).u32(Float.floatToRawIntBits(value));
    return this;
  }

  /** Adds a BOOL. */
  public GgufWriter bool(String key, boolean value) {
    key(key, GgufValueType.BOOL).out.write(value ? 1 : 0);
    return this;
  }

  /** Adds an array of strings. */
  public GgufWriter strings(String key, List<String> values) {
    Bytes out = key(key, GgufValueType.ARRAY).u32(GgufValueType.STRING.number());
    out.u64(values.size());
    values.forEach(out::string);
    return this;
  }

  /** Adds an array of INT32. */
  public GgufWriter int32s(String key, int[] values) {
    Bytes out = key(key, GgufValueType.ARRAY).u32(GgufValueType.INT32.number());
    out.u64(values.length);
    for (int value : values) {
      out.u32(value);
    }
    return this;
  }

  private Bytes key(String key, GgufValueType type) {
    if (key.isEmpty() || utf8(key).length > GgufHeader.MAX_KEY || !keys.add(key)) {
      throw new IllegalArgumentException(
          "metadata key '%s' is empty, too long or there already".formatted(key));
    }
    return metadata.string(key).u32(type.number());
  }

  /**
   * Adds a tensor after those before it.
   *
   * @param shape outermost dimension first; the file has the reverse
   */
  public GgufWriter tensor(String name, DType type, Shape shape) {
    if (utf8(name).length > GgufHeader.MAX_NAME || shape.rank() > GgufHeader.MAX_RANK) {
      throw new IllegalArgumentException(
          "tensor %s %s: a name has at most %d bytes and a shape %d dimensions"
              .formatted(name, shape, GgufHeader.MAX_NAME, GgufHeader.MAX_RANK));
    }
    long bytes = type.bytes(shape);
    TensorEntry entry =
        new TensorEntry(name, type.name(), Optional.of(type), shape, dataBytes, bytes);
    if (tensors.putIfAbsent(name, entry) != null) {
      throw new IllegalArgumentException("tensor " + name + " is there already");
    }
    dataBytes = aligned(Math.addExact(dataBytes, bytes));
    return this;
  }

  /** Adds a FLOAT32 vector with its numbers, which {@link Data} is then not asked for. */
  public GgufWriter vector(String name, float[] values) {
    MemorySegment bytes = MemorySegment.ofArray(new byte[values.length * Float.BYTES]);
    MemorySegment.copy(values, 0, bytes, Tensor.F32, 0, values.length);
    known.put(name, bytes);
    return tensor(name, DType.F32, Shape.of(values.length));
  }

  /** The tensors added so far, in order. */
  public List<TensorEntry> tensors() {
    return List.copyOf(tensors.values());
  }

  /** Size of the data section in bytes. */
  public long dataBytes() {
    return dataBytes;
  }

  /**
   * Writes the file beside its target and renames it when it is complete: see {@link AtomicFile}.
   *
   * @throws FormatException if the disk has too little room, which is checked first, or the file
   *     cannot be written; what was there before is untouched
   * @throws IllegalArgumentException if {@code data} brings a tensor more or fewer bytes than it
   *     has
   */
  public void write(Path file, Data data) {
    byte[] header = header();
    AtomicFile.requireSpace(file, Math.addExact(header.length, dataBytes));
    AtomicFile.write(
        file,
        channel -> {
          AtomicFile.writeFully(channel, MemorySegment.ofArray(header));
          for (TensorEntry tensor : tensors.values()) {
            MemorySegment own = known.get(tensor.name());
            write(channel, tensor, own == null ? data : (_, out) -> out.write(own));
            int padding = (int) (aligned(tensor.bytes()) - tensor.bytes());
            AtomicFile.writeFully(channel, MemorySegment.ofArray(new byte[padding]));
          }
        });
  }

  /** Writes a tensor's data and sees that it has the right length. */
  static void write(FileChannel channel, TensorEntry tensor, Data data) throws IOException {
    long begin = channel.position();
    data.write(
        tensor,
        piece -> {
          if (channel.position() - begin + piece.byteSize() > tensor.bytes()) {
            throw wrongLength(tensor, "more");
          }
          AtomicFile.writeFully(channel, piece);
        });
    if (channel.position() - begin != tensor.bytes()) {
      throw wrongLength(tensor, "fewer");
    }
  }

  private static IllegalArgumentException wrongLength(TensorEntry tensor, String how) {
    return new IllegalArgumentException(
        "tensor %s %s %s has %d bytes, but %s were brought"
            .formatted(tensor.name(), tensor.type(), tensor.shape(), tensor.bytes(), how));
  }

  private byte[] header() {
    Bytes out = new Bytes();
    out.out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
    out.u32(VERSION).u64(tensors.size()).u64(keys.size());
    out.out.writeBytes(metadata.out.toByteArray());
    for (TensorEntry tensor : tensors.values()) {
      out.string(tensor.name()).u32(tensor.shape().rank());
      for (int i = tensor.shape().rank() - 1; i >= 0; i--) {
        out.u64(tensor.shape().dim(i));
      }
      out.u32(GgufHeader.number(tensor.dtype().orElseThrow())).u64(tensor.begin());
    }
    int size = out.out.size();
    out.out.writeBytes(new byte[(int) (aligned(size) - size)]);
    return out.out.toByteArray();
  }

  private static long aligned(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }

  // Strict, where String.getBytes would turn half a surrogate pair into a question mark.
  private static byte[] utf8(String text) {
    try {
      ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
      byte[] copy = new byte[bytes.remaining()];
      bytes.get(copy);
      return copy;
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(
          "a key, a name or a text of the metadata is not valid Unicode", e);
    }
  }
}
