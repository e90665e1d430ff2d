package llada.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import llada.tokenizer.jinja.Token.Kind;

/**
 * Cuts a template into text and the pieces of its tags, with the white space around tags decided: a
 * tag's minus takes all of it, its plus keeps it; else a block or comment takes the white space
 * before it on its line ({@code lstrip_blocks}) and the line's end after it ({@code trim_blocks}).
 */
final class Lexer {
  private static final int MAX_LENGTH = 1 << 20;
  private static final Pattern PIECE =
      Pattern.compile(
          "(?<number>[0-9][0-9_]*+)"
              + "|(?<name>[\\p{L}_][\\p{L}\\p{N}_]*+)"
              + "|(?<operator>//|\\*\\*|[=!<>]=|[-+/*%~\\[\\](){}<>=.:|,])");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;

  private Lexer(String source) {
    this.source = source;
  }

  /** The pieces of a template, {@link Kind#END} last. */
  static List<Token> tokens(String template) {
    if (template.length() > MAX_LENGTH) {
      throw new TemplateException(
          "it has %d characters; at most %d are accepted".formatted(template.length(), MAX_LENGTH));
    }
    String lines = template.replace("\r\n", "\n").replace('\r', '\n');
    Lexer lexer = new Lexer(lines.endsWith("\n") ? lines.substring(0, lines.length() - 1) : lines);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int open = nextTag();
      if (open < 0) {
        add(Kind.DATA, source.substring(at));
        break;
      }
      char kind = source.charAt(open + 1);
      char sign = open + 2 < source.length() ? source.charAt(open + 2) : 0;
      String data = data(source.substring(at, open), kind, sign);
      if (!data.isEmpty()) {
        add(Kind.DATA, data);
      }
      moveTo(open);
      int start = open + (sign == '-' || sign == '+' ? 3 : 2);
      switch (kind) {
        case '#' -> comment(start);
        case '%' -> tag(Kind.BLOCK, "%}", start);
        default -> tag(Kind.PRINT, "}}", start);
      }
    }
    add(Kind.END, "");
  }

  private void add(Kind kind, String text) {
    tokens.add(new Token(kind, text, line));
  }

  private void moveTo(int to) {
    for (; at < to; at++) {
      if (source.charAt(at) == '\n') {
        line++;
      }
    }
  }

  private int nextTag() {
    for (int i = source.indexOf('{', at); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "%{#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  /** What is left of the text before a tag. */
  private String data(String text, char kind, char sign) {
    if (sign == '-') {
      return Strings.strip(text, Strings::isSpace, false, true);
    }
    int begin = text.lastIndexOf('\n') + 1;
    boolean lineBegins = begin > 0 || at == 0 || source.charAt(at - 1) == '\n';
    return kind != '{'
            && sign != '+'
            && lineBegins
            && text.chars().skip(begin).allMatch(Strings::isSpace)
        ? text.substring(0, begin)
        : text;
  }

  private void comment(int start) {
    int close = source.indexOf("#}", start);
    if (close < 0) {
      throw new TemplateException("a comment has no end", line);
    }
    char sign = close > start ? source.charAt(close - 1) : 0;
    moveTo(close + 2);
    trim(sign, true);
  }

  /** Passes over the white space that belongs to the tag before it. */
  private void trim(char sign, boolean block) {
    int end = at;
    if (sign == '-') {
      while (end < source.length() && Strings.isSpace(source.charAt(end))) {
        end++;
      }
    } else if (block && sign != '+' && source.startsWith("\n", at)) {
      end++;
    }
    moveTo(end);
  }

  private void tag(Kind kind, String close, int start) {
    int opened = line;
    moveTo(start);
    add(kind, kind == Kind.BLOCK ? "{%" : "{{");
    int brackets = 0;
    Matcher piece = PIECE.matcher(source);
    while (at < source.length()) {
      char c = source.charAt(at);
      boolean signed =
          (c == '-' || c == '+' && kind == Kind.BLOCK) && source.startsWith(close, at + 1);
      if (brackets == 0 && (signed || source.startsWith(close, at))) {
        add(Kind.CLOSE, close);
        moveTo(at + (signed ? 3 : 2));
        trim(signed ? c : 0, kind == Kind.BLOCK);
        return;
      }
      if (Strings.isSpace(c)) {
        moveTo(at + 1);
      } else if (c == '\'' || c == '"') {
        string(c);
      } else {
        if (!piece.region(at, source.length()).lookingAt()) {
          throw new TemplateException(
              "unexpected " + TemplateException.shown(Character.toString(source.codePointAt(at))),
              line);
        }
        String text = piece.group();
        brackets += "([{".contains(text) ? 1 : ")]}".contains(text) ? -1 : 0;
        add(
            piece.group("number") != null
                ? Kind.NUMBER
                : piece.group("name") != null ? Kind.NAME : Kind.OPERATOR,
            text);
        moveTo(piece.end());
      }
      if (brackets < 0) {
        throw new TemplateException("unexpected '" + c + "'", line);
      }
    }
    throw new TemplateException("a tag has no end", opened);
  }

  private void string(char quote) {
    int end = at + 1;
    while (end < source.length() && source.charAt(end) != quote) {
      end += source.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= source.length()) {
      throw new TemplateException("a string has no end", line);
    }
    add(Kind.STRING, unescaped(source.substring(at + 1, end)));
    moveTo(end + 1);
  }

  /** Python's escapes; an unknown one stands for itself, its backslash too. */
  private String unescaped(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char escaped = text.charAt(++i);
      int known = "abfnrtv\\'\"".indexOf(escaped);
      int digits = escaped == 'x' ? 2 : escaped == 'u' ? 4 : escaped == 'U' ? 8 : 0;
      if (known >= 0) {
        out.append("\u0007\b\f\n\r\t\u000b\\'\"".charAt(known));
      } else if (digits > 0) {
        String hex = text.substring(i + 1, Math.min(text.length(), i + 1 + digits));
        if (!hex.matches("[0-9a-fA-F]{%d}".formatted(digits))
            || !Character.isValidCodePoint(Integer.parseUnsignedInt(hex, 16))) {
          throw new TemplateException("the escape \\%c%s is wrong".formatted(escaped, hex), line);
        }
        out.appendCodePoint(Integer.parseUnsignedInt(hex, 16));
        i += digits;
      } else if (escaped == 'N' || escaped >= '0' && escaped <= '7') {
        throw new TemplateException("the escape \\%c is not supported".formatted(escaped), line);
      } else if (escaped != '\n') {
        out.append('\\').append(escaped);
      }
    }
    return out.toString();
  }
}
