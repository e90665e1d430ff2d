package llada.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import llada.format.FormatException;
import llada.format.Json;
import llada.tokenizer.ChatTemplate.Message;

/**
 * Objects of JSON corpora as documents: texts, and chats in the forms in which they are published.
 * Keys tell the form, of each object for itself:
 *
 * <pre>
 *   "text"                                 a text
 *   "messages": {"role", "content"}        OpenAI; the content may be a list of text parts
 *   "conversations": {"from", "value"}     ShareGPT, from human, gpt or system
 *   "instruction", "input", "output"       Alpaca; an input follows its instruction
 *   "prompt" and "response"/"completion"   one turn each
 * </pre>
 *
 * The last two may have a "system". Turns without a text are an error, but for an empty system turn
 * or input, which is left out; so are answers to answers. Users may speak twice, as in a chat.
 */
final class JsonDocument {
  private static final List<String> FORMS =
      List.of("text", "messages", "conversations", "instruction", "response", "completion");

  private static final Map<String, String> ROLES =
      Map.of(
          "system", "system",
          "user", "user",
          "human", "user",
          "assistant", "assistant",
          "gpt", "assistant");

  private JsonDocument() {}

  /**
   * The document that an object is.
   *
   * @throws FormatException if it is none, more than one, or a chat that nobody could learn from
   */
  static Document of(Json json) {
    List<String> forms =
        FORMS.stream()
            .filter(key -> !json.get(key).isNull())
            // Alpaca's own file has a text beside each instruction, which says the same.
            .filter(key -> !key.equals("text") || json.get("instruction").isNull())
            .toList();
    if (forms.size() > 1) {
      throw new FormatException(
          "%s: has \"%s\", each of which is a document of its own; leave all but one out"
              .formatted(json.where(), String.join("\" and \"", forms)));
    }
    String form = forms.isEmpty() ? "prompt" : forms.getFirst();
    return switch (form) {
      case "text" -> Document.text(json.get(form).string(), true, json.where());
      case "messages" -> turns(json, form, "role", "content");
      case "conversations" -> turns(json, form, "from", "value");
      case "instruction" -> exchange(json, instruction(json), "output");
      case "response", "completion" -> exchange(json, content(json.get("prompt")), form);
      default -> {
        if (!json.get(form).isNull()) {
          yield exchange(json, content(json.get(form)), "response"); // which is missing
        }
        throw new FormatException(
            json.where()
                + ": has neither \"text\" nor \"messages\", \"conversations\", \"instruction\" and"
                + " \"output\", nor \"prompt\" and \"response\" or \"completion\"; one of them is"
                + " needed");
      }
    };
  }

  private static String instruction(Json json) {
    String instruction = content(json.get("instruction"));
    String input = json.get("input").or("").string();
    return input.isBlank() ? instruction : instruction + "\n\n" + input;
  }

  private static Document exchange(Json json, String question, String answer) {
    List<Message> messages = new ArrayList<>();
    String system = json.get("system").or("").string();
    if (!system.isBlank()) {
      messages.add(new Message("system", system));
    }
    messages.add(new Message("user", question));
    messages.add(new Message("assistant", content(json.get(answer))));
    return Document.chat(messages, json.where());
  }

  private static Document turns(Json json, String list, String speaker, String said) {
    List<Message> messages = new ArrayList<>();
    for (Json turn : json.get(list).list()) {
      String name = turn.get(speaker).string();
      String role = ROLES.get(name);
      if (role == null) {
        throw new FormatException(
            "%s is '%.40s'; turns of system, user (human) and assistant (gpt) are learnt from: leave the chat out, or rewrite the turn"
                .formatted(turn.get(speaker).where(), name));
      }
      Json content = turn.get(said);
      if (role.equals("system") && text(content).isBlank()) {
        continue;
      }
      if (role.equals("assistant")
          && !messages.isEmpty()
          && messages.getLast().role().equals(role)) {
        throw new FormatException(
            turn.where() + " answers an answer; join the two turns, or put a user's between");
      }
      messages.add(new Message(role, content(content)));
    }
    if (messages.isEmpty()) {
      throw new FormatException(
          "%s: \"%s\" is empty; a chat has at least one turn".formatted(json.where(), list));
    }
    return Document.chat(messages, json.where());
  }

  /** The text of a turn, which must have one. */
  private static String content(Json content) {
    String text = text(content);
    if (text.isBlank()) {
      throw new FormatException(
          content.where() + " is empty; give the turn a text, or leave the chat out");
    }
    return text;
  }

  private static String text(Json content) {
    if (!(content.value() instanceof List)) {
      return content.string();
    }
    StringBuilder text = new StringBuilder();
    for (Json part : content.list()) {
      String type = part.get("type").string();
      if (!type.equals("text")) {
        throw new FormatException(
            "%s is '%.40s'; parts of type 'text' alone can be learnt: leave the chat out"
                .formatted(part.get("type").where(), type));
      }
      text.append(part.get("text").string());
    }
    return text.toString();
  }
}
