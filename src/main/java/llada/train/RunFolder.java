package llada.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import llada.checkpoint.HuggingFaceFolder;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.Safetensors;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.tensor.Tensor;

/**
 * The folder of a run. Each checkpoint is a Hugging Face folder {@code step-00001000} with two more
 * files: {@code optimizer.safetensors}, the optimizer's state, and {@code training.json}, the step
 * and the settings. It is written under another name and renamed when it is complete, and only then
 * are older ones removed: whenever the process is killed, the newest folder of that name is whole.
 */
public final class RunFolder {
  private static final String PREFIX = "step-";
  private static final int MAX_STATE_BYTES = 1 << 20;

  private final Path folder;

  /**
   * What a checkpoint says about its run.
   *
   * @param step optimizer steps made
   * @param settings by option, and the plan's notes
   * @param data SHA-256 of the tokens
   * @param base SHA-256 of the weights that training began with, where they stay part of the model
   *     (LoRA), else empty
   */
  public record State(long step, Map<String, String> settings, String data, String base) {}

  public RunFolder(Path folder) {
    this.folder = folder;
  }

  public Path path() {
    return folder;
  }

  /**
   * Makes the folder.
   *
   * @throws FormatException if it cannot be made
   */
  public void create() {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new FormatException(
          folder + ": cannot be made (" + e.getMessage() + "); choose another --out", e);
    }
  }

  /** The newest complete checkpoint. */
  public Optional<Path> latest() {
    return checkpoints().stream().reduce((_, last) -> last);
  }

  /** All complete checkpoints, oldest first. */
  public List<Path> checkpoints() {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(f -> f.getFileName().toString().matches(PREFIX + "\\d+"))
          .sorted(Comparator.comparingLong(RunFolder::number))
          .toList();
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static long number(Path checkpoint) {
    return Long.parseLong(checkpoint.getFileName().toString().substring(PREFIX.length()));
  }

  /** Removes what a process that was killed left half written or half removed. */
  public void tidy() {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> all = Files.list(folder)) {
      for (Path file : all.toList()) {
        String name = file.getFileName().toString();
        if (name.startsWith("." + PREFIX)
            || name.startsWith(".old-")
            || name.startsWith("..old-")
            || name.endsWith(".tmp")) {
          remove(file);
        }
      }
    } catch (IOException e) {
      // What is left is in no one's way.
    }
  }

  /**
   * Writes a checkpoint.
   *
   * @param optimizer state by name
   * @param tokenizerFrom folder with the tokenizer's files
   * @return its folder
   * @throws FormatException if the disk is full or the folder cannot be written; older checkpoints
   *     are untouched
   */
  public Path save(
      State state,
      LladaConfig config,
      LladaWeights weights,
      Map<String, Tensor> optimizer,
      Path tokenizerFrom) {
    Path target = folder.resolve("%s%08d".formatted(PREFIX, state.step));
    if (Files.exists(target)) {
      return target; // the same step of the same run has the same content
    }
    Map<String, Tensor> model = HuggingFaceFolder.byName(weights);
    AtomicFile.requireSpace(target, bytes(model) + bytes(optimizer) + (1 << 20));
    HuggingFaceFolder.write(
        target,
        config,
        model,
        tokenizerFrom,
        inside -> {
          Safetensors.write(inside.resolve("optimizer.safetensors"), optimizer, Map.of());
          byte[] json = json(state);
          AtomicFile.write(
              inside.resolve("training.json"),
              channel -> AtomicFile.writeFully(channel, MemorySegment.ofArray(json)));
        });
    return target;
  }

  private static long bytes(Map<String, Tensor> tensors) {
    return tensors.values().stream().mapToLong(t -> t.bytes()).sum();
  }

  /** Removes all checkpoints but the newest {@code keep}. */
  public void prune(int keep) {
    List<Path> all = checkpoints();
    for (Path old : all.subList(0, Math.max(0, all.size() - keep))) {
      try {
        Path away = folder.resolve(".old-" + old.getFileName());
        Files.move(old, away, StandardCopyOption.ATOMIC_MOVE);
        remove(away);
      } catch (IOException e) {
        // It only takes room; the next start tries again.
      }
    }
  }

  /**
   * Writes a model, or adapters, without training state as {@code folder/name}, in place of an
   * older one.
   *
   * @param write writes the folder that it is given
   * @throws FormatException if it cannot be written; the older one is then untouched
   */
  public Path publish(String name, Consumer<Path> write) {
    Path target = folder.resolve(name);
    Path fresh = folder.resolve(".old-fresh-" + name);
    try {
      remove(fresh);
      write.accept(fresh);
      if (Files.exists(target)) {
        Path away = folder.resolve(".old-" + name);
        remove(away);
        Files.move(target, away, StandardCopyOption.ATOMIC_MOVE);
        Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE);
        remove(away);
      } else {
        Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE);
      }
      return target;
    } catch (IOException e) {
      throw new FormatException(target + ": cannot be written: " + e.getMessage(), e);
    }
  }

  /**
   * Reads what a checkpoint says about its run.
   *
   * @throws FormatException if it is no checkpoint of a run
   */
  public static State state(Path checkpoint) {
    Path file = checkpoint.resolve("training.json");
    if (Files.notExists(file)) {
      throw new FormatException(
          file + ": is missing; the folder is a model, but no checkpoint to resume from");
    }
    Json json = Json.read(file, MAX_STATE_BYTES);
    Map<String, String> settings = new LinkedHashMap<>();
    json.get("settings").map().forEach((key, value) -> settings.put(key, String.valueOf(value)));
    return new State(
        json.get("step").integer(), settings, json.get("data").string(), json.get("base").string());
  }

  /**
   * Copies a checkpoint's weights and optimizer state into these tensors.
   *
   * @param weights by Hugging Face name
   * @param optimizer by name
   * @throws FormatException if a tensor is missing or has another shape
   */
  public static void restore(
      Path checkpoint, Map<String, Tensor> weights, Map<String, Tensor> optimizer) {
    restore(checkpoint.resolve("model.safetensors"), weights);
    restore(checkpoint.resolve("optimizer.safetensors"), optimizer);
  }

  private static void restore(Path file, Map<String, Tensor> into) {
    try (Arena arena = Arena.ofShared()) {
      Safetensors stored = Safetensors.open(file, arena);
      into.forEach(
          (name, tensor) -> {
            if (!stored.entries().containsKey(name)) {
              throw new FormatException(
                  "%s: lacks %s; it belongs to another run".formatted(file, name));
            }
            Tensor from = stored.tensor(name);
            if (!from.shape().equals(tensor.shape())) {
              throw new FormatException(
                  "%s: %s is %s, but this run's is %s"
                      .formatted(file, name, from.shape(), tensor.shape()));
            }
            Weights.copy(from, tensor);
          });
    }
  }

  private static byte[] json(State state) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeNumberField("step", state.step);
      json.writeStringField("data", state.data);
      json.writeStringField("base", state.base);
      json.writeObjectFieldStart("settings");
      for (Map.Entry<String, String> entry : state.settings.entrySet()) {
        json.writeStringField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail so
    }
    return bytes.toByteArray();
  }

  private static void remove(Path tree) throws IOException {
    if (Files.notExists(tree)) {
      return;
    }
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
