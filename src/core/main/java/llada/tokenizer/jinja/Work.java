package llada.tokenizer.jinja;

/**
 * What one rendering may cost, however hostile the template: steps, and characters and elements
 * made or looked at. Grows with the text that the template is given.
 */
final class Work {
  private static final long FIXED = 5_000_000;
  private static final long PER_CHARACTER = 64;

  private long left;

  /** For variables of so many characters. */
  Work(long characters) {
    left = FIXED + PER_CHARACTER * characters;
  }

  /** Takes steps. */
  void spend(long steps) {
    left -= steps;
    if (left < 0) {
      throw new TemplateException("it takes too many steps or makes too much text");
    }
  }

  /** Takes the steps of looking through a value once. */
  void look(Value value) {
    spend(1 + size(value) / 8);
  }

  /** Takes the steps of looking for a text in another. */
  void search(String text, String wanted) {
    spend(1 + text.length() / 8 + (long) text.length() * wanted.length() / 64);
  }

  /** The value, whose characters or elements were made for it. */
  <V extends Value> V made(V value) {
    spend(size(value));
    return value;
  }

  private static long size(Value value) {
    return switch (value) {
      case Value.Text(String string) -> string.length();
      case Value.Items items -> items.items().size();
      case Value.Dict dict -> dict.entries().size();
      default -> 0;
    };
  }
}
