package llada.format;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Opens files for reading, with one clear message for each way in which that fails. */
public final class MappedFile {
  private MappedFile() {}

  /**
   * Maps a whole file. Memory is touched only where it is read.
   *
   * @throws FormatException if there is no such regular file or it cannot be read
   */
  public static MemorySegment map(Path file, Arena arena) {
    requireRegular(file);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /**
   * Reads a whole small file.
   *
   * @throws FormatException if it cannot be read or is larger than {@code maxBytes}
   */
  static byte[] read(Path file, int maxBytes) {
    requireRegular(file);
    try {
      long size = Files.size(file);
      if (size > maxBytes) {
        throw new FormatException(
            "%s: has %d bytes; at most %d are expected".formatted(file, size, maxBytes));
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  // A pipe or a device would let open() wait for ever, so only regular files are opened.
  private static void requireRegular(Path file) {
    if (Files.isDirectory(file)) {
      throw new FormatException(file + ": is a folder; give the path of a file in it");
    }
    if (Files.notExists(file)) {
      throw new FormatException(file + ": there is no such file; check the path");
    }
    if (!Files.isRegularFile(file)) {
      throw new FormatException(
          file + ": is no regular file, or its folder may not be entered; give a file's path");
    }
  }

  static FormatException unreadable(Path file, IOException e) {
    return e instanceof AccessDeniedException
        ? new FormatException(file + ": may not be read; change its permissions", e)
        : new FormatException(file + ": cannot be read: " + e.getMessage(), e);
  }
}
