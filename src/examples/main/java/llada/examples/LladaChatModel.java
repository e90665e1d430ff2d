package llada.examples;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import java.util.Objects;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.tokenizer.ChatTemplate.Message;

/**
 * A model as LangChain4j's programs want one. Threads may share it.
 *
 * @param llada stays the caller's to close
 */
public record LladaChatModel(Llada llada) implements ChatModel {

  /** Asks the bundled model through LangChain4j. */
  public static void main(String[] args) {
    try (Llada llada = Llada.demo()) {
      System.out.println(new LladaChatModel(llada).chat("What does a cow say?"));
    }
  }

  @Override
  public ChatResponse doChat(ChatRequest asked) {
    return response(llada.generate(request(asked)));
  }

  /** What is asked for, with the options that both sides know. */
  static Request request(ChatRequest asked) {
    if (!Objects.requireNonNullElse(asked.toolSpecifications(), java.util.List.of()).isEmpty()) {
      throw new UnsupportedOperationException("these models call no tools");
    }
    Request request = Request.of(asked.messages().stream().map(LladaChatModel::message).toList());
    request = asked.maxOutputTokens() == null ? request : request.length(asked.maxOutputTokens());
    request = asked.temperature() == null ? request : request.temperature(asked.temperature());
    request = asked.topP() == null ? request : request.topP(asked.topP());
    request = asked.topK() == null ? request : request.topK(asked.topK());
    return asked.stopSequences() == null || asked.stopSequences().isEmpty()
        ? request
        : request.stop(asked.stopSequences().toArray(String[]::new));
  }

  private static Message message(ChatMessage message) {
    return switch (message) {
      case UserMessage user -> new Message("user", user.singleText());
      case AiMessage ai -> new Message("assistant", ai.text());
      case SystemMessage system -> new Message("system", system.text());
      default -> throw new UnsupportedOperationException(message.type() + " is no text");
    };
  }

  static ChatResponse response(Answer answer) {
    return ChatResponse.builder()
        .aiMessage(AiMessage.from(answer.text()))
        .tokenUsage(new TokenUsage(answer.figures().promptTokens(), answer.useful()))
        .finishReason(
            switch (answer.end()) {
              case END_TOKEN, STOP_TEXT -> FinishReason.STOP;
              case LENGTH -> FinishReason.LENGTH;
              case STOPPED, TIME_UP, INTERRUPTED -> FinishReason.OTHER;
            })
        .build();
  }
}
