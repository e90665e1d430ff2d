package llada.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes the weights of a Hugging Face folder piece by piece, so that they may exceed memory: one
 * {@code model.safetensors}, or several shards and their index when there is more than a shard may
 * hold. {@link SafetensorsFolder} reads them.
 */
public final class SafetensorsShards {
  /** What the transformers library puts into one file. */
  public static final long SHARD_BYTES = 5_000_000_000L;

  private static final Map<String, String> METADATA = Map.of("format", "pt");

  private SafetensorsShards() {}

  /**
   * Writes all tensors.
   *
   * @param folder must exist
   * @param tensors in order, of float types; their offsets do not matter
   * @param shardBytes most bytes of a file, unless one tensor alone has more
   * @param data is asked for each tensor's bytes in that order
   * @throws FormatException if a file cannot be written
   */
  public static void write(
      Path folder, List<TensorEntry> tensors, long shardBytes, GgufWriter.Data data) {
    List<List<TensorEntry>> shards = shards(tensors, shardBytes);
    if (shards.size() == 1) {
      Path file = folder.resolve(SafetensorsFolder.SINGLE);
      SafetensorsWriter.write(file, tensors, METADATA, data);
      return;
    }
    for (int i = 0; i < shards.size(); i++) {
      SafetensorsWriter.write(
          folder.resolve(name(i, shards.size())), shards.get(i), METADATA, data);
    }
    byte[] index = index(shards);
    AtomicFile.write(folder.resolve(SafetensorsFolder.INDEX), index);
  }

  private static List<List<TensorEntry>> shards(List<TensorEntry> tensors, long shardBytes) {
    List<List<TensorEntry>> shards = new ArrayList<>(List.of(new ArrayList<>()));
    long bytes = 0;
    for (TensorEntry tensor : tensors) {
      if (bytes + tensor.bytes() > shardBytes && !shards.getLast().isEmpty()) {
        shards.add(new ArrayList<>());
        bytes = 0;
      }
      shards.getLast().add(tensor);
      bytes += tensor.bytes();
    }
    return shards;
  }

  private static String name(int shard, int shards) {
    return "model-%05d-of-%05d.safetensors".formatted(shard + 1, shards);
  }

  private static byte[] index(List<List<TensorEntry>> shards) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    long total = shards.stream().flatMap(List::stream).mapToLong(TensorEntry::bytes).sum();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeObjectFieldStart("metadata");
      json.writeNumberField("total_size", total);
      json.writeEndObject();
      json.writeObjectFieldStart("weight_map");
      for (int i = 0; i < shards.size(); i++) {
        for (TensorEntry tensor : shards.get(i)) {
          json.writeStringField(tensor.name(), name(i, shards.size()));
        }
      }
      json.writeEndObject();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot happen: written to memory", e);
    }
    return bytes.toByteArray();
  }
}
