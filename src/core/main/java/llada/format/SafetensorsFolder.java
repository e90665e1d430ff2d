package llada.format;

import static llada.format.FormatException.quote;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import llada.tensor.Tensor;

/**
 * The weights of a Hugging Face folder: one {@code model.safetensors}, or several shards with
 * {@code model.safetensors.index.json}, whose {@code weight_map} names the shard of each tensor.
 * When both are there, the single file counts, as it does for the transformers library.
 */
public final class SafetensorsFolder {
  /** The file of an unsharded model. */
  public static final String SINGLE = "model.safetensors";

  /** The index of a sharded one. */
  public static final String INDEX = "model.safetensors.index.json";

  private static final int MAX_INDEX_BYTES = 100_000_000;

  private final Path folder;
  private final List<Path> files;
  private final Map<String, Safetensors> homes;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();

  private SafetensorsFolder(Path folder, List<Path> files, Map<String, Safetensors> homes) {
    this.folder = folder;
    this.files = List.copyOf(files);
    this.homes = homes;
    homes.forEach(
        (name, shard) -> {
          Tensor tensor = shard.tensors().get(name);
          if (tensor != null) {
            tensors.put(name, tensor);
          }
        });
  }

  /**
   * Maps all files of the folder's model.
   *
   * @param arena owns the mappings, as in {@link Safetensors#open}
   * @throws FormatException if there is no model in safetensors form, or index and shards do not
   *     agree: a shard is missing, is outside the folder, lacks one of its tensors, or two shards
   *     have the same one
   */
  public static SafetensorsFolder open(Path folder, Arena arena) {
    if (!Files.isDirectory(folder)) {
      throw new FormatException(
          folder + ": is no folder; give the folder that holds config.json and " + SINGLE);
    }
    Path single = folder.resolve(SINGLE);
    Path index = folder.resolve(INDEX);
    if (Files.exists(single)) {
      Safetensors file = Safetensors.open(single, arena);
      Map<String, Safetensors> homes = new LinkedHashMap<>();
      file.entries().keySet().forEach(name -> homes.put(name, file));
      return new SafetensorsFolder(folder, List.of(single), homes);
    }
    if (Files.exists(index)) {
      return openShards(folder, index, arena);
    }
    throw new FormatException(
        "%s: holds neither %s nor %s%s".formatted(folder, SINGLE, INDEX, remedy(folder)));
  }

  private static SafetensorsFolder openShards(Path folder, Path index, Arena arena) {
    Json map = Json.read(index, MAX_INDEX_BYTES).get("weight_map");
    Map<String, Safetensors> shards = new LinkedHashMap<>();
    Map<String, Safetensors> owners = new LinkedHashMap<>();
    Map<String, Safetensors> homes = new LinkedHashMap<>();
    for (String name : map.map().keySet()) {
      String shardName = map.get(name).string();
      Safetensors shard = shards.get(shardName);
      if (shard == null) {
        Path path = shardPath(folder, index, name, shardName);
        shard = Safetensors.open(path, arena);
        shards.put(shardName, shard);
        claim(shard, owners);
      }
      if (!shard.entries().containsKey(name)) {
        throw new FormatException(
            "%s: places tensor %s in %s, which does not hold it; download index and shards again"
                .formatted(index, quote(name), shard.file()));
      }
      homes.put(name, shard);
    }
    if (homes.isEmpty()) {
      throw new FormatException(index + ": weight_map is empty; it must list every tensor");
    }
    return new SafetensorsFolder(
        folder, shards.values().stream().map(Safetensors::file).toList(), homes);
  }

  /** Notes all tensors of a shard, in the index or not, so that no name has two meanings. */
  private static void claim(Safetensors shard, Map<String, Safetensors> owners) {
    for (String name : shard.entries().keySet()) {
      Safetensors other = owners.putIfAbsent(name, shard);
      if (other != null) {
        throw new FormatException(
            "%s: tensor %s is in %s too; each tensor may be in one shard only"
                .formatted(shard.file(), quote(name), other.file().getFileName()));
      }
    }
  }

  // An index is untrusted: it must not make us open files elsewhere on the machine.
  private static Path shardPath(Path folder, Path index, String tensor, String shard) {
    Path relative;
    try {
      relative = Path.of(shard);
    } catch (InvalidPathException e) {
      throw new FormatException(
          "%s: tensor %s is in %s, which is no file name"
              .formatted(index, quote(tensor), quote(shard)),
          e);
    }
    if (relative.isAbsolute() || shard.isEmpty() || !staysInside(relative)) {
      throw new FormatException(
          "%s: tensor %s is in %s; a shard must lie in the folder of its index"
              .formatted(index, quote(tensor), quote(shard)));
    }
    Path path = folder.resolve(relative);
    if (Files.notExists(path)) {
      throw new FormatException(
          "%s: the shard %s of tensor %s is missing from the folder; download it"
              .formatted(index, quote(shard), quote(tensor)));
    }
    return path;
  }

  private static boolean staysInside(Path relative) {
    for (Path part : relative) {
      if (part.toString().equals("..")) {
        return false;
      }
    }
    return true;
  }

  private static String remedy(Path folder) {
    try (Stream<Path> inside = Files.list(folder)) {
      List<String> names = inside.map(path -> path.getFileName().toString()).sorted().toList();
      for (String name : names) {
        if (name.endsWith(".gguf")) {
          return "; it holds " + quote(name) + ": give the path of that file instead";
        }
        if (name.endsWith(".bin") || name.endsWith(".pth") || name.endsWith(".pt")) {
          return "; "
              + quote(name)
              + " is a PyTorch pickle, which may run code when it is read: load it there and save"
              + " it with save_pretrained(..., safe_serialization=True)";
        }
      }
      return "; download the model's weights into it";
    } catch (IOException e) {
      return " and cannot be listed: " + e.getMessage();
    }
  }

  /** The folder that was opened. */
  public Path folder() {
    return folder;
  }

  /** The safetensors files that were opened. */
  public List<Path> files() {
    return files;
  }

  /** Where every tensor lies, also those of types that cannot serve as weights. */
  public Map<String, TensorEntry> entries() {
    Map<String, TensorEntry> entries = new LinkedHashMap<>();
    homes.forEach((name, shard) -> entries.put(name, shard.entries().get(name)));
    return entries;
  }

  /**
   * The tensors of types that can serve as weights, in the order of the index. Tensors that lie in
   * a shard but are not in the index are left out.
   */
  public Map<String, Tensor> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  /**
   * The tensor of this name.
   *
   * @throws FormatException if it is missing or of a type that cannot serve as weights
   */
  public Tensor tensor(String name) {
    Safetensors home = homes.get(name);
    if (home == null) {
      throw new FormatException(
          "%s: tensor %s is missing among the model's %d tensors"
              .formatted(folder, quote(name), homes.size()));
    }
    return home.tensor(name);
  }
}
