package llada.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Stream;
import llada.checkpoint.HuggingFaceFolder;
import llada.checkpoint.NonFinite;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.format.Safetensors;
import llada.format.Sha256;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.tensor.Tensor;

/**
 * The folder of a run. Each checkpoint is a Hugging Face folder {@code step-00001000}, or that of
 * adapters alone, with three more files: {@code optimizer.safetensors}, the optimizer's state,
 * {@code training.json} ({@link TrainingState}), and {@code SHA256SUMS}. It is written under
 * another name, forced to the disk, renamed when it is complete, and only then are older ones
 * removed: whenever the process is killed or the power fails, the newest folder of that name is
 * whole.
 *
 * <p>One process at a time trains in it: {@link #open}.
 */
public final class RunFolder {
  private static final String PREFIX = "step-";
  static final String MODEL = "model";
  static final String ADAPTER = "adapter";
  private static final String LOCK = "run.lock";
  private static final String PUBLISHED = "run.sha256"; // SHA-256 of each model's SHA256SUMS
  private static final String OUR_FILES =
      PREFIX + "\\d{8,}|model|adapter|run\\.sha256|loss\\.csv|loss\\.svg|tokens\\.cache";

  private final Path folder;

  public RunFolder(Path folder) {
    this.folder = folder;
  }

  public Path path() {
    return folder;
  }

  /**
   * Takes the folder for this process, makes it if it does not exist, and removes what a process
   * that was killed left half written or half removed.
   *
   * @return to be closed at the run's end
   * @throws FormatException if it cannot be made, holds what no run wrote, or another process
   *     trains in it
   */
  public DiskLock open() {
    requireOurs();
    Disk disk = Disk.current();
    try {
      disk.createFolders(folder);
      DiskLock lock =
          DiskLock.take(folder.resolve(LOCK))
              .orElseThrow(
                  () ->
                      new FormatException(
                          folder
                              + ": another process is training in it; wait for it, or choose"
                              + " another output folder"));
      try {
        DiskLock.removeAbandoned(folder, OUR_FILES);
        DiskLock.removeAbandoned(folder.resolve("tokenizer"), "[a-z_]+\\.(?:json|jinja)");
        if (Files.notExists(folder.resolve(PUBLISHED))) {
          AtomicFile.write(folder.resolve(PUBLISHED), new byte[0]);
        }
        requireOurModel(MODEL);
        requireOurModel(ADAPTER);
        disk.forceFolder(folder); // what a killed process renamed, too, is to last
        return lock;
      } catch (IOException | RuntimeException e) {
        lock.close();
        throw e;
      }
    } catch (IOException e) {
      throw new FormatException(
          folder + ": cannot be made (" + e.getMessage() + "); choose another output folder", e);
    }
  }

  private void requireOurs() {
    if (!Files.isDirectory(folder) || is(folder)) {
      return;
    }
    try (Stream<Path> all = Files.list(folder)) {
      // A run that was killed at its very beginning had a lock only, or half a list.
      Optional<Path> strange =
          all.filter(f -> !f.getFileName().toString().matches("run\\.lock|\\.run\\.sha256\\..*"))
              .findFirst();
      if (strange.isPresent()) {
        throw new FormatException(
            "%s: is no folder of a run, but holds %s; choose a new output folder"
                .formatted(folder, strange.get().getFileName()));
      }
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be read: " + e.getMessage(), e);
    }
  }

  /** A folder of this name must be this run's: it is going to be replaced. */
  private void requireOurModel(String name) throws IOException {
    Path model = folder.resolve(name);
    Path list = model.resolve(Sha256.LIST);
    if (Files.exists(model, LinkOption.NOFOLLOW_LINKS)
        && !(Files.isRegularFile(list)
            && Files.readAllLines(folder.resolve(PUBLISHED)).contains(Sha256.of(list)))) {
      throw new FormatException(
          model
              + ": is there, but was not written by this run; move it away, or choose another"
              + " output folder");
    }
  }

  /** Whether a path is the folder of a run. */
  public static boolean is(Path path) {
    return Files.exists(path.resolve(PUBLISHED))
        || new RunFolder(path)
            .checkpoints().stream().anyMatch(c -> Files.exists(c.resolve(TrainingState.FILE)));
  }

  /**
   * Checks every file of the run that carries a sum: tokens, checkpoints, the published model.
   *
   * @param told takes the name of what is whole, and what there is to say about it
   * @throws FormatException at the first damage
   */
  public void verify(BiConsumer<String, String> told) {
    Path tokens = folder.resolve("tokens.cache");
    if (Files.exists(tokens)) {
      TokenCache.check(tokens);
      told.accept("tokens", "SHA-256 as noted");
    }
    for (Path checkpoint : checkpoints()) {
      TrainingState state = TrainingState.check(checkpoint);
      told.accept("checkpoint", "step %d, sums and numbers".formatted(state.step()));
    }
    for (String published : List.of(MODEL, ADAPTER)) {
      if (Files.exists(folder.resolve(published))) {
        Sha256.checkList(folder.resolve(published));
      }
    }
  }

  /**
   * The published model or adapter, or else the newest checkpoint.
   *
   * @throws FormatException if there is none
   */
  public Path newestModel() {
    Optional<Path> published =
        Stream.of(MODEL, ADAPTER).map(folder::resolve).filter(Files::exists).findFirst();
    return published.isPresent()
        ? published.get()
        : latest()
            .orElseThrow(() -> new FormatException(folder + ": holds no checkpoint and no model"));
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
      return all.filter(f -> f.getFileName().toString().matches(PREFIX + "\\d{8,18}"))
          .sorted(Comparator.comparingLong(RunFolder::number))
          .toList();
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static long number(Path checkpoint) {
    return Long.parseLong(checkpoint.getFileName().toString().substring(PREFIX.length()));
  }

  /**
   * The newest checkpoint that is whole. Damaged ones that are newer are renamed, so that the run
   * can make them anew.
   *
   * @param told takes a sentence for each of those
   */
  public Optional<Path> latestWhole(Consumer<String> told) {
    for (Path checkpoint : checkpoints().reversed()) {
      try {
        TrainingState.check(checkpoint);
        return Optional.of(checkpoint);
      } catch (FormatException e) {
        Path aside =
            checkpoint.resolveSibling(checkpoint.getFileName() + ".damaged-" + Disk.suffix());
        try {
          Disk.current().rename(checkpoint, aside);
          Disk.current().forceFolder(folder);
        } catch (IOException failed) {
          throw new FormatException(
              "%s; it cannot be renamed: %s".formatted(e.getMessage(), failed.getMessage()), e);
        }
        told.accept("%s; the checkpoint is now %s".formatted(e.getMessage(), aside.getFileName()));
      }
    }
    return Optional.empty();
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
      TrainingState state,
      LladaConfig config,
      LladaWeights weights,
      Map<String, Tensor> optimizer,
      Path tokenizerFrom) {
    Map<String, Tensor> model = HuggingFaceFolder.byName(weights);
    return save(state, model, HuggingFaceFolder.model(config, model, tokenizerFrom), optimizer);
  }

  /**
   * Writes a checkpoint of whatever is trained.
   *
   * @param model what is trained, by name
   * @param files writes it
   * @param optimizer state by name
   */
  Path save(
      TrainingState state,
      Map<String, Tensor> model,
      HuggingFaceFolder.MoreFiles files,
      Map<String, Tensor> optimizer) {
    Path target = folder.resolve("%s%08d".formatted(PREFIX, state.step()));
    if (Files.exists(target)) {
      return target; // the same step of the same run has the same content
    }
    NonFinite.first(model)
        .or(() -> NonFinite.first(optimizer))
        .ifPresent(
            bad -> {
              throw new NonFiniteLossException(
                  "step %d: %s, so no checkpoint is written%s. Try a lower learning rate or a lower limit of the gradients' norm (clip)"
                      .formatted(
                          state.step(),
                          bad,
                          latest().map(good -> "; the last good one is " + good).orElse("")));
            });
    AtomicFile.requireSpace(target, bytes(model) + bytes(optimizer) + (1 << 20));
    HuggingFaceFolder.write(
        target,
        inside -> {
          files.writeInto(inside);
          Safetensors.write(inside.resolve(TrainingState.OPTIMIZER_FILE), optimizer, Map.of());
          state.write(inside);
          Sha256.writeList(inside);
        });
    return target;
  }

  private static long bytes(Map<String, Tensor> tensors) {
    return tensors.values().stream().mapToLong(t -> t.bytes()).sum();
  }

  /** The checkpoint with the lowest validation bound, of those at whose step it was measured. */
  public Optional<Path> best() {
    Optional<Path> best = Optional.empty();
    double lowest = Double.POSITIVE_INFINITY;
    for (Path checkpoint : checkpoints()) {
      try {
        double bound = TrainingState.read(checkpoint).bound().orElse(Double.POSITIVE_INFINITY);
        if (bound < lowest) {
          lowest = bound;
          best = Optional.of(checkpoint);
        }
      } catch (FormatException e) {
        // It is damaged, and no checkpoint to go back to.
      }
    }
    return best;
  }

  /** Removes all checkpoints but the newest {@code keep} and the {@link #best}. */
  public void prune(int keep) {
    List<Path> all = new ArrayList<>(checkpoints());
    all.subList(Math.max(0, all.size() - keep), all.size()).clear();
    best().ifPresent(all::remove);
    for (Path old : all) {
      try {
        Path away = Disk.beside(old);
        Disk.current().rename(old, away);
        Disk.current().deleteTree(away);
      } catch (IOException e) {
        // It only takes room; the next start tries again.
      }
    }
  }

  /**
   * Writes a model, or adapters, without training state as {@code folder/name}, in place of an
   * older one.
   *
   * @param content writes into the folder that it is given
   * @throws FormatException if it cannot be written; the older one is then untouched
   */
  public Path publish(String name, HuggingFaceFolder.MoreFiles content) {
    Path target = folder.resolve(name);
    try {
      requireOurModel(name);
    } catch (IOException e) {
      throw new FormatException(target + ": cannot be written: " + e.getMessage(), e);
    }
    HuggingFaceFolder.replace(
        target,
        inside -> {
          content.writeInto(inside);
          Sha256.writeList(inside);
          Path list = folder.resolve(PUBLISHED);
          String all = Files.readString(list) + Sha256.of(inside.resolve(Sha256.LIST)) + "\n";
          AtomicFile.write(
              list, all.getBytes(StandardCharsets.US_ASCII)); // what is added may be torn
        });
    return target;
  }
}
