package llada.evaluation;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import llada.format.FormatException;
import llada.format.Json;

/**
 * Results as JSON lines, each with the id of what it answers, written as soon as it is known. A run
 * that is started again on the same file goes on behind what is there: a last line that a kill or a
 * full disk has torn is cut off and made again.
 *
 * <p>Every line carries the settings it was made with; results of others are refused, so that one
 * file is one measurement.
 */
public final class ResultsFile implements AutoCloseable {
  private final Path file;
  private final String settings;
  private final FileChannel channel;
  private final FileLock lock;
  private final List<Json> earlier = new ArrayList<>();
  private final Set<String> ids = new HashSet<>();

  private ResultsFile(Path file, String settings, FileChannel channel, FileLock lock) {
    this.file = file;
    this.settings = settings;
    this.channel = channel;
    this.lock = lock;
  }

  /**
   * Opens a file, or begins one.
   *
   * @param settings what the results depend on, in a few characters
   * @throws FormatException if it cannot be opened, is in use, is damaged other than at its end, or
   *     holds results of other settings
   */
  public static ResultsFile open(Path file, String settings) {
    if (Files.isDirectory(file)) {
      throw new FormatException(file + ": is a folder; give the path of the file to write");
    }
    FileChannel channel = null;
    try {
      channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      FileLock lock = lock(file, channel);
      ResultsFile results = new ResultsFile(file, settings, channel, lock);
      results.readEarlier();
      return results;
    } catch (NoSuchFileException e) {
      throw new FormatException(
          file + ": cannot be written: its folder does not exist; create it first", e);
    } catch (IOException e) {
      close(channel);
      throw new FormatException(file + ": cannot be opened: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      close(channel);
      throw e;
    }
  }

  private static FileLock lock(Path file, FileChannel channel) throws IOException {
    FileLock lock;
    try {
      lock = channel.tryLock();
    } catch (OverlappingFileLockException e) {
      lock = null;
    }
    if (lock == null) {
      throw new FormatException(
          file + ": another run is writing to it; wait for it or give another file");
    }
    return lock;
  }

  private void readEarlier() throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int start = 0;
    int line = 0;
    while (start < bytes.length) {
      int end = start;
      while (end < bytes.length && bytes[end] != '\n') {
        end++;
      }
      line++;
      byte[] text = Arrays.copyOfRange(bytes, start, end);
      String where = "%s: line %d".formatted(file, line);
      if (end == bytes.length) {
        keepLast(text, where, start);
      } else if (!new String(text, StandardCharsets.UTF_8).isBlank()) {
        keep(Json.parse(text, where), where);
      }
      start = end + 1;
    }
    channel.position(channel.size());
  }

  /** The last line has no end: whole all the same, or torn. */
  private void keepLast(byte[] text, String where, long start) throws IOException {
    Optional<Json> whole;
    try {
      whole =
          Optional.of(Json.parse(text, where))
              .filter(json -> json.value() instanceof java.util.Map);
    } catch (FormatException e) {
      whole = Optional.empty();
    }
    if (whole.isPresent()) {
      keep(whole.get(), where);
      channel.position(channel.size());
      write("\n");
    } else {
      channel.truncate(start);
    }
  }

  private void keep(Json json, String where) {
    String made = json.get("settings").or("").string();
    if (!made.equals(settings)) {
      throw new FormatException(
          "%s: was made with another model or other options (settings %s, now %s); repeat those to go on, or give another file"
              .formatted(where, made.isEmpty() ? "unknown" : made, settings));
    }
    ids.add(id(json));
    earlier.add(json);
  }

  /** The id of an object, a string or a number. */
  public static String id(Json json) {
    Json id = json.get("id");
    return id.value() instanceof Long number ? Long.toString(number) : id.string();
  }

  /** The id of an object, or another if it has none. */
  public static String id(Json json, String otherwise) {
    return json.get("id").isNull() ? otherwise : id(json);
  }

  /** What the lines carry as {@code settings}. */
  public String settings() {
    return settings;
  }

  /** Whether there is a result of this id. */
  public boolean has(String id) {
    return ids.contains(id);
  }

  /** The results that were there when the file was opened. */
  public List<Json> earlier() {
    return List.copyOf(earlier);
  }

  /**
   * Adds a result; it is on its way to the disk when this returns.
   *
   * @param json an object on one line, with "id" and "settings"
   * @throws FormatException if it cannot be written; what was written before stays
   */
  public void add(String id, String json) {
    try {
      write(json + "\n");
      channel.force(false);
    } catch (IOException e) {
      throw new FormatException(
          "%s: cannot be written: %s; is there room on the disk? The results so far are kept: the same command goes on from them"
              .formatted(file, e.getMessage()),
          e);
    }
    ids.add(id);
  }

  private void write(String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  @Override
  public void close() {
    try {
      lock.release();
    } catch (IOException e) {
      // Closing the channel frees it as well.
    }
    close(channel);
  }

  private static void close(FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        // Every line was forced to the disk when it was written.
      }
    }
  }
}
