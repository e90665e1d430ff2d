package llada.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.core.JsonValue;
import com.openai.core.http.StreamResponse;
import com.openai.errors.BadRequestException;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIServiceException;
import com.openai.errors.RateLimitException;
import com.openai.errors.UnauthorizedException;
import com.openai.models.chat.completions.ChatCompletion;
import com.openai.models.chat.completions.ChatCompletionChunk;
import com.openai.models.chat.completions.ChatCompletionCreateParams;
import com.openai.models.chat.completions.ChatCompletionStreamOptions;
import com.openai.models.completions.Completion;
import com.openai.models.completions.CompletionCreateParams;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import llada.api.Llada;
import llada.api.Request;
import llada.tokenizer.ChatTemplate.Message;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** OpenAI's own library for Java, which knows no other server than theirs. */
@Timeout(180)
final class OpenAiJavaTest {
  private static final String QUESTION = "Tell me a story about Mia.";

  private static Llada llada;
  private static Served served;
  private static OpenAIClient client;

  @BeforeAll
  static void opens() throws IOException {
    llada = Served.demo();
    served = Served.with(llada, options -> options);
    client = client(served, "any", 0);
  }

  @AfterAll
  static void closes() {
    client.close();
    served.close();
    llada.close();
  }

  private static OpenAIClient client(Served server, String key, int retries) {
    return OpenAIOkHttpClient.builder()
        .baseUrl(server.uri("/v1").toString())
        .apiKey(key)
        .maxRetries(retries)
        .build();
  }

  @SuppressWarnings("deprecation") // the seed
  private static ChatCompletionCreateParams.Builder ask() {
    return ChatCompletionCreateParams.builder().model("demo").addUserMessage(QUESTION).seed(7);
  }

  private static String alone(long seed) {
    return llada
        .generate(Request.of(List.of(new Message("user", QUESTION))).chat().seed(seed))
        .text();
  }

  @Test
  void answersAreThoseOfTheModel() {
    ChatCompletion reply = client.chat().completions().create(ask().n(2).logprobs(true).build());
    assertThat(reply.model()).isEqualTo("demo");
    assertThat(reply.choices()).hasSize(2);
    for (ChatCompletion.Choice choice : reply.choices()) {
      assertThat(choice.message().content()).contains(alone(7 + choice.index()));
      assertThat(choice.finishReason()).isEqualTo(ChatCompletion.Choice.FinishReason.STOP);
      assertThat(choice.logprobs().orElseThrow().content().orElseThrow())
          .isNotEmpty()
          .allMatch(token -> token.logprob() <= 0);
    }
    assertThat(reply.usage().orElseThrow().completionTokens()).isPositive();
    ChatCompletion cut = client.chat().completions().create(ask().maxCompletionTokens(4).build());
    assertThat(cut.choices().getFirst().finishReason())
        .isEqualTo(ChatCompletion.Choice.FinishReason.LENGTH);
    assertThat(client.models().list().items())
        .extracting(model -> model.id())
        .containsExactly("demo");
  }

  @Test
  void completionsGoOn() {
    Completion reply =
        client
            .completions()
            .create(
                CompletionCreateParams.builder()
                    .model("demo")
                    .prompt("Once upon a time")
                    .maxTokens(12)
                    .seed(3)
                    .build());
    assertThat(reply.choices().getFirst().text())
        .isEqualTo(llada.generate(Request.of("Once upon a time").raw().length(12).seed(3)).text());
  }

  @Test
  void streamsAreTheAnswerInParts() {
    StringBuilder text = new StringBuilder();
    List<ChatCompletionChunk> chunks;
    try (StreamResponse<ChatCompletionChunk> stream =
        client
            .chat()
            .completions()
            .createStreaming(
                ask()
                    .streamOptions(ChatCompletionStreamOptions.builder().includeUsage(true).build())
                    .build())) {
      chunks = stream.stream().toList();
    }
    for (ChatCompletionChunk chunk : chunks) {
      chunk.choices().forEach(choice -> choice.delta().content().ifPresent(text::append));
    }
    assertThat(text).hasToString(alone(7));
    assertThat(chunks).hasSizeGreaterThan(4);
    assertThat(chunks.getLast().usage().orElseThrow().completionTokens()).isPositive();
    assertThat(chunks.get(chunks.size() - 2).choices().getFirst().finishReason())
        .contains(ChatCompletionChunk.Choice.FinishReason.STOP);
  }

  @Test
  void errorsNameTheParameter() {
    List<Map.Entry<String, ChatCompletionCreateParams.Builder>> wrong =
        List.of(
            Map.entry("frequency_penalty", ask().frequencyPenalty(0.5)),
            Map.entry("temperature", ask().temperature(-1)),
            Map.entry("max_completion_tokens", ask().maxCompletionTokens(0)),
            Map.entry(
                "diffusion.preset",
                ask()
                    .putAdditionalBodyProperty(
                        "diffusion", JsonValue.from(Map.of("preset", "warp")))));
    for (Map.Entry<String, ChatCompletionCreateParams.Builder> one : wrong) {
      BadRequestException e = thrown(one.getValue(), BadRequestException.class, client);
      assertThat(e.param()).contains(one.getKey());
      assertThat(e.type()).contains("invalid_request_error");
    }
    assertThat(thrown(ask().model("gpt"), NotFoundException.class, client).code())
        .contains("model_not_found");
  }

  private static <E extends OpenAIServiceException> E thrown(
      ChatCompletionCreateParams.Builder ask, Class<E> type, OpenAIClient by) {
    E whole = catchThrowableOfType(type, () -> by.chat().completions().create(ask.build()));
    E streamed =
        catchThrowableOfType(
            type, () -> by.chat().completions().createStreaming(ask.build()).close());
    assertThat(streamed.statusCode()).isEqualTo(whole.statusCode());
    return whole;
  }

  @Test
  void keysAreChecked() throws Exception {
    try (Served keyed = Served.keyed(llada, "right")) {
      OpenAIClient right = client(keyed, "right", 0);
      OpenAIClient wrong = client(keyed, "wrong", 0);
      assertThat(thrown(ask(), UnauthorizedException.class, wrong).code())
          .contains("invalid_api_key");
      assertThat(right.chat().completions().create(ask().build()).choices()).hasSize(1);
    }
  }

  @Test
  void aFullServerIsAskedAgainLater() throws Exception {
    try (Served busy = Served.busy(llada)) {
      OpenAIClient once = client(busy, "any", 0);
      OpenAIClient patient = client(busy, "any", 1);
      RateLimitException e = thrown(ask(), RateLimitException.class, once);
      assertThat(e.headers().values("Retry-After")).containsExactly("1");
      assertThat(e.code()).contains("queue_full");
      long before = System.nanoTime();
      thrown(ask(), RateLimitException.class, patient);
      assertThat(System.nanoTime() - before).as("waited as told").isGreaterThan(1_000_000_000L);
    }
  }

  @Test
  void whoClosesAStreamEndsItsAnswer() throws Exception {
    try (Served own = Served.with(llada, o -> o)) {
      OpenAIClient hurried = client(own, "any", 0);
      ChatCompletionCreateParams slow =
          ask()
              .maxCompletionTokens(384)
              .putAdditionalBodyProperty("diffusion", JsonValue.from(Map.of("preset", "exact")))
              .build();
      try (StreamResponse<ChatCompletionChunk> stream =
          hurried.chat().completions().createStreaming(slow)) {
        Iterator<ChatCompletionChunk> chunks = stream.stream().iterator();
        chunks.next();
        own.await("llada_open{model=\"demo\"} 1");
      }
      own.await("llada_open{model=\"demo\"} 0");
      assertThat(own.get("/metrics").body()).contains("llada_answers_total 0");
    }
  }
}
