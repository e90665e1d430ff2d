package llada.hub;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import llada.api.MemoryNeed;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.DiskLock;
import llada.format.FormatException;

/**
 * Brings a model from a hub into a folder. Files come to a folder beside, {@code .NAME.pull}, which
 * a process that was ended leaves for the next one to go on from. The model's folder appears by
 * renaming when all of it is there and checked; files that are asked for later are added one by
 * one, each whole.
 *
 * @param hub where the model is
 * @param name what it is called there
 * @param folder where it is to be
 * @param patterns of the files that are wanted, such as {@code *q4_0.gguf}; none for all that a
 *     model consists of
 */
public record Pull(Hub hub, ModelName name, Path folder, List<String> patterns) {
  private static final List<String> WEIGHTS = List.of("model*.safetensors");
  private static final List<String> OTHERS =
      List.of("*.json", "*.jinja", "*.py", "*.txt", "*.md", "LICENSE*", "NOTICE*");

  /** Hears how far it is. */
  public interface Listener extends LongConsumer {
    /** Hears how many bytes will be there in the end, and then of those that are there. */
    void begin(long bytes);
  }

  /**
   * Brings what is missing. What is there already is read and checked.
   *
   * @return how many files were missing
   * @throws FormatException if that fails; what was there before is then untouched
   */
  public int run(Listener listener) {
    Path target = folder.toAbsolutePath().normalize();
    Path beside = target.resolveSibling("." + target.getFileName() + ".pull");
    try {
      Hub.Listing listing = hub.list(name);
      List<HubFile> wanted = choose(listing.files());
      Disk.current().createFolders(beside);
      try (DiskLock held = DiskLock.take(beside.resolve("lock")).orElse(null)) {
        if (held == null) {
          throw new FormatException(folder + ": another process is pulling it; wait for its end");
        }
        List<HubFile> missing = missing(wanted, target);
        if (!missing.isEmpty()) {
          bring(listing, missing, beside, listener);
          publish(missing, beside, target);
        }
        Disk.current().deleteTree(beside);
        return missing.size();
      }
    } catch (IOException e) {
      throw new FormatException(
          "%s: cannot be written (%s); may you write there, and is there room on the disk?"
              .formatted(folder, e.getMessage()),
          e);
    }
  }

  private List<HubFile> choose(List<HubFile> all) {
    HashSet<String> names = new HashSet<>();
    for (HubFile file : all) {
      String undotted = file.name().replaceAll("(^|/)\\.(?=[^./])", "$1"); // never wanted
      if (!HubFile.isSafe(undotted) || !names.add(file.name())) {
        throw new FormatException(
            "%s: lists '%s', which no file of a model may be called, or twice; nothing was written"
                .formatted(name, file.name()));
      }
    }
    List<HubFile> chosen = matching(all, patterns);
    if (patterns.isEmpty()) {
      List<HubFile> gguf = matching(all, List.of("*.gguf"));
      chosen = new ArrayList<>(matching(all, WEIGHTS));
      if (!chosen.isEmpty()) {
        chosen.addAll(matching(all, OTHERS));
      } else if (gguf.size() == 1) {
        chosen = gguf;
      }
    }
    if (chosen.isEmpty()) {
      throw new FormatException(
          "%s: name one or more of its files, since %s: %s"
              .formatted(
                  name,
                  patterns.isEmpty()
                      ? "it holds no safetensors, and not one GGUF file"
                      : "it holds none of that name",
                  all.stream()
                      .map(f -> f.name() + " (" + MemoryNeed.text(f.size()) + ")")
                      .collect(Collectors.joining(", "))));
    }
    return chosen;
  }

  private static List<HubFile> matching(List<HubFile> files, List<String> globs) {
    List<PathMatcher> matchers = new ArrayList<>();
    for (String glob : globs) {
      try {
        matchers.add(FileSystems.getDefault().getPathMatcher("glob:" + glob));
      } catch (IllegalArgumentException e) {
        throw new FormatException("'%s' is no pattern: %s".formatted(glob, e.getMessage()), e);
      }
    }
    return files.stream()
        .filter(file -> HubFile.isSafe(file.name()))
        .filter(file -> matchers.stream().anyMatch(m -> m.matches(Path.of(file.name()))))
        .toList();
  }

  /** Those that the folder lacks. A file of other content is nothing that we may replace. */
  private List<HubFile> missing(List<HubFile> wanted, Path target) throws IOException {
    List<HubFile> missing = new ArrayList<>();
    for (HubFile file : wanted) {
      Path path = target.resolve(file.name());
      if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
        missing.add(file);
      } else if (!file.matches(path)) {
        throw new FormatException(
            "%s: is not what the hub has as %s now; move the folder away to get all of that anew"
                .formatted(path, name));
      }
    }
    return missing;
  }

  private void bring(Hub.Listing listing, List<HubFile> missing, Path parts, Listener listener)
      throws IOException {
    List<Download> downloads = new ArrayList<>();
    long bytes = 0;
    long there = 0; // of an earlier pull
    for (HubFile file : missing) {
      Download download =
          new Download(hub, file, hub.address(name, listing.commit(), file), parts, listener);
      downloads.add(download);
      bytes += file.size();
      there += Math.min(file.size(), download.progress());
    }
    AtomicFile.requireSpace(folder, bytes - there);
    listener.begin(bytes);
    listener.accept(there);
    for (Download download : downloads) {
      download.bring();
    }
  }

  private static void publish(List<HubFile> missing, Path parts, Path target) throws IOException {
    Disk disk = Disk.current();
    boolean fresh = Files.notExists(target);
    Path folder = fresh ? parts.resolve("folder") : target;
    disk.deleteTree(parts.resolve("folder"));
    for (HubFile file : missing) {
      Path to = folder.resolve(file.name());
      disk.createFolders(to.getParent());
      disk.rename(parts.resolve(Download.partName(file)), to);
      disk.forceFolder(to.getParent());
    }
    if (fresh) {
      disk.rename(folder, target);
      disk.forceFolder(target.getParent());
    }
  }
}
