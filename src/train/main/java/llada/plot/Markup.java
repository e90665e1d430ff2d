package llada.plot;

/** Text in XML and HTML. */
public final class Markup {
  private Markup() {}

  /** The text with what would begin a tag or an entity written as an entity; not for attributes. */
  public static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
