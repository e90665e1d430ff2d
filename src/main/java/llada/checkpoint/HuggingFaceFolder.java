package llada.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import llada.format.FormatException;
import llada.format.Safetensors;
import llada.model.LladaConfig;
import llada.tensor.Tensor;

/** Writes a model as a Hugging Face folder that the published code loads. */
public final class HuggingFaceFolder {
  /** What belongs to a tokenizer; copied as it is when the source has it. */
  private static final List<String> TOKENIZER_FILES =
      List.of(
          "tokenizer.json",
          "tokenizer_config.json",
          "special_tokens_map.json",
          "chat_template.jinja");

  private HuggingFaceFolder() {}

  /**
   * Writes config.json, model.safetensors and copies of the tokenizer's files. Everything is
   * written to a folder beside, which is renamed once it is complete: on any failure nothing is
   * left under {@code folder}.
   *
   * @param folder must not exist yet
   * @param weights by Hugging Face name, of float types
   * @param tokenizerFrom a folder to copy the tokenizer's files from; others give none
   * @throws FormatException if it exists or cannot be written
   */
  public static void write(
      Path folder, LladaConfig config, Map<String, Tensor> weights, Path tokenizerFrom) {
    if (Files.exists(folder)) {
      throw new FormatException(folder + ": exists already; give the name of a new folder");
    }
    Path target = folder.toAbsolutePath().normalize();
    Path beside = target.resolveSibling("." + target.getFileName() + ".part");
    try {
      remove(beside);
      Files.createDirectory(beside);
      Files.write(beside.resolve("config.json"), HuggingFaceConfig.write(config));
      for (String name : TOKENIZER_FILES) {
        if (Files.isRegularFile(tokenizerFrom.resolve(name))) {
          Files.copy(tokenizerFrom.resolve(name), beside.resolve(name));
        }
      }
      Safetensors.write(beside.resolve("model.safetensors"), weights, Map.of("format", "pt"));
      Files.move(beside, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new FormatException(
          "%s: cannot be written (%s); is there such a parent folder, and room on the disk?"
              .formatted(folder, e.getMessage()),
          e);
    } finally {
      try {
        remove(beside);
      } catch (IOException e) {
        // What is left beside is in no one's way; the first failure is what matters.
      }
    }
  }

  private static void remove(Path tree) throws IOException {
    if (Files.notExists(tree)) {
      return;
    }
    try (Stream<Path> files = Files.walk(tree)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
