package llada.format;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Builds GGUF files byte by byte, also wrong ones: nothing is checked, and every number that the
 * builder would work out can be given instead.
 */
final class GgufBuilder {
  private final Bytes metadata = new Bytes();
  private final List<Tensor> tensors = new ArrayList<>();
  private int version = 3;
  private int alignment = 32;
  private long metadataCount;
  private long tensorCount = -1;
  private long extraMetadata;
  private long cut;

  private record Tensor(String name, List<Long> dims, long type, long offset, int bytes) {}

  /** A little-endian byte sink. */
  static final class Bytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    Bytes raw(byte... bytes) {
      out.writeBytes(bytes);
      return this;
    }

    private Bytes little(long value, int size) {
      for (int i = 0; i < size; i++) {
        out.write((int) (value >>> 8 * i));
      }
      return this;
    }

    Bytes u8(int value) {
      return little(value, 1);
    }

    Bytes u16(int value) {
      return little(value, 2);
    }

    Bytes u32(long value) {
      return little(value, 4);
    }

    Bytes u64(long value) {
      return little(value, 8);
    }

    Bytes f32(float value) {
      return u32(Float.floatToRawIntBits(value));
    }

    Bytes f64(double value) {
      return u64(Double.doubleToRawLongBits(value));
    }

    Bytes string(String text) {
      byte[] utf8 = text.getBytes(UTF_8);
      return u64(utf8.length).raw(utf8);
    }

    byte[] toArray() {
      return out.toByteArray();
    }
  }

  GgufBuilder version(int given) {
    version = given;
    return this;
  }

  /** Claims this number of tensors. */
  GgufBuilder tensorCount(long given) {
    tensorCount = given;
    return this;
  }

  /** Claims so many metadata values more than there are. */
  GgufBuilder extraMetadata(long count) {
    extraMetadata = count;
    return this;
  }

  /** Leaves out this number of bytes at the end. */
  GgufBuilder cut(long bytes) {
    cut = bytes;
    return this;
  }

  /** Adds a metadata value of any type, whose bytes are given. */
  GgufBuilder put(String key, int type, Bytes value) {
    metadata.string(key).u32(type).raw(value.toArray());
    metadataCount++;
    return this;
  }

  GgufBuilder string(String key, String value) {
    return put(key, 8, new Bytes().string(value));
  }

  GgufBuilder u32(String key, long value) {
    return put(key, 4, new Bytes().u32(value));
  }

  GgufBuilder alignment(int given) {
    alignment = given;
    return u32("general.alignment", given);
  }

  GgufBuilder strings(String key, String... values) {
    Bytes value = new Bytes().u32(8).u64(values.length);
    for (String text : values) {
      value.string(text);
    }
    return put(key, 9, value);
  }

  GgufBuilder ints(String key, int... values) {
    Bytes value = new Bytes().u32(5).u64(values.length);
    for (int number : values) {
      value.u32(number);
    }
    return put(key, 9, value);
  }

  /**
   * Adds a tensor after the ones before it, with zeros as data.
   *
   * @param dims as in the file, innermost first
   */
  GgufBuilder tensor(String name, int type, int bytes, long... dims) {
    return tensorAt(nextOffset(), name, type, bytes, dims);
  }

  /** Adds a tensor that claims to lie at {@code offset}. */
  GgufBuilder tensorAt(long offset, String name, long type, int bytes, long... dims) {
    List<Long> list = new ArrayList<>();
    for (long dim : dims) {
      list.add(dim);
    }
    tensors.add(new Tensor(name, list, type, offset, bytes));
    return this;
  }

  private long nextOffset() {
    if (tensors.isEmpty()) {
      return 0;
    }
    Tensor last = tensors.getLast();
    return Math.ceilDiv(last.offset() + last.bytes(), (long) alignment) * alignment;
  }

  byte[] build() {
    Bytes file =
        new Bytes()
            .raw("GGUF".getBytes(UTF_8))
            .u32(version)
            .u64(tensorCount >= 0 ? tensorCount : tensors.size())
            .u64(metadataCount + extraMetadata)
            .raw(metadata.toArray());
    long dataBytes = 0;
    for (Tensor tensor : tensors) {
      file.string(tensor.name()).u32(tensor.dims().size());
      tensor.dims().forEach(file::u64);
      file.u32(tensor.type()).u64(tensor.offset());
      dataBytes += Math.ceilDiv((long) tensor.bytes(), (long) alignment) * alignment;
    }
    int header = file.toArray().length;
    file.raw(new byte[(int) (Math.ceilDiv(header, alignment) * (long) alignment - header)]);
    file.raw(new byte[(int) dataBytes]);
    byte[] whole = file.toArray();
    return Arrays.copyOf(whole, (int) (whole.length - cut));
  }
}
