package llada.api;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.ChatTemplate.Message;
import llada.tokenizer.Tokenizer;

/**
 * How a prompt becomes tokens: framed by the chat template, or as it stands.
 *
 * @param template empty for as it stands
 * @param system a message before the prompt
 */
record Framing(Optional<ChatTemplate> template, Optional<String> system) {
  static final Framing NONE = new Framing(Optional.empty(), Optional.empty());

  boolean framed() {
    return template.isPresent();
  }

  /**
   * The tokens of a prompt.
   *
   * @throws IllegalArgumentException if a conversation is to be framed without a template
   */
  int[] encode(Tokenizer tokenizer, Request.Prompt prompt) {
    return switch (prompt) {
      case Request.Ids(int[] ids) -> ids;
      case Request.Gaps(int[] ids) -> ids;
      case Request.Text(String text) ->
          framed()
              ? encode(tokenizer, List.of(new Message("user", text)))
              : tokenizer.encodeText(text);
      case Request.Turns(List<Message> messages) ->
          framed() ? encode(tokenizer, messages) : tokenizer.encodeText(joined(messages));
    };
  }

  /** One text that both have written on. */
  private static String joined(List<Message> messages) {
    StringBuilder text = new StringBuilder();
    messages.forEach(message -> text.append(message.content()));
    return text.toString();
  }

  private int[] encode(Tokenizer tokenizer, List<Message> messages) {
    List<Message> all = new ArrayList<>();
    system.ifPresent(text -> all.add(new Message("system", text)));
    all.addAll(messages);
    return template.orElseThrow().encode(tokenizer, all);
  }

  /**
   * The text of tokens. The embedding may have more rows than the tokenizer has tokens; those are
   * no text.
   *
   * @param skipSpecial whether to leave out what is no text, such as the start of a header
   */
  static String text(Tokenizer tokenizer, int[] ids, boolean skipSpecial) {
    int[] known = Arrays.stream(ids).filter(id -> id < tokenizer.size()).toArray();
    return tokenizer.decode(known, skipSpecial);
  }
}
