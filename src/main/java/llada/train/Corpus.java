package llada.train;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.stream.Stream;
import llada.format.FormatException;
import llada.format.Json;
import llada.tokenizer.ChatTemplate.Message;

/**
 * Files of documents, streamed one by one.
 *
 * <ul>
 *   <li>{@code .jsonl}: an object a line, with {@code "text"}; or with {@code "messages"}, a list
 *       of {@code {"role", "content"}}; or with {@code "prompt"} and {@code "response"}. Empty
 *       lines count for nothing.
 *   <li>all else: text in UTF-8. A line {@code <|endoftext|>} ends a document; a file without one
 *       is one document.
 *   <li>a folder: all its {@code .txt}, {@code .md} and {@code .jsonl} files, by name.
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

  private static List<Path> inside(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      List<Path> found =
          all.filter(Files::isRegularFile).filter(Corpus::isDocument).sorted().toList();
      if (found.isEmpty()) {
        throw new FormatException(
            folder + ": holds no .txt, .md or .jsonl file; give a folder of documents");
      }
      return found;
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be read: " + e.getMessage(), e);
    }
  }

  private static boolean isDocument(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".txt") || name.endsWith(".md") || name.endsWith(".jsonl");
  }

  /**
   * Hands every document to {@code use}, in order.
   *
   * @throws FormatException with file and line of what is wrong
   */
  public void forEach(Consumer<Document> use) {
    for (Path file : files) {
      boolean jsonl = file.getFileName().toString().toLowerCase(Locale.ROOT).endsWith(".jsonl");
      long[] line = new long[1];
      // The reader's own decoder would replace what is not UTF-8; this one reports it.
      try (BufferedReader in =
          new BufferedReader(
              new InputStreamReader(
                  Files.newInputStream(file), StandardCharsets.UTF_8.newDecoder()))) {
        if (jsonl) {
          jsonLines(file, in, line, use);
        } else {
          text(file, in, line, use);
        }
      } catch (CharacterCodingException e) {
        throw new FormatException(
            "%s: not valid UTF-8 after line %d; convert the file to UTF-8, for example with iconv"
                .formatted(file, line[0]),
            e);
      } catch (NoSuchFileException e) {
        throw new FormatException(file + ": there is no such file", e);
      } catch (IOException e) {
        throw new FormatException(file + ": cannot be read: " + e.getMessage(), e);
      }
    }
  }

  private static void text(Path file, BufferedReader in, long[] line, Consumer<Document> use)
      throws IOException {
    StringBuilder text = new StringBuilder();
    long begin = 1;
    boolean open = false; // pieces of this document have been handed on
    for (String next = in.readLine(); next != null; next = in.readLine()) {
      line[0]++;
      if (next.equals(END)) {
        if (open || !text.toString().isBlank()) {
          use.accept(Document.text(text.toString(), true, at(file, begin)));
        }
        text.setLength(0);
        open = false;
        begin = line[0] + 1;
        continue;
      }
      text.append(next).append('\n');
      if (text.length() >= PIECE) {
        use.accept(Document.text(text.toString(), false, at(file, begin)));
        text.setLength(0);
        open = true;
      }
    }
    if (open || !text.toString().isBlank()) {
      use.accept(Document.text(text.toString(), true, at(file, begin)));
    }
  }

  private static String at(Path file, long line) {
    return "%s: line %d".formatted(file, line);
  }

  private static void jsonLines(Path file, BufferedReader in, long[] line, Consumer<Document> use)
      throws IOException {
    for (String next = in.readLine(); next != null; next = in.readLine()) {
      line[0]++;
      if (next.isBlank()) {
        continue;
      }
      String where = at(file, line[0]);
      use.accept(document(Json.parse(next.getBytes(StandardCharsets.UTF_8), where), where));
    }
  }

  private static Document document(Json json, String where) {
    if (!json.get("text").isNull()) {
      return Document.text(json.get("text").string(), true, where);
    }
    if (!json.get("prompt").isNull()) {
      return Document.chat(
          List.of(
              new Message("user", json.get("prompt").string()),
              new Message("assistant", json.get("response").string())),
          where);
    }
    if (json.get("messages").isNull()) {
      throw new FormatException(
          where
              + ": has neither \"text\" nor \"messages\" nor \"prompt\" and \"response\"; one of"
              + " them is needed");
    }
    List<Message> messages = new ArrayList<>();
    for (Json message : json.get("messages").list()) {
      messages.add(new Message(message.get("role").string(), message.get("content").string()));
    }
    if (messages.isEmpty()) {
      throw new FormatException(where + ": \"messages\" is empty; a chat has at least one");
    }
    return Document.chat(messages, where);
  }
}
