package llada.cli;

import java.util.ArrayList;
import java.util.List;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.ChatTemplate.Message;
import llada.tokenizer.Tokenizer;

/**
 * How a prompt becomes tokens: framed by the chat template, or as it stands.
 *
 * @param template null for as it stands
 * @param system a message before the prompt, or null
 */
record Framing(ChatTemplate template, String system) {

  /** By the template if {@code chat}. */
  static Framing of(Session session, boolean chat, String system) {
    return new Framing(chat ? session.checkpoint().chatTemplate() : null, system);
  }

  /** By the template if the model has one. */
  static Framing ifPossible(Session session) {
    try {
      return of(session, true, null);
    } catch (llada.format.FormatException _) {
      return new Framing(null, null);
    }
  }

  boolean framed() {
    return template != null;
  }

  /** The tokens of a prompt. */
  int[] encode(Tokenizer tokenizer, String text) {
    return template == null
        ? tokenizer.encode(text)
        : encode(tokenizer, List.of(new Message("user", text)));
  }

  /** The tokens of a dialogue; needs the template. */
  int[] encode(Tokenizer tokenizer, List<Message> messages) {
    List<Message> all = new ArrayList<>();
    if (system != null) {
      all.add(new Message("system", system));
    }
    all.addAll(messages);
    return template.encode(tokenizer, all);
  }
}
