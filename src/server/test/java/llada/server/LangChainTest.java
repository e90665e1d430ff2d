package llada.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.openai.OpenAiChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import dev.langchain4j.model.output.FinishReason;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import llada.api.Request;
import llada.tokenizer.ChatTemplate.Message;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** LangChain4j, through its module for OpenAI. */
@Timeout(180)
final class LangChainTest extends OneServer {
  private static final String QUESTION = "Tell me a story about Mia.";

  private static OpenAiChatModel.OpenAiChatModelBuilder whole(Served server) {
    return OpenAiChatModel.builder()
        .baseUrl(server.uri("/v1").toString())
        .apiKey("any")
        .modelName("demo")
        .maxRetries(0)
        .seed(7);
  }

  private static OpenAiStreamingChatModel.OpenAiStreamingChatModelBuilder parts(Served server) {
    return OpenAiStreamingChatModel.builder()
        .baseUrl(server.uri("/v1").toString())
        .apiKey("any")
        .modelName("demo")
        .seed(7);
  }

  private static String alone() {
    return llada.generate(Request.of(List.of(new Message("user", QUESTION))).chat().seed(7)).text();
  }

  /** Asks, and shows each part to the other. */
  private static CompletableFuture<ChatResponse> asked(
      OpenAiStreamingChatModel model, Consumer<PartialResponseContext> sees, StringBuilder text) {
    CompletableFuture<ChatResponse> end = new CompletableFuture<>();
    model.chat(
        QUESTION,
        new StreamingChatResponseHandler() {
          @Override
          public void onPartialResponse(PartialResponse part, PartialResponseContext context) {
            text.append(part.text());
            sees.accept(context);
          }

          @Override
          public void onCompleteResponse(ChatResponse response) {
            end.complete(response);
          }

          @Override
          public void onError(Throwable error) {
            end.completeExceptionally(error);
          }
        });
    return end;
  }

  @Test
  void answersAreThoseOfTheModel() throws Exception {
    assertThat(whole(served).build().chat(QUESTION)).isEqualTo(alone());
    StringBuilder text = new StringBuilder();
    ChatResponse response = asked(parts(served).build(), _ -> {}, text).get();
    assertThat(text).hasToString(alone());
    assertThat(response.aiMessage().text()).isEqualTo(alone());
    assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
    assertThat(response.tokenUsage().outputTokenCount()).isPositive();
  }

  @Test
  void errorsAreThoseThatItKnows() throws Exception {
    OpenAiChatModel wrong = whole(served).frequencyPenalty(0.5).build();
    assertThatThrownBy(() -> wrong.chat(QUESTION))
        .isInstanceOf(InvalidRequestException.class)
        .hasMessageContaining("\"param\":\"frequency_penalty\"");
    OpenAiStreamingChatModel streamed = parts(served).frequencyPenalty(0.5).build();
    assertThatThrownBy(() -> asked(streamed, _ -> {}, new StringBuilder()).get())
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(InvalidRequestException.class);
    OpenAiChatModel nobody = whole(served).modelName("gpt").build();
    assertThatThrownBy(() -> nobody.chat(QUESTION)).isInstanceOf(ModelNotFoundException.class);
    try (Served keyed = Served.keyed(llada, "right")) {
      OpenAiChatModel stranger = whole(keyed).build();
      assertThatThrownBy(() -> stranger.chat(QUESTION)).isInstanceOf(AuthenticationException.class);
      assertThat(whole(keyed).apiKey("right").build().chat(QUESTION)).isEqualTo(alone());
    }
    try (Served busy = Served.busy(llada)) {
      OpenAiChatModel late = whole(busy).build();
      assertThatThrownBy(() -> late.chat(QUESTION)).isInstanceOf(RateLimitException.class);
    }
  }

  @Test
  void whoCancelsAStreamEndsItsAnswer() throws Exception {
    try (Served own = Served.with(llada, o -> o)) {
      StringBuilder text = new StringBuilder();
      OpenAiStreamingChatModel slow =
          parts(own)
              .maxTokens(384)
              .customParameters(Map.of("diffusion", Map.of("preset", "exact")))
              .build();
      CompletableFuture<ChatResponse> end =
          asked(slow, context -> context.streamingHandle().cancel(), text);
      own.await("llada_requests_total{status=\"499\"} 1");
      own.await("llada_open{model=\"demo\"} 0");
      assertThat(own.get("/metrics").body()).contains("llada_answers_total 0");
      assertThat(text).as("the first part alone").isNotEmpty();
      assertThat(end).isNotDone();
    }
  }
}
