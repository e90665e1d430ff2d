package llada.format;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/** SHA-256 sums of files, and of a folder's files in a list that {@code sha256sum -c} reads too. */
public final class Sha256 {
  /** The list in a folder: a sum, two blanks and a name on each line. */
  public static final String LIST = "SHA256SUMS";

  private static final int BUFFER = 1 << 20;
  private static final int MAX_LIST_BYTES = 1 << 20;

  private Sha256() {}

  public static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every JDK has SHA-256", e);
    }
  }

  /** Adds the bytes of a segment, which may be larger than an array. */
  public static void update(MessageDigest digest, MemorySegment bytes) {
    for (long at = 0; at < bytes.byteSize(); at += BUFFER) {
      digest.update(bytes.asSlice(at, Math.min(BUFFER, bytes.byteSize() - at)).asByteBuffer());
    }
  }

  /**
   * The sum of a file, in lower-case hexadecimal.
   *
   * @throws FormatException if it cannot be read
   */
  public static String of(Path file) {
    MessageDigest digest = digest();
    try (InputStream in = Files.newInputStream(file)) {
      byte[] buffer = new byte[BUFFER];
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    } catch (IOException e) {
      throw MappedFile.unreadable(file, e);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Writes the list of all files that are in a folder, read back from there. */
  public static void writeList(Path folder) throws IOException {
    StringBuilder list = new StringBuilder();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        list.append(of(file)).append("  ").append(file.getFileName()).append('\n');
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    AtomicFile.write(folder.resolve(LIST), list.toString().getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Compares a folder's files with its list.
   *
   * @return whether there is a list
   * @throws FormatException if a file is missing, has another sum, or the list is damaged
   */
  public static boolean checkList(Path folder) {
    Path list = folder.resolve(LIST);
    if (Files.notExists(list)) {
      return false;
    }
    List<String> lines =
        new String(MappedFile.read(list, MAX_LIST_BYTES), StandardCharsets.UTF_8).lines().toList();
    for (String line : lines) {
      if (!line.matches("[0-9a-f]{64}  [\\w.-]+")) {
        throw new FormatException(list + ": is damaged");
      }
      Path file = folder.resolve(line.substring(66));
      if (!of(file).equals(line.substring(0, 64))) {
        throw new FormatException(file + ": is damaged: its SHA-256 is not the one in " + LIST);
      }
    }
    if (lines.isEmpty()) {
      throw new FormatException(list + ": is empty");
    }
    return true;
  }
}
