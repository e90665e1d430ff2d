package llada.format;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Opens files for reading, with one clear message for each way in which that fails. */
final class MappedFile {
  private static final String POINTER = "version https://git-lfs.github.com/spec/";

  private MappedFile() {}

  /**
   * Maps a whole file. Memory is touched only where it is read.
   *
   * @throws FormatException if there is no such regular file or it cannot be read
   */
  static MemorySegment map(Path file, Arena arena) {
    requireRegular(file);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      long start = Math.min(bytes.byteSize(), POINTER.length());
      refusePointer(
          file, new String(bytes.asSlice(0, start).toArray(ValueLayout.JAVA_BYTE), ISO_8859_1));
      return bytes;
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
      byte[] bytes = Files.readAllBytes(file);
      int start = Math.min(bytes.length, POINTER.length());
      refusePointer(file, new String(bytes, 0, start, ISO_8859_1));
      return bytes;
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** The first bytes of a file, each as a character. */
  static String start(Path file, int bytes) {
    requireRegular(file);
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(bytes), ISO_8859_1);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  // A pipe or a device would let open() wait for ever, so only regular files are opened.
  static void requireRegular(Path file) {
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

  /**
   * Refuses what git leaves in a large file's place if Git LFS did not fetch it.
   *
   * @param start of the file's text
   */
  static void refusePointer(Path file, String start) {
    if (start.startsWith(POINTER)) {
      throw new FormatException(
          file
              + ": is a Git LFS pointer, a few lines in the file's place; fetch the file itself:"
              + " git lfs pull, in its repository");
    }
  }

  static FormatException unreadable(Path file, IOException e) {
    return e instanceof AccessDeniedException
        ? new FormatException(file + ": may not be read; change its permissions", e)
        : new FormatException(file + ": cannot be read: " + e.getMessage(), e);
  }
}
