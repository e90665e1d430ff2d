package llada.tokenizer.jinja;

/** A template that is wrong, uses what is not known here, gives up or takes too much. */
public final class TemplateException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;
  private static final int MAX_SHOWN = 120;

  /** Where it happened: 0 if it is not known yet. */
  private final int line;

  /** What is wrong, on a line still to be found. */
  TemplateException(String message) {
    this(message, 0);
  }

  TemplateException(String message, int line) {
    super(line == 0 ? message : "line %d: %s".formatted(line, message));
    this.line = line;
  }

  /** The same with the line on which it happened, if it had none. */
  TemplateException at(int where) {
    return line == 0 ? new TemplateException(getMessage(), where) : this;
  }

  /** A text of the template on one line, short, for a message. */
  static String shown(String text) {
    StringBuilder out = new StringBuilder("'");
    text.chars().limit(MAX_SHOWN).forEach(c -> out.append(Strings.escaped((char) c)));
    return out.append(text.length() > MAX_SHOWN ? "...'" : "'").toString();
  }
}
