package llada.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import llada.api.MemoryNeed;
import llada.format.FormatException;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Where a command's text comes from: the argument, a file or standard input. */
final class PromptSource {
  /** More than any model's context; a mistaken file is refused before it is read. */
  private static final int MAX_BYTES = 16 << 20;

  @Parameters(
      arity = "0..1",
      paramLabel = "TEXT",
      description =
          "The text, in quotes if it has spaces. - or none: standard input, whose final line break"
              + " is dropped.")
  private String argument;

  @Option(
      names = "--prompt-file",
      paramLabel = "FILE",
      description = "Read the text from FILE (UTF-8); its final line break is dropped.")
  private Path file;

  /** Whether the command line names a text. */
  boolean given() {
    return argument != null || file != null;
  }

  /** Reads the text. */
  String read(Console console) {
    if (file != null) {
      if (argument != null) {
        throw new UsageException(
            "the text is given twice, as an argument and by --prompt-file: leave one out");
      }
      return fromFile();
    }
    if (argument != null && !argument.equals("-")) {
      return argument;
    }
    if (argument == null && console.inIsTerminal()) {
      throw new UsageException(
          "no text given: pass it as an argument, by --prompt-file, through a pipe, or - to type"
              + " it");
    }
    return withoutLastBreak(bytes(console.in(), "standard input"), "standard input");
  }

  private String fromFile() {
    if (Files.isDirectory(file)) {
      throw new FormatException(file + ": is a folder; --prompt-file needs a text file");
    }
    try (InputStream in = Files.newInputStream(file)) {
      return withoutLastBreak(bytes(in, file.toString()), file.toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static byte[] bytes(InputStream in, String name) {
    try {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new FormatException(
            "%s: holds more than %s, too much for a prompt; give a shorter text"
                .formatted(name, MemoryNeed.text(MAX_BYTES)));
      }
      return bytes;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String withoutLastBreak(byte[] utf8, String name) {
    String text;
    try {
      text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
    } catch (CharacterCodingException e) {
      throw new FormatException(name + ": is not UTF-8 text; convert it to UTF-8", e);
    }
    text = text.startsWith("\uFEFF") ? text.substring(1) : text; // a byte order mark is no text
    return text.endsWith("\r\n")
        ? text.substring(0, text.length() - 2)
        : text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
  }
}
