package llada.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;
import llada.format.FormatException;
import llada.format.Safetensors;
import llada.format.TokenizerFiles;
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

  /** Writes the weights into a folder that is there. */
  @FunctionalInterface
  public interface Weights {
    /** Writes what belongs into {@code folder} beside configuration and tokenizer. */
    void writeTo(Path folder);
  }

  /**
   * Writes config.json, model.safetensors and copies of the tokenizer's files. Everything is
   * written to a folder beside, which is renamed once it is complete: on any failure nothing is
   * left under {@code folder}.
   *
   * @param folder must not exist yet; see {@link #requireNew}
   * @param weights by Hugging Face name, of float types
   * @param tokenizerFrom a folder to copy the tokenizer's files from; others give none
   * @throws FormatException if it exists or cannot be written
   */
  public static void write(
      Path folder, LladaConfig config, Map<String, Tensor> weights, Path tokenizerFrom) {
    write(
        folder,
        beside -> {
          Files.write(beside.resolve("config.json"), HuggingFaceConfig.write(config));
          copyTokenizer(tokenizerFrom, beside);
          Safetensors.write(beside.resolve("model.safetensors"), weights, Map.of("format", "pt"));
        });
  }

  /**
   * Writes a folder with the configuration and the tokenizer of an opened model, in the same way. A
   * folder's tokenizer is copied, that of a GGUF file is made into the same files.
   *
   * @throws FormatException if it exists or cannot be written
   */
  public static void write(Path folder, Checkpoint model, Weights weights) {
    write(
        folder,
        beside -> {
          Files.write(beside.resolve("config.json"), HuggingFaceConfig.write(model.config()));
          if (Files.isDirectory(model.path())) {
            copyTokenizer(model.path(), beside);
          } else {
            TokenizerFiles.write(
                beside,
                model.vocabulary(),
                specialTokens(model),
                model.chatTemplateText(),
                model.config().maxSequenceLength());
          }
          weights.writeTo(beside);
        });
  }

  private static Map<String, String> specialTokens(Checkpoint model) {
    LladaConfig config = model.config();
    Map<String, OptionalInt> ids = new LinkedHashMap<>();
    ids.put("bos_token", config.bosTokenId());
    ids.put("eos_token", OptionalInt.of(config.eosTokenId()));
    ids.put("mask_token", OptionalInt.of(config.maskTokenId()));
    ids.put("pad_token", OptionalInt.of(config.padTokenId()));
    Map<String, String> texts = new LinkedHashMap<>();
    ids.forEach(
        (role, id) -> {
          if (id.isPresent() && id.getAsInt() < model.tokenizer().size()) {
            model.tokenizer().token(id.getAsInt()).ifPresent(text -> texts.put(role, text));
          }
        });
    return texts;
  }

  private static void copyTokenizer(Path from, Path to) throws IOException {
    for (String name : TOKENIZER_FILES) {
      if (Files.isRegularFile(from.resolve(name))) {
        Files.copy(from.resolve(name), to.resolve(name));
      }
    }
  }

  @FunctionalInterface
  private interface Content {
    void writeTo(Path folder) throws IOException;
  }

  private static void write(Path folder, Content content) {
    requireNew(folder);
    Path target = folder.toAbsolutePath().normalize();
    Path beside = null;
    try {
      // A new name each time: whatever stands there already is somebody else's.
      beside = Files.createTempDirectory(target.getParent(), "." + target.getFileName() + ".");
      Files.setPosixFilePermissions(beside, PosixFilePermissions.fromString("rwxr-xr-x"));
      content.writeTo(beside);
      Files.move(beside, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new FormatException(
          "%s: cannot be written (%s); may you write there, and is there room on the disk?"
              .formatted(folder, e.getMessage()),
          e);
    } finally {
      try {
        if (beside != null) {
          remove(beside);
        }
      } catch (IOException e) {
        // What is left beside is in no one's way; the first failure is what matters.
      }
    }
  }

  /**
   * Whether a folder of this name can be made, asked before the work and not after it.
   *
   * @throws FormatException if it exists, or its parent does not
   */
  public static void requireNew(Path folder) {
    if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      throw new FormatException(folder + ": exists already; give the name of a new folder");
    }
    Path parent = folder.toAbsolutePath().normalize().getParent();
    if (parent == null || !Files.isDirectory(parent)) {
      throw new FormatException(
          "%s: its parent folder does not exist; make it first".formatted(folder));
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
