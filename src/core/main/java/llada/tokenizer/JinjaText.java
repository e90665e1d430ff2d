package llada.tokenizer;

/**
 * Brings a Jinja template to a form in which white space without effect is gone, so that templates
 * can be compared. White space between tags follows the settings under which chat templates are
 * rendered: {@code trim_blocks} and {@code lstrip_blocks}. The rare {@code +} in a tag, which
 * suspends them, stays in the form and so equals no known template.
 */
final class JinjaText {
  private JinjaText() {}

  /** The template with one spelling for all that means the same. */
  static String canonical(String template) {
    StringBuilder out = new StringBuilder();
    String text = template.replace("\r\n", "\n");
    if (text.endsWith("\n")) {
      text = text.substring(0, text.length() - 1); // Jinja drops the last newline
    }
    int at = 0;
    String before = ""; // the end of the tag before the current text
    while (at < text.length()) {
      int open = nextTag(text, at);
      String literal = text.substring(at, open < 0 ? text.length() : open);
      int close = open < 0 ? -1 : endOfTag(text, open);
      if (open >= 0 && close < 0) {
        return template; // broken; it equals no known template
      }
      out.append(visible(literal, before, open < 0 ? "" : text.substring(open, open + 3)));
      if (open < 0) {
        break;
      }
      char kind = text.charAt(open + 1);
      String inside = text.substring(open + 2, close);
      if (kind != '#') {
        out.append('{').append(kind).append(tokens(inside)).append(kind == '{' ? '}' : kind);
        out.append('}');
      }
      before = text.substring(close - 1, close + 2);
      at = close + 2;
    }
    return out.toString();
  }

  private static int nextTag(String text, int from) {
    for (int i = from; i + 2 < text.length(); i++) {
      if (text.charAt(i) == '{' && "%{#".indexOf(text.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  /** Where the tag's two closing characters stand, outside of strings; -1 if nowhere. */
  private static int endOfTag(String text, int open) {
    char kind = text.charAt(open + 1);
    String close = kind == '{' ? "}}" : kind + "}";
    char quote = 0;
    for (int i = open + 2; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quote != 0) {
        if (c == '\\') {
          i++;
        } else if (c == quote) {
          quote = 0;
        }
      } else if (kind != '#' && (c == '\'' || c == '"')) {
        quote = c;
      } else if (text.startsWith(close, i)) {
        return i;
      }
    }
    return -1;
  }

  /** What is left of the text between two tags; {@code before} is "-%}" and the like. */
  private static String visible(String literal, String before, String after) {
    String text = literal;
    if (before.startsWith("-")) {
      text = text.stripLeading();
    } else if ((before.endsWith("%}") || before.endsWith("#}")) && text.startsWith("\n")) {
      text = text.substring(1);
    }
    if (after.endsWith("-")) {
      return text.stripTrailing();
    }
    if (after.startsWith("{%") || after.startsWith("{#")) {
      int line = text.lastIndexOf('\n') + 1;
      // Only white space that begins a line goes: what stands first in the text may follow a tag.
      boolean lineBegins = line > 0 || before.isEmpty() || literal.length() > text.length();
      if (lineBegins && text.substring(line).isBlank()) {
        return text.substring(0, line);
      }
    }
    return text;
  }

  /** The inside of a tag without white space, its strings in double quotes and unescaped. */
  private static String tokens(String inside) {
    StringBuilder out = new StringBuilder();
    String trimmed = inside.startsWith("-") ? inside.substring(1) : inside;
    if (trimmed.endsWith("-")) {
      trimmed = trimmed.substring(0, trimmed.length() - 1);
    }
    int i = 0;
    while (i < trimmed.length()) {
      char c = trimmed.charAt(i);
      if (c == '\'' || c == '"') {
        i = string(trimmed, i, out);
      } else if (Character.isWhitespace(c)) {
        int end = i;
        while (end < trimmed.length() && Character.isWhitespace(trimmed.charAt(end))) {
          end++;
        }
        // Between two names white space counts: "a b" is not "ab".
        if (i > 0
            && end < trimmed.length()
            && name(trimmed.charAt(i - 1))
            && name(trimmed.charAt(end))) {
          out.append(' ');
        }
        i = end;
      } else {
        out.append(c);
        i++;
      }
    }
    return out.toString();
  }

  private static boolean name(char c) {
    return Character.isLetterOrDigit(c) || c == '_';
  }

  /** Appends the string literal that begins at {@code i}; returns the position after it. */
  private static int string(String text, int i, StringBuilder out) {
    char quote = text.charAt(i++);
    out.append('"');
    while (i < text.length() && text.charAt(i) != quote) {
      char c = text.charAt(i++);
      if (c == '\\' && i < text.length()) {
        char escaped = text.charAt(i++);
        c = escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
      }
      if (c == '"' || c == '\\') {
        out.append('\\');
      }
      out.append(c);
    }
    out.append('"');
    return i + 1;
  }
}
