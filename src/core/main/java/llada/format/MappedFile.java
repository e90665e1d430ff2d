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
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Collection;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import llada.tensor.Storage;
import llada.tensor.Tensor;

/** Opens files for reading, with one clear message for each way in which that fails. */
public final class MappedFile {
  private static final String POINTER = "version https://git-lfs.github.com/spec/";

  private MappedFile() {}

  /** What a file was when it was mapped. */
  private record Mapping(Path file, Object key, long size, FileTime time, MemorySegment bytes) {
    /** Another file of this name does no harm: the mapping is of the old one, which stays. */
    Optional<FormatException> change() {
      try {
        BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
        if (!Objects.equals(now.fileKey(), key)
            || now.size() == size && now.lastModifiedTime().equals(time)) {
          return Optional.empty();
        }
        return Optional.of(
            new FormatException(
                "%s: was written to while it was in use (%,d bytes, now %,d); put the whole file back by renaming and start again"
                    .formatted(file, size, now.size())));
      } catch (IOException e) {
        return Optional.empty(); // deleted; its content stays while it is mapped
      }
    }
  }

  private static final Set<Mapping> MAPPINGS = ConcurrentHashMap.newKeySet();

  /**
   * Maps a whole file. Memory is touched only where it is read. A file that is cut short while it
   * is mapped ends in an {@link InternalError} at the next touch, or, in machine code, with the
   * process; {@link #change} says then, or better before, which it is.
   *
   * @throws FormatException if there is no such regular file or it cannot be read
   */
  public static MemorySegment map(Path file, Arena arena) {
    requireRegular(file);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
      MemorySegment bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      long start = Math.min(bytes.byteSize(), POINTER.length());
      refusePointer(
          file, new String(bytes.asSlice(0, start).toArray(ValueLayout.JAVA_BYTE), ISO_8859_1));
      MAPPINGS.removeIf(mapping -> !mapping.bytes.scope().isAlive());
      MAPPINGS.add(
          new Mapping(file, now.fileKey(), bytes.byteSize(), now.lastModifiedTime(), bytes));
      return bytes;
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** The first of all mapped files that was written to since it was mapped. */
  public static Optional<FormatException> change() {
    return MAPPINGS.stream()
        .filter(mapping -> mapping.bytes.scope().isAlive())
        .flatMap(mapping -> mapping.change().stream())
        .findFirst();
  }

  /** Lets tensors that are views of a mapping check its file: see {@link Storage#check}. */
  static void watch(MemorySegment bytes, Collection<Tensor> tensors) {
    for (Mapping mapping : MAPPINGS) {
      if (mapping.bytes.equals(bytes)) {
        Runnable check =
            () ->
                mapping
                    .change()
                    .ifPresent(
                        change -> {
                          throw change;
                        });
        tensors.forEach(tensor -> tensor.storage().checkedBy(check));
      }
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
