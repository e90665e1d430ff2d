package llada.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import llada.tensor.Tensor;

/** Writes safetensors files for {@link Safetensors#write}. */
final class SafetensorsWriter {
  private static final JsonFactory JSON = new JsonFactory();

  private SafetensorsWriter() {}

  static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    tensors.forEach((name, tensor) -> check(file, name, tensor));
    List<Map.Entry<String, Tensor>> ordered =
        tensors.entrySet().stream()
            .sorted(
                Comparator.comparingInt(
                    (Map.Entry<String, Tensor> entry) -> -entry.getValue().dtype().blockBytes()))
            .toList();
    List<TensorEntry> entries =
        ordered.stream()
            .map(e -> TensorEntry.of(e.getKey(), e.getValue().dtype(), e.getValue().shape()))
            .toList();
    MemorySegment head = MemorySegment.ofArray(head(file, entries, metadata));
    AtomicFile.write(
        file,
        channel -> {
          AtomicFile.writeFully(channel, head);
          for (Map.Entry<String, Tensor> entry : ordered) {
            AtomicFile.writeFully(channel, entry.getValue().reading());
          }
        });
  }

  /** Writes tensors whose data is brought piece by piece. */
  static void write(
      Path file, List<TensorEntry> tensors, Map<String, String> metadata, GgufWriter.Data data) {
    MemorySegment head = MemorySegment.ofArray(head(file, tensors, metadata));
    AtomicFile.write(
        file,
        channel -> {
          AtomicFile.writeFully(channel, head);
          for (TensorEntry tensor : tensors) {
            GgufWriter.write(channel, tensor, data);
          }
        });
  }

  private static void check(Path file, String name, Tensor tensor) {
    if (!Safetensors.SUPPORTED.contains(tensor.dtype())) {
      throw new IllegalArgumentException(
          "%s: tensor %s is %s; safetensors stores %s: decode it to F32 first"
              .formatted(file, name, tensor, Safetensors.SUPPORTED));
    }
    if (tensor.shape().rank() > Safetensors.MAX_RANK) {
      throw new IllegalArgumentException(
          "%s: tensor %s %s has more than %d dimensions"
              .formatted(file, name, tensor, Safetensors.MAX_RANK));
    }
    if (name.equals(Safetensors.METADATA)) {
      throw new IllegalArgumentException(
          "%s: no tensor may be called %s; the format needs that name".formatted(file, name));
    }
  }

  /** The length and the header, padded with spaces so that the data begins on a cache line. */
  private static byte[] head(Path file, List<TensorEntry> tensors, Map<String, String> metadata) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      if (!metadata.isEmpty()) {
        json.writeObjectFieldStart(Safetensors.METADATA);
        for (Map.Entry<String, String> entry : metadata.entrySet()) {
          json.writeStringField(entry.getKey(), entry.getValue());
        }
        json.writeEndObject();
      }
      long begin = 0;
      for (TensorEntry tensor : tensors) {
        long end = begin + tensor.bytes();
        json.writeObjectFieldStart(tensor.name());
        json.writeStringField("dtype", tensor.type());
        json.writeFieldName("shape");
        long[] dims = tensor.shape().toArray();
        json.writeArray(dims, 0, dims.length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {begin, end}, 0, 2);
        json.writeEndObject();
        begin = end;
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot happen: written to memory", e);
    }
    byte[] header = utf8(file, text.toString());
    long dataBegin = roundUp(Long.BYTES + (long) header.length);
    if (dataBegin - Long.BYTES > Safetensors.MAX_HEADER_BYTES) {
      throw new IllegalArgumentException(
          "%s: the header would have %d bytes; the format allows %d"
              .formatted(file, header.length, Safetensors.MAX_HEADER_BYTES));
    }
    byte[] head = new byte[(int) dataBegin];
    Arrays.fill(head, (byte) ' ');
    MemorySegment.ofArray(head).set(Safetensors.U64, 0, dataBegin - Long.BYTES);
    System.arraycopy(header, 0, head, Long.BYTES, header.length);
    return head;
  }

  private static long roundUp(long bytes) {
    return (bytes + Tensor.ALIGNMENT - 1) / Tensor.ALIGNMENT * Tensor.ALIGNMENT;
  }

  // Strict, where String.getBytes would turn half a surrogate pair into a question mark.
  private static byte[] utf8(Path file, String text) {
    try {
      ByteBuffer bytes = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
      byte[] copy = new byte[bytes.remaining()];
      bytes.get(copy);
      return copy;
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(
          file + ": a tensor's name or a text of the metadata is not valid Unicode", e);
    }
  }
}
