package llada.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Stream;
import llada.format.FormatException;
import llada.format.JsonLines;
import llada.format.TextLines;

/**
 * Files of documents, streamed one by one.
 *
 * <ul>
 *   <li>{@code .jsonl}, {@code .ndjson}, {@code .json}: an object a line, where empty lines count
 *       for nothing, or one array of objects. What they may hold is {@link JsonDocument}'s.
 *   <li>all else: text in UTF-8. A line {@code <|endoftext|>} ends a document; a file without one
 *       is one document.
 *   <li>a folder: all its files of these kinds and {@code .txt} and {@code .md}, by name.
 * </ul>
 *
 * @param files in order
 */
public record Corpus(List<Path> files) {
  private static final String END = "<|endoftext|>";
  private static final int PIECE = 1 << 18; // characters of a text that are handed on together

  public Corpus {
    files = List.copyOf(files);
  }

  /**
   * The files of these paths.
   *
   * @throws FormatException if one is not there, or a folder holds no documents
   */
  public static Corpus of(List<Path> paths) {
    List<Path> files = new ArrayList<>();
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        files.addAll(inside(path));
      } else if (Files.isRegularFile(path)) {
        files.add(path);
      } else {
        throw new FormatException(
            path + ": there is no such file or folder; give text or JSONL files to train on");
      }
    }
    return new Corpus(files);
  }

  /** How a message names it: its first file, and how many more there are. */
  public String name() {
    String first = files.getFirst().toString();
    return files.size() == 1 ? first : "%s and %d more".formatted(first, files.size() - 1);
  }

  private static List<Path> inside(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      List<Path> found =
          all.filter(Files::isRegularFile).filter(Corpus::isDocument).sorted().toList();
      if (found.isEmpty()) {
        throw new FormatException(
            folder
                + ": holds no .txt, .md, .jsonl, .ndjson or .json file; give a folder of"
                + " documents");
      }
      return found;
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static boolean isDocument(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".txt") || name.endsWith(".md") || JsonLines.hasName(file);
  }

  /**
   * Hands every document to {@code use}, in order.
   *
   * @throws FormatException with file and line of what is wrong
   */
  public void forEach(Consumer<Document> use) {
    for (Path file : files) {
      if (JsonLines.hasName(file)) {
        JsonLines.forEach(file, json -> use.accept(JsonDocument.of(json)));
      } else {
        TextFile text = new TextFile(file, use);
        TextLines.forEach(file, text::line);
        text.endDocument();
      }
    }
  }

  /** Lines of a text file on their way to documents. */
  private static final class TextFile {
    private final Path file;
    private final Consumer<Document> use;
    private final StringBuilder text = new StringBuilder();
    private long begin = 1;
    private boolean open; // pieces of this document have been handed on

    TextFile(Path file, Consumer<Document> use) {
      this.file = file;
      this.use = use;
    }

    void line(long number, String line) {
      if (line.equals(END)) {
        endDocument();
        begin = number + 1;
        return;
      }
      text.append(line).append('\n');
      if (text.length() >= PIECE) {
        hand(false);
      }
    }

    void endDocument() {
      if (open || !text.toString().isBlank()) {
        hand(true);
      }
      text.setLength(0); // blank lines alone are no document
    }

    private void hand(boolean complete) {
      use.accept(Document.text(text.toString(), complete, TextLines.where(file, begin)));
      text.setLength(0);
      open = !complete;
    }
  }
}
