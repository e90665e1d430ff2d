package llada.evaluation;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import llada.format.AtomicFile;
import llada.format.Disk;
import llada.format.DiskLock;
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
  private final List<Json> earlier = new ArrayList<>();
  private final Set<String> ids = new HashSet<>();

  private ResultsFile(Path file, String settings, FileChannel channel) {
    this.file = file;
    this.settings = settings;
    this.channel = channel;
  }

  /**
   * Opens a file, or begins one.
   *
   * @param settings what the results depend on, in a few characters
   * @throws FormatException if it cannot be opened, is in use, is damaged other than at its end, or
   *     holds results of other settings
   */
  public static ResultsFile open(Path file, String settings) {
    Path target = AtomicFile.target(file);
    FileChannel channel = null;
    try {
      boolean fresh = Files.notExists(target);
      channel = Disk.current().open(target);
      if (DiskLock.of(channel).isEmpty()) {
        throw new FormatException(
            file + ": another run is writing to it; wait for it or give another file");
      }
      if (fresh) {
        Disk.current().forceFolder(target.toAbsolutePath().getParent());
      }
      ResultsFile results = new ResultsFile(target, settings, channel);
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

  /**
   * Takes in what is in a part of this file ({@link Parts}) and deletes that.
   *
   * @throws IOException if this file cannot be written, or the part not be deleted
   */
  void takeIn(Path part) throws IOException {
    try (ResultsFile found = open(part, settings)) {
      for (Map.Entry<String, Line> line : found.lines().entrySet()) {
        if (ids.add(line.getKey())) {
          write(line.getValue().text + "\n");
          earlier.add(line.getValue().json);
        }
      }
    }
    channel.force(true); // before what it was copied from goes
    Disk.current().delete(part);
  }

  /**
   * Brings the lines into the order of the items, whoever found them first. Lines of other items
   * stay, behind them.
   *
   * @param items the ids of all of them
   * @return their results, in order
   * @throws FormatException if some have none, or the file cannot be written
   */
  List<Json> inOrder(List<String> items) {
    try {
      Map<String, Line> lines = lines();
      Map<String, Line> ordered = new LinkedHashMap<>();
      items.stream().filter(lines::containsKey).forEach(id -> ordered.put(id, lines.get(id)));
      if (ordered.size() < items.size()) {
        throw new FormatException(
            "%s: %d of %d results are missing, though all processes are done: give a file in a folder that all machines share; the same command goes on from what is there"
                .formatted(file, items.size() - ordered.size(), items.size()));
      }
      List<Json> results = ordered.values().stream().map(Line::json).toList();
      ordered.putAll(lines);
      if (!List.copyOf(ordered.keySet()).equals(List.copyOf(lines.keySet()))) {
        StringBuilder text = new StringBuilder();
        ordered.values().forEach(line -> text.append(line.text).append('\n'));
        AtomicFile.write(file, text.toString().getBytes(StandardCharsets.UTF_8));
      }
      return results;
    } catch (IOException e) {
      throw unwritten(e);
    }
  }

  /** A line as it stands in the file, and what it says. */
  private record Line(String text, Json json) {}

  /** All lines, by id. */
  private Map<String, Line> lines() throws IOException {
    Map<String, Line> lines = new LinkedHashMap<>();
    for (String line : new String(bytes(), StandardCharsets.UTF_8).split("\n", -1)) {
      if (!line.isBlank()) {
        Json json = Json.parse(line.getBytes(StandardCharsets.UTF_8), file.toString());
        lines.putIfAbsent(id(json), new Line(line, json));
      }
    }
    return lines;
  }

  /** The whole file; the next line is written behind it. */
  private byte[] bytes() throws IOException {
    // Not by opening the file once more: closing that would let go of the lock.
    channel.position(0);
    return Channels.newInputStream(channel).readAllBytes();
  }

  private void readEarlier() throws IOException {
    byte[] bytes = bytes();
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
      if (end >= bytes.length - 1) {
        keepLast(text, where, start, end == bytes.length);
      } else if (!new String(text, StandardCharsets.UTF_8).isBlank()) {
        keep(Json.parse(text, where), where);
      }
      start = end + 1;
    }
    channel.position(channel.size());
  }

  /** The last line may be whole, also without its end, or torn. */
  private void keepLast(byte[] text, String where, int start, boolean open) throws IOException {
    if (!open && new String(text, StandardCharsets.UTF_8).isBlank()) {
      return;
    }
    Optional<Json> whole = Optional.empty();
    try {
      Json json = Json.parse(text, where);
      json.map();
      whole = Optional.of(json);
    } catch (FormatException e) {
      cut(text, where, start, e);
    }
    if (whole.isPresent()) {
      keep(whole.get(), where);
      channel.position(channel.size());
      if (open) {
        write("\n");
      }
    }
  }

  /** Cuts a torn line off and keeps it beside; but only from a file of ours. */
  private void cut(byte[] text, String where, int start, FormatException why) throws IOException {
    String begin = "{\"id\":";
    String torn = new String(text, StandardCharsets.UTF_8);
    // Bytes that were on their way to the disk in a power cut may be zeros.
    boolean ours =
        !earlier.isEmpty()
            || torn.startsWith(begin)
            || begin.startsWith(torn)
            || torn.startsWith("\0");
    if (!ours) {
      throw new FormatException(
          where + ": is no result of this program; give another file (" + why.getMessage() + ")",
          why);
    }
    byte[] kept = Arrays.copyOf(text, text.length + 1);
    kept[text.length] = '\n';
    AtomicFile.append(file.resolveSibling(file.getFileName() + ".torn"), kept);
    channel.truncate(start);
    channel.force(true);
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
      throw unwritten(e);
    }
    ids.add(id);
  }

  FormatException unwritten(IOException e) {
    return new FormatException(
        "%s: cannot be written: %s; is there room on the disk? The results so far are kept: the same command goes on from them"
            .formatted(file, e.getMessage()),
        e);
  }

  private void write(String text) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  @Override
  public void close() {
    close(channel); // which lets go of the lock
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
