package llada.server;

/** The three ways of asking, and the words in which each is answered. */
enum Form {
  /** Turns of a conversation; the next one answers. */
  CHAT("chatcmpl-", "chat.completion", "chat.completion.chunk"),
  /** A text that is gone on with, or what stands between it and a suffix. */
  TEXT("cmpl-", "text_completion", "text_completion"),
  /** A text with gaps; it is answered as a whole. */
  INFILL("infill-", "infill", "infill.chunk");

  private final String prefix;
  private final String whole;
  private final String part;

  Form(String prefix, String whole, String part) {
    this.prefix = prefix;
    this.whole = whole;
    this.part = part;
  }

  /** How ids of answers begin. */
  String prefix() {
    return prefix;
  }

  /** The kind of object of an answer. */
  String object(boolean streamed) {
    return streamed ? part : whole;
  }
}
