package llada.cli;

import java.util.ArrayList;
import java.util.List;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.Tokenizer;

/** The turns so far, and how the next one becomes a prompt. */
final class Conversation {
  private final ChatTemplate template;
  private final Tokenizer tokenizer;
  private final String system;
  private final List<ChatTemplate.Message> messages = new ArrayList<>();

  private Conversation(ChatTemplate template, Tokenizer tokenizer, String system) {
    this.template = template;
    this.tokenizer = tokenizer;
    this.system = system;
    clear();
  }

  /** Turns framed by a template; {@code system} may be null. */
  static Conversation framed(ChatTemplate template, Tokenizer tokenizer, String system) {
    return new Conversation(template, tokenizer, system);
  }

  /** One text that both write on. */
  static Conversation raw(Tokenizer tokenizer) {
    return new Conversation(null, tokenizer, null);
  }

  /** The prompt for an answer to this line; the line is not yet part of the conversation. */
  int[] prompt(String line) {
    List<ChatTemplate.Message> all = new ArrayList<>(messages);
    all.add(new ChatTemplate.Message("user", line));
    if (template != null) {
      return template.encode(tokenizer, all);
    }
    StringBuilder text = new StringBuilder();
    all.forEach(message -> text.append(message.content()));
    return tokenizer.encode(text.toString());
  }

  /** Adds a line and its answer. */
  void add(String line, String answer) {
    messages.add(new ChatTemplate.Message("user", line));
    messages.add(new ChatTemplate.Message("assistant", answer));
  }

  /** Forgets all turns, but not the system message. */
  void clear() {
    messages.clear();
    if (system != null) {
      messages.add(new ChatTemplate.Message("system", system));
    }
  }

  /** How many lines were answered. */
  int turns() {
    return (int) messages.stream().filter(message -> message.role().equals("assistant")).count();
  }

  /** The conversation as Markdown, a heading for each role. */
  String markdown() {
    StringBuilder text = new StringBuilder();
    for (ChatTemplate.Message message : messages) {
      text.append("## ").append(message.role()).append("\n\n");
      text.append(message.content().strip()).append("\n\n");
    }
    return text.toString();
  }
}
