package llada.train;

import java.util.List;
import llada.tokenizer.ChatTemplate.Message;

/**
 * A piece of a corpus.
 *
 * @param text of a text, else null
 * @param messages of a chat, else null
 * @param complete whether a text ends here; long ones come in several pieces
 * @param where file and line, for messages
 */
public record Document(String text, List<Message> messages, boolean complete, String where) {
  static Document text(String text, boolean complete, String where) {
    return new Document(text, null, complete, where);
  }

  static Document chat(List<Message> messages, String where) {
    return new Document(null, List.copyOf(messages), true, where);
  }

  boolean isChat() {
    return messages != null;
  }
}
