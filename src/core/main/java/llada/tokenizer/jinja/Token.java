package llada.tokenizer.jinja;

/**
 * A piece of a template.
 *
 * @param text data as it is to be written, a string's value, else the spelling
 */
record Token(Kind kind, String text, int line) {
  enum Kind {
    DATA,
    BLOCK,
    PRINT,
    /** The end of a block or a print. */
    CLOSE,
    NAME,
    STRING,
    NUMBER,
    OPERATOR,
    END
  }

  /** For a message. */
  String shown() {
    return switch (kind) {
      case CLOSE -> "the end of the tag";
      case END -> "the end of the template";
      case STRING -> "the string " + TemplateException.shown(text);
      default -> TemplateException.shown(text);
    };
  }
}
