package llada.format;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Writes a file so that a reader, or a machine that loses power, sees either the old file or the
 * whole new one: written beside the target under a temporary name, forced to the disk, then renamed
 * over it. A file that is replaced while it is mapped stays readable through its mapping.
 */
public final class AtomicFile {
  private static final int CHUNK = 1 << 24;
  private static final int MAX_LINKS = 40; // as Linux

  private AtomicFile() {}

  /** Produces the content. */
  public interface Content {
    /**
     * Writes everything, from the start.
     *
     * @throws IOException if writing fails; the temporary file is then removed
     */
    void writeTo(FileChannel channel) throws IOException;
  }

  /**
   * Writes {@code file}; of a symbolic link, the file that it names.
   *
   * @throws FormatException if it cannot be written, or is there and no regular file; what was
   *     there before is untouched
   */
  public static void write(Path file, Content content) {
    Path target = target(file);
    Path temporary = Disk.beside(target);
    Disk disk = Disk.current();
    boolean created = false;
    try {
      try (FileChannel channel = disk.create(temporary)) {
        created = true;
        temporary.toFile().deleteOnExit(); // an interrupted process leaves nothing beside, either
        DiskLock.hold(channel);
        content.writeTo(channel);
        channel.force(true);
        disk.rename(temporary, target);
        created = false;
      }
      disk.forceFolder(target.toAbsolutePath().getParent());
    } catch (NoSuchFileException e) {
      throw new FormatException(
          file + ": cannot be written: its folder does not exist; create it first", e);
    } catch (AccessDeniedException e) {
      throw new FormatException(
          file + ": cannot be written: the folder may not be written to; choose another", e);
    } catch (IOException e) {
      String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      throw new FormatException(
          file + ": cannot be written: " + reason + "; check the path and the disk's free space",
          e);
    } finally {
      if (created) {
        remove(temporary);
      }
    }
  }

  /**
   * Writes a small file.
   *
   * @throws FormatException as {@link #write(Path, Content)}
   */
  public static void write(Path file, byte[] bytes) {
    write(file, channel -> writeFully(channel, MemorySegment.ofArray(bytes)));
  }

  /**
   * The file that is written to when {@code file} is given: itself, or what a symbolic link names.
   *
   * @throws FormatException if that is there and no regular file: a folder, a device, a pipe
   */
  public static Path target(Path file) {
    Path target = file;
    try {
      for (int links = 0; Files.isSymbolicLink(target) && links < MAX_LINKS; links++) {
        target = target.resolveSibling(Files.readSymbolicLink(target));
      }
    } catch (IOException e) {
      throw new FormatException(file + ": the link cannot be read: " + e.getMessage(), e);
    }
    if (Files.isDirectory(target)) {
      throw new FormatException(file + ": is a folder; give the path of the file to write");
    }
    if (Files.exists(target, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(target)) {
      throw new FormatException(
          file + ": is a device, a pipe or a circle of links; give the path of a file to write");
    }
    return target;
  }

  /**
   * Checks that the disk has room for a file or folder of {@code bytes} bytes, so that a long job
   * does not fail at its end. What it replaces does not count: it stays until the new one is
   * complete. What processes that were killed left of the same file is removed first.
   *
   * @throws FormatException if the disk says that it has less
   */
  public static void requireSpace(Path file, long bytes) {
    Path folder = file.toAbsolutePath().getParent();
    DiskLock.removeAbandoned(folder, Pattern.quote(file.getFileName().toString()));
    long free;
    try {
      free = Files.getFileStore(folder).getUsableSpace();
    } catch (IOException | SecurityException e) {
      return; // write() will say what is wrong with the folder
    }
    if (bytes > free) {
      throw new FormatException(
          "%s: needs %,d bytes, but its disk has %,d free; make room or choose another disk"
              .formatted(file, bytes, free));
    }
  }

  /** Writes all of {@code bytes} at the channel's position, in pieces. */
  public static void writeFully(FileChannel channel, MemorySegment bytes) throws IOException {
    for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
      ByteBuffer piece = bytes.asSlice(at, Math.min(CHUNK, bytes.byteSize() - at)).asByteBuffer();
      while (piece.hasRemaining()) {
        channel.write(piece);
      }
    }
  }

  /**
   * Adds to the end of a file and forces it; a file that does not exist is made.
   *
   * @throws IOException if that fails; a part may then have been added
   */
  public static void append(Path file, byte[] bytes) throws IOException {
    Path target = target(file);
    boolean fresh = Files.notExists(target);
    try (FileChannel channel = Disk.current().open(target)) {
      channel.position(channel.size());
      writeFully(channel, MemorySegment.ofArray(bytes));
      channel.force(true);
    }
    if (fresh) {
      Disk.current().forceFolder(target.toAbsolutePath().getParent());
    }
  }

  private static void remove(Path temporary) {
    try {
      Disk.current().delete(temporary);
    } catch (IOException e) {
      // The failure that led here is the one to report.
    }
  }
}
