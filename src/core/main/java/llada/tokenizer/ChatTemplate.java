package llada.tokenizer;

import java.util.List;
import java.util.Optional;

/**
 * The chat format of LLaDA-8B-Instruct: for each message a header with the role, an empty line, the
 * trimmed content and {@code <|eot_id|>}; the beginning-of-sequence token before the first message,
 * and at the end, always, the header of the assistant's answer.
 *
 * <p>Checkpoints carry their format as a Jinja program. It is compared with the known one and never
 * executed: another program is an error, not a guess.
 *
 * @param bosToken the text before the first message
 */
public record ChatTemplate(String bosToken) {
  private static final String HEADER = "<|start_header_id|>";
  private static final String HEADER_END = "<|end_header_id|>\n\n";
  private static final String END_OF_TURN = "<|eot_id|>";

  private static final String MESSAGES =
      "{% set loop_messages = messages %}{% for message in loop_messages %}"
          + "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
          + "+ message['content'] | trim + '<|eot_id|>' %}"
          + "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
          + "{{ content }}{% endfor %}";
  private static final String ANSWER = "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}";

  /** The same result in both: a prompt for an answer is all that is ever asked for here. */
  private static final List<String> KNOWN =
      List.of(
          JinjaText.canonical(MESSAGES + ANSWER),
          JinjaText.canonical(
              MESSAGES + "{% if add_generation_prompt %}" + ANSWER + "{% endif %}"));

  /**
   * One turn of a conversation.
   *
   * @param role who speaks: system, user or assistant
   * @param content what is said
   */
  public record Message(String role, String content) {}

  /**
   * The template, if the Jinja text is LLaDA's, whatever white space stands in its tags.
   *
   * @param jinja the checkpoint's {@code chat_template}
   * @param bosToken the checkpoint's {@code bos_token}
   */
  public static Optional<ChatTemplate> recognise(String jinja, String bosToken) {
    return KNOWN.contains(JinjaText.canonical(jinja))
        ? Optional.of(new ChatTemplate(bosToken))
        : Optional.empty();
  }

  /**
   * The template of a checkpoint.
   *
   * @throws TokenizerException if there is none or it is not LLaDA's; the message says what to do
   */
  public static ChatTemplate require(Optional<String> jinja, Optional<String> bosToken) {
    if (jinja.isEmpty()) {
      throw new TokenizerException(
          "this checkpoint has no chat template, so it is probably a base model; give it"
              + " the text as it is, raw");
    }
    if (bosToken.isEmpty()) {
      throw new TokenizerException(
          "this checkpoint has a chat template but no bos_token to begin it with; give"
              + " the model the text as it is, raw");
    }
    return recognise(jinja.get(), bosToken.get())
        .orElseThrow(
            () ->
                new TokenizerException(
                    ("the chat template %s (%d characters) is not LLaDA's, and no other is"
                            + " supported; give the model a raw prompt that you have put into"
                            + " its format yourself")
                        .formatted(TokenizerException.shown(jinja.get()), jinja.get().length())));
  }

  /** LLaDA's template as the Jinja program that checkpoints carry. */
  public static String jinja() {
    return MESSAGES + ANSWER;
  }

  /** The text of the token that ends a turn. */
  public String endOfTurn() {
    return END_OF_TURN;
  }

  /**
   * The prompt for the next answer.
   *
   * <p>As in the published code, content is not escaped: a message that holds the text of a special
   * token will be encoded with that token.
   */
  public String render(List<Message> messages) {
    return turns(messages) + HEADER + "assistant" + HEADER_END;
  }

  /**
   * The same up to the last message's content, for a model that goes on with that message.
   *
   * @throws IllegalArgumentException if there is no message
   */
  public String renderOpen(List<Message> messages) {
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("there is no message to go on with");
    }
    String turns = turns(messages);
    return turns.substring(0, turns.length() - END_OF_TURN.length());
  }

  private String turns(List<Message> messages) {
    StringBuilder out = new StringBuilder();
    for (Message message : messages) {
      if (out.isEmpty()) {
        out.append(bosToken);
      }
      out.append(HEADER).append(message.role()).append(HEADER_END);
      out.append(trim(message.content())).append(END_OF_TURN);
    }
    return out.toString();
  }

  /**
   * The ids of the prompt for the next answer.
   *
   * @throws TokenizerException if the text is too hard for the tokenizer's pattern
   */
  public int[] encode(Tokenizer tokenizer, List<Message> messages) {
    return tokenizer.encode(render(messages));
  }

  /** What Jinja's trim does, which is Python's {@code str.strip()}. */
  private static String trim(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && isPythonSpace(text.charAt(start))) {
      start++;
    }
    while (end > start && isPythonSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  /** White_Space and the four separators of ASCII, which Python counts as well. */
  private static boolean isPythonSpace(char c) {
    return CharSet.WHITE_SPACE.contains(c) || c >= 0x1C && c <= 0x1F;
  }
}
