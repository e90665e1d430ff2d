package llada.tokenizer;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import llada.tokenizer.jinja.Template;
import llada.tokenizer.jinja.TemplateException;

/**
 * How a model wants messages framed: the Jinja program that its checkpoint carries, run as Hugging
 * Face's {@code apply_chat_template} runs it. LLaDA-8B-Instruct's writes for each message a header
 * with the role, an empty line, the trimmed content and {@code <|eot_id|>}.
 *
 * <p>Messages are values to the program and never part of it. As in the published code, content is
 * not escaped: a message that holds the text of a special token will be encoded with that token.
 */
public final class ChatTemplate {
  private static final String LLADA =
      "{% set loop_messages = messages %}{% for message in loop_messages %}"
          + "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'"
          + "+ message['content'] | trim + '<|eot_id|>' %}"
          + "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
          + "{{ content }}{% endfor %}"
          + "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}";

  /** Written where something is looked for in the rendered text; trimming leaves its space out. */
  private static final String PROBE = "\uE000content ends here\uE001";

  private static final Map<String, ?> NO_ANSWER = Map.of("add_generation_prompt", false);
  private static final String REMEDY =
      "; give the model a raw prompt that you have put into its format yourself";

  private final Template template;
  private final Map<String, String> special;
  private final String endOfTurn;

  /**
   * One turn of a conversation.
   *
   * @param role who speaks: system, user or assistant
   * @param content what is said
   */
  public record Message(String role, String content) {}

  /**
   * A template.
   *
   * @param jinja the checkpoint's {@code chat_template}
   * @param special the texts of special tokens that templates name: {@code bos_token} and the like
   * @throws TokenizerException if it is no template or cannot frame a user's message; the message
   *     names the line and what to do
   */
  public ChatTemplate(String jinja, Map<String, String> special) {
    try {
      template = Template.parse(jinja);
    } catch (TemplateException e) {
      throw new TokenizerException("the chat template, " + e.getMessage() + REMEDY, e);
    }
    this.special = Map.copyOf(special);
    render(List.of(new Message("user", "x")));
    endOfTurn = findEndOfTurn();
  }

  /**
   * The template of a checkpoint.
   *
   * @throws TokenizerException if there is none or it is of no use; the message says what to do
   */
  public static ChatTemplate require(Optional<String> jinja, Optional<String> bosToken) {
    return new ChatTemplate(
        jinja.orElseThrow(
            () ->
                new TokenizerException(
                    "this checkpoint has no chat template, so it is probably a base model; give"
                        + " it the text as it is, raw")),
        bosToken.map(bos -> Map.of("bos_token", bos)).orElse(Map.of()));
  }

  /** LLaDA's template as the Jinja program that checkpoints carry. */
  public static String jinja() {
    return LLADA;
  }

  /** The text of the token that ends an assistant's turn; empty if it cannot be told. */
  public String endOfTurn() {
    return endOfTurn;
  }

  /** The id of the token that ends an assistant's turn, if a token does. */
  public OptionalInt endOfTurnId(Tokenizer tokenizer) {
    return tokenizer.id(endOfTurn);
  }

  /**
   * The prompt for the next answer.
   *
   * @throws TokenizerException if the template gives up or uses what is not known here
   */
  public String render(List<Message> messages) {
    return render(messages, Map.of());
  }

  /**
   * The same with more variables for the template, such as {@code enable_thinking}, or with other
   * values for those that it has anyway, such as {@code add_generation_prompt}.
   *
   * @param variables by name: null, Boolean, Integer, Long, String, or Lists and Maps of such
   * @throws TokenizerException if the template gives up or uses what is not known here
   */
  public String render(List<Message> messages, Map<String, ?> variables) {
    Map<String, Object> all = new HashMap<>(special);
    all.put("messages", messages.stream().map(ChatTemplate::value).toList());
    all.put("tools", null);
    all.put("documents", null);
    all.put("add_generation_prompt", true);
    all.putAll(variables);
    try {
      return template.render(all, LocalDateTime::now);
    } catch (TemplateException e) {
      throw new TokenizerException("the chat template, " + e.getMessage() + REMEDY, e);
    }
  }

  private static Map<String, String> value(Message message) {
    return Map.of("role", message.role(), "content", message.content());
  }

  /**
   * The same up to the last message's content, for a model that goes on with that message.
   *
   * @throws IllegalArgumentException if there is no message
   * @throws TokenizerException if the template gives up or does not show that message
   */
  public String renderOpen(List<Message> messages) {
    if (messages.isEmpty()) {
      throw new IllegalArgumentException("there is no message to go on with");
    }
    List<Message> probed = new ArrayList<>(messages);
    Message last = probed.removeLast();
    probed.add(new Message(last.role(), last.content() + PROBE + " "));
    String turns = render(probed, NO_ANSWER);
    int end = turns.lastIndexOf(PROBE);
    if (end < 0) {
      throw new TokenizerException(
          "the chat template does not show the last message, so it cannot be gone on with"
              + REMEDY);
    }
    String open = turns.substring(0, end);
    boolean trimmed = !turns.startsWith(PROBE + " ", end);
    String content = trim(last.content());
    int blank = last.content().length() - last.content().indexOf(content) - content.length();
    return trimmed && !content.isEmpty() ? open.substring(0, end - blank) : open;
  }

  /** What follows an assistant's message, without the header that some templates always append. */
  private String findEndOfTurn() {
    try {
      Message answer = new Message("assistant", PROBE);
      String turns = render(List.of(new Message("user", "x"), answer), NO_ANSWER);
      int end = turns.lastIndexOf(PROBE);
      String after = end < 0 ? "" : turns.substring(end + PROBE.length());
      String header = withoutMessages();
      return trim(
          after.endsWith(header) ? after.substring(0, after.length() - header.length()) : after);
    } catch (TokenizerException _) {
      return "";
    }
  }

  private String withoutMessages() {
    try {
      return render(Collections.emptyList(), NO_ANSWER);
    } catch (TokenizerException _) {
      return "";
    }
  }

  /**
   * The ids of the prompt for the next answer.
   *
   * @throws TokenizerException if the template gives up or the text is too hard for the tokenizer's
   *     pattern
   */
  public int[] encode(Tokenizer tokenizer, List<Message> messages) {
    return tokenizer.encode(render(messages));
  }

  /** Without white space at both ends. */
  private static String trim(String text) {
    int start = 0;
    int end = text.length();
    while (start < end && isSpace(text.charAt(start))) {
      start++;
    }
    while (end > start && isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(start, end);
  }

  /** White_Space and the four separators of ASCII, which Python counts as well. */
  private static boolean isSpace(char c) {
    return CharSet.WHITE_SPACE.contains(c) || c >= 0x1C && c <= 0x1F;
  }
}
