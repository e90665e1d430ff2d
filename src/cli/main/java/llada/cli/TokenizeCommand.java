package llada.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import llada.api.AnswerText;
import llada.checkpoint.Checkpoint;
import llada.format.JsonLine;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.Tokenizer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Text to tokens and back. */
@Command(
    name = "tokenize",
    description = {
      "Show the tokens of a text, one a line: id, tab, piece.",
      "",
      "In pieces, line breaks and other control characters are escaped as in JSON."
    },
    footer = {
      "  llada tokenize \"To be, or not to be\"",
      "  llada tokenize --json --prompt-file sonnet.txt",
      "  llada tokenize --decode \"864 31 204\"",
    })
final class TokenizeCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private PromptSource prompt;

  @Option(
      names = "--decode",
      description = "The other way: TEXT holds ids, apart by spaces or commas; write their text.")
  private boolean decode;

  @Option(names = "--chat", description = "Frame the text by the model's chat template first.")
  private boolean chat;

  @Option(names = "--json", description = "Write one JSON object: ids, pieces, text.")
  private boolean json;

  @Mixin private ModelOptions model;

  TokenizeCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (decode && chat) {
      throw new UsageException("--decode and --chat exclude each other: leave one out");
    }
    String text = prompt.read(context.console());
    try (Checkpoint checkpoint = model.open()) {
      Tokenizer tokenizer = checkpoint.tokenizer();
      int[] ids =
          decode
              ? ids(text, tokenizer.size())
              : chat
                  ? checkpoint
                      .chatTemplate()
                      .encode(tokenizer, List.of(new ChatTemplate.Message("user", text)))
                  : tokenizer.encodeText(text);
      String whole = tokenizer.decode(ids);
      if (json) {
        writeJson(ids, pieces(ids, tokenizer), whole);
      } else if (decode) {
        context
            .console()
            .out()
            .println(context.console().outIsTerminal() ? AnswerText.printable(whole) : whole);
      } else {
        writeLines(ids, pieces(ids, tokenizer));
      }
      return ExitCodes.OK;
    }
  }

  private static List<String> pieces(int[] ids, Tokenizer tokenizer) {
    List<String> pieces = new ArrayList<>(ids.length);
    for (int id : ids) {
      pieces.add(tokenizer.decode(new int[] {id}));
    }
    return pieces;
  }

  private static int[] ids(String text, int limit) {
    String[] words = text.strip().split("[\\s,\\[\\]]+");
    List<Integer> ids = new ArrayList<>(words.length);
    for (String word : words) {
      if (!word.isEmpty()) {
        ids.add(id(word, limit));
      }
    }
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private static int id(String word, int limit) {
    int id;
    try {
      id = Integer.parseInt(word);
    } catch (NumberFormatException _) {
      throw new UsageException(
          "--decode: '%s' is no token id; give whole numbers apart by spaces or commas"
              .formatted(word));
    }
    if (id < 0 || id >= limit) {
      throw new UsageException(
          "--decode: id %d is out of range; this model's ids are 0 to %d".formatted(id, limit - 1));
    }
    return id;
  }

  private void writeLines(int[] ids, List<String> pieces) {
    for (int i = 0; i < ids.length; i++) {
      context.console().out().println(ids[i] + "\t" + escaped(pieces.get(i)));
    }
  }

  private static String escaped(String piece) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < piece.length(); i++) {
      char c = piece.charAt(i);
      switch (c) {
        case '\n' -> text.append("\\n");
        case '\r' -> text.append("\\r");
        case '\t' -> text.append("\\t");
        case '\\' -> text.append("\\\\");
        default -> text.append(Character.isISOControl(c) ? "\\u%04x".formatted((int) c) : c);
      }
    }
    return text.toString();
  }

  private void writeJson(int[] ids, List<String> pieces, String text) {
    JsonLine.write(
        context.console().out(),
        out -> {
          out.writeStringField("text", text);
          out.writeNumberField("count", ids.length);
          JsonLine.ids(out, "ids", ids);
          out.writeArrayFieldStart("pieces");
          for (String piece : pieces) {
            out.writeString(piece);
          }
          out.writeEndArray();
        });
  }
}
