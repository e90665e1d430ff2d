package llada.format;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Writes a file so that a reader, or a machine that loses power, sees either the old file or the
 * whole new one: written beside the target under a temporary name, forced to the disk, then renamed
 * over it. A file that is replaced while it is mapped stays readable through its mapping.
 */
public final class AtomicFile {
  private static final int CHUNK = 1 << 24;

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
   * Writes {@code file}.
   *
   * @throws FormatException if it cannot be written; what was there before is untouched
   */
  public static void write(Path file, Content content) {
    if (Files.isDirectory(file)) {
      throw new FormatException(file + ": is a folder; give the path of the file to write");
    }
    String suffix = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    Path temporary = file.resolveSibling("." + file.getFileName() + "." + suffix + ".tmp");
    boolean created = false;
    try {
      try (FileChannel channel =
          FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        created = true;
        temporary.toFile().deleteOnExit(); // an interrupted process leaves nothing beside, either
        content.writeTo(channel);
        channel.force(true);
      }
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      created = false;
      forceFolder(file);
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
   * Checks that the disk has room for a file of {@code bytes} bytes, so that a long job does not
   * fail at its end. What the file replaces does not count: it stays until the new one is complete.
   *
   * @throws FormatException if the disk says that it has less
   */
  public static void requireSpace(Path file, long bytes) {
    Path folder = file.toAbsolutePath().getParent();
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

  // The rename itself lasts only once the folder is on the disk. Not every system can do this.
  private static void forceFolder(Path file) {
    Path folder = file.toAbsolutePath().getParent();
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException e) {
      // Windows opens no folders; the file itself is complete and in place.
    }
  }

  private static void remove(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      // The failure that led here is the one to report.
    }
  }
}
