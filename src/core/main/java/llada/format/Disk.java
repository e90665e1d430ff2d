package llada.format;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;

/**
 * All that LLaDA.java does to the disk besides reading: no other class of the program opens a file
 * for writing, renames or deletes one. What an operation did is sure to outlast a power cut only
 * once it was forced: the bytes of a file by {@link FileChannel#force}, the names in a folder (new,
 * renamed, deleted) by {@link #forceFolder}. The order is therefore: write, force the file, force
 * its folder, rename, force the folder of the name, and only then delete what was replaced.
 *
 * <p>Tests bind a disk of their own to {@link #CURRENT}, one that fails or loses power.
 */
public interface Disk {
  /** The disk that code called from here writes to; unbound for the machine's. */
  ScopedValue<Disk> CURRENT = ScopedValue.newInstance();

  /** The disk to write to. */
  static Disk current() {
    return CURRENT.orElse(LocalDisk.INSTANCE);
  }

  /**
   * Makes a new file and opens it for writing.
   *
   * @throws FileAlreadyExistsException if anything has that name
   */
  FileChannel create(Path file) throws IOException;

  /** Opens a file for reading and writing; one that does not exist is made. */
  FileChannel open(Path file) throws IOException;

  /**
   * Makes one folder.
   *
   * @throws FileAlreadyExistsException if anything has that name
   */
  void createFolder(Path folder) throws IOException;

  /** Renames in one step; a file of the new name is replaced, a folder only if it is empty. */
  void rename(Path from, Path to) throws IOException;

  /** Deletes a file or an empty folder; one that is not there is no error. */
  void delete(Path path) throws IOException;

  /** Waits until the names in a folder are on the disk, as far as the system can do this. */
  void forceFolder(Path folder) throws IOException;

  /** Makes a folder and those above it that do not exist, and forces them. */
  default void createFolders(Path folder) throws IOException {
    Path whole = folder.toAbsolutePath().normalize();
    if (Files.isDirectory(whole)) {
      return;
    }
    if (whole.getParent() != null) {
      createFolders(whole.getParent());
    }
    try {
      createFolder(whole);
    } catch (FileAlreadyExistsException e) {
      if (!Files.isDirectory(whole)) { // else another process was faster
        throw e;
      }
    }
    forceFolder(whole.toAbsolutePath().getParent());
  }

  /** Deletes a folder with all that is in it, or a file; links are deleted, not followed. */
  default void deleteTree(Path tree) throws IOException {
    if (Files.notExists(tree, java.nio.file.LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    List<Path> paths;
    try (Stream<Path> all = Files.walk(tree)) {
      paths = all.sorted(Comparator.reverseOrder()).toList();
    } catch (java.io.UncheckedIOException e) {
      throw e.getCause();
    }
    for (Path path : paths) {
      delete(path);
    }
  }

  /** A new name beside {@code path} for what is not yet, or no longer, to be found under it. */
  static Path beside(Path path) {
    return path.resolveSibling("." + path.getFileName() + "." + suffix() + ".tmp");
  }

  /** Sixteen hexadecimal digits that nobody else has. */
  static String suffix() {
    return HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
  }
}
