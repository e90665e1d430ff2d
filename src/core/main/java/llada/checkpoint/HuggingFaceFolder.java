package llada.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.format.Safetensors;
import llada.format.TokenizerFiles;
import llada.model.Architecture;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.tensor.Tensor;

/** Writes a model as a Hugging Face folder that the published code loads. */
public final class HuggingFaceFolder {
  /**
   * What belongs to a tokenizer, and the published code, which config.json names where it lies
   * beside; copied as it is when the source has it.
   */
  private static final List<String> COPIED =
      Stream.concat(
              Stream.of(Architecture.values()).flatMap(a -> HuggingFaceConfig.code(a).stream()),
              Stream.of(
                  "tokenizer.json",
                  "tokenizer_config.json",
                  "special_tokens_map.json",
                  "chat_template.jinja"))
          .toList();

  private HuggingFaceFolder() {}

  /** The weights under their Hugging Face names, first to last; a tied head is left out. */
  public static Map<String, Tensor> byName(LladaWeights weights) {
    return weights.byName();
  }

  /** Files of a folder that are written by somebody else. */
  @FunctionalInterface
  public interface MoreFiles {
    /**
     * Writes them.
     *
     * @param folder not yet under its final name
     * @throws IOException if that fails; the folder is then removed
     */
    void writeInto(Path folder) throws IOException;
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
    write(folder, config, weights, tokenizerFrom, _ -> {});
  }

  /**
   * As {@link #write(Path, LladaConfig, Map, Path)}, with more files that appear together with the
   * rest.
   *
   * @throws FormatException if the folder exists or cannot be written
   */
  public static void write(
      Path folder,
      LladaConfig config,
      Map<String, Tensor> weights,
      Path tokenizerFrom,
      MoreFiles more) {
    MoreFiles model = model(config, weights, tokenizerFrom);
    write(
        folder,
        beside -> {
          model.writeInto(beside);
          more.writeInto(beside);
        });
  }

  /** A model's files: config.json, model.safetensors and copies of the tokenizer's. */
  public static MoreFiles model(
      LladaConfig config, Map<String, Tensor> weights, Path tokenizerFrom) {
    return beside -> {
      copyTokenizer(tokenizerFrom, beside);
      writeConfig(beside, config);
      Safetensors.write(beside.resolve("model.safetensors"), weights, Map.of("format", "pt"));
    };
  }

  /**
   * Writes a folder with the configuration and the tokenizer of an opened model, in the same way. A
   * folder's tokenizer is copied, that of a GGUF file is made into the same files.
   *
   * @param weights writes the *.safetensors
   * @throws FormatException if it exists or cannot be written
   */
  public static void write(Path folder, Checkpoint model, MoreFiles weights) {
    write(
        folder,
        beside -> {
          copyTokenizer(model, beside);
          writeConfig(beside, model.config());
          weights.writeInto(beside);
        });
  }

  private static void writeConfig(Path folder, LladaConfig config) throws IOException {
    List<String> code = HuggingFaceConfig.code(config.architecture());
    boolean withCode =
        !code.isEmpty() && code.stream().allMatch(name -> Files.exists(folder.resolve(name)));
    AtomicFile.write(folder.resolve("config.json"), HuggingFaceConfig.write(config, withCode));
  }

  private static Map<String, String> specialTokens(Checkpoint model) {
    LladaConfig config = model.config();
    Map<String, OptionalInt> ids = new LinkedHashMap<>();
    ids.put("bos_token", config.bosTokenId());
    ids.put("eos_token", OptionalInt.of(config.eosTokenId()));
    ids.put("mask_token", config.tokens().mask());
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

  /**
   * Writes a folder that is complete or not there.
   *
   * @throws FormatException if it exists or cannot be written
   */
  public static void write(Path folder, MoreFiles content) {
    requireNew(folder);
    replace(folder, content);
  }

  /**
   * As {@link #write(Path, MoreFiles)}, but a folder of that name is removed, once the new one is
   * complete.
   *
   * @throws FormatException if the folder cannot be written; the old one is then untouched
   */
  public static void replace(Path folder, MoreFiles content) {
    Disk disk = Disk.current();
    Path target = folder.toAbsolutePath().normalize();
    // A new name each time: whatever stands there already is somebody else's.
    Path beside = Disk.beside(target);
    // An interrupted process leaves nothing either.
    Thread atExit = new Thread(() -> removeQuietly(disk, beside));
    try (DiskLock _ = DiskLock.holdFolder(beside)) {
      Runtime.getRuntime().addShutdownHook(atExit);
      try {
        disk.createFolder(beside);
        content.writeInto(beside);
        disk.forceFolder(beside);
        Path away = Disk.beside(target);
        boolean replaced = Files.exists(target);
        if (replaced) {
          disk.rename(target, away);
        }
        try {
          disk.rename(beside, target);
        } catch (IOException e) {
          if (replaced) {
            disk.rename(away, target);
          }
          throw e;
        }
        disk.forceFolder(target.getParent());
        removeQuietly(disk, away);
      } finally {
        forget(atExit);
        removeQuietly(disk, beside);
      }
    } catch (IOException e) {
      throw new FormatException(
          "%s: cannot be written (%s); may you write there, and is there room on the disk?"
              .formatted(folder, e.getMessage()),
          e);
    }
  }

  private static void forget(Thread atExit) {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The process is ending, so the hook has its work.
    }
  }

  /**
   * Copies the tokenizer's files and the published code, as far as {@code from} has them; files of
   * these names in {@code to} are replaced.
   *
   * @throws FormatException if they cannot be copied
   */
  public static void copyTokenizer(Path from, Path to) {
    try {
      Disk.current().createFolders(to);
      for (String name : COPIED) {
        if (Files.isRegularFile(from.resolve(name)) && !Files.isSameFile(from, to)) {
          AtomicFile.write(to.resolve(name), Files.readAllBytes(from.resolve(name)));
        }
      }
    } catch (IOException e) {
      throw new FormatException(to + ": cannot be written: " + e.getMessage(), e);
    }
  }

  /**
   * The tokenizer's files of an opened model: a folder's are copied, a GGUF file's are made.
   *
   * @throws FormatException if they cannot be written
   */
  public static void copyTokenizer(Checkpoint model, Path to) {
    if (Files.isDirectory(model.path())) {
      copyTokenizer(model.path(), to);
      return;
    }
    try {
      Disk.current().createFolders(to);
    } catch (IOException e) {
      throw new FormatException(to + ": cannot be written: " + e.getMessage(), e);
    }
    TokenizerFiles.write(
        to,
        TokenizerFiles.of(
            model.vocabulary(),
            specialTokens(model),
            model.chatTemplateText(),
            OptionalInt.of(model.config().maxSequenceLength()),
            model.tokenizer().begin()));
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

  /** Removes a folder and its lock. What cannot be removed is in no one's way. */
  private static void removeQuietly(Disk disk, Path tree) {
    for (int attempt = 0; attempt < 3; attempt++) { // a thread may still write a file there
      try {
        disk.deleteTree(tree);
        disk.delete(DiskLock.ofFolder(tree));
        return;
      } catch (IOException e) {
        // once more, up to three times
      }
    }
  }
}
