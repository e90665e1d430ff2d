package llada.format;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A file that one process at a time may hold. The system lets go of it when the process ends, in
 * whatever way; the file itself stays and means nothing.
 */
public final class DiskLock implements AutoCloseable {
  private final FileChannel channel;

  private DiskLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Takes a lock.
   *
   * @param file made if it does not exist
   * @return none if another process, or another part of this one, holds it
   * @throws IOException if the file cannot be opened, or the file system has no locks
   */
  public static Optional<DiskLock> take(Path file) throws IOException {
    FileChannel channel = Disk.current().open(file);
    try {
      if (of(channel).isPresent()) {
        return Optional.of(new DiskLock(channel));
      }
    } catch (IOException e) {
      channel.close();
      throw e;
    }
    channel.close();
    return Optional.empty();
  }

  /**
   * Locks an open file until it is closed.
   *
   * @return none if it is locked already
   * @throws IOException if the file system has no locks
   */
  public static Optional<FileLock> of(FileChannel channel) throws IOException {
    try {
      return Optional.ofNullable(channel.tryLock());
    } catch (OverlappingFileLockException e) {
      return Optional.empty();
    }
  }

  /** As {@link #of}, for one's own new file; where there are no locks, without one. */
  static void hold(FileChannel channel) {
    try {
      of(channel);
    } catch (IOException e) {
      // Nobody can find out there that a file is abandoned, so nobody removes it.
    }
  }

  /**
   * Marks a folder that is about to be made as not abandoned.
   *
   * @param temporary a name of {@link Disk#beside}
   */
  public static DiskLock holdFolder(Path temporary) throws IOException {
    FileChannel channel = Disk.current().create(ofFolder(temporary));
    hold(channel);
    return new DiskLock(channel);
  }

  /** The lock that is held while a folder is written under the name {@code temporary}. */
  public static Path ofFolder(Path temporary) {
    String name = temporary.getFileName().toString();
    return temporary.resolveSibling(name.replaceFirst("\\.tmp$", ".lock"));
  }

  /**
   * Removes what killed processes left in a folder under names of {@link Disk#beside}: files and
   * folders that nobody holds. What cannot be removed only takes room.
   *
   * @param names a regular expression for the names that they were to have
   */
  public static void removeAbandoned(Path folder, String names) {
    Pattern ours = Pattern.compile("\\.(?:" + names + ")\\.[0-9a-f]{16}\\.(?:tmp|lock)");
    List<Path> left;
    try (Stream<Path> all = Files.list(folder)) {
      left = all.filter(path -> ours.matcher(path.getFileName().toString()).matches()).toList();
    } catch (IOException | java.io.UncheckedIOException e) {
      return;
    }
    for (Path path : left) {
      Path lock = Files.isDirectory(path) ? ofFolder(path) : path;
      try (DiskLock held = take(lock).orElse(null)) {
        if (held != null) {
          Disk.current().deleteTree(path);
          Disk.current().delete(lock);
        }
      } catch (IOException e) {
        // Perhaps another process was faster.
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
