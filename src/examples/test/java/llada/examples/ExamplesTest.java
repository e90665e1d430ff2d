package llada.examples;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.tokenizer.ChatTemplate.Message;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every example runs, and does what it says. The bundled model may be trained anew, so its words
 * are compared with what the library says elsewhere, not with a text.
 */
final class ExamplesTest {
  private static final Llada LLADA = Llada.demo();

  @AfterAll
  static void close() {
    LLADA.close();
  }

  /** What a program prints. */
  @FunctionalInterface
  private interface Program {
    void run(String... args) throws IOException;
  }

  private static List<String> lines(Program program, String... args) throws IOException {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream out = System.out;
    try {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      program.run(args);
    } finally {
      System.setOut(out);
    }
    return printed.toString(StandardCharsets.UTF_8).lines().toList();
  }

  @Test
  void chatting() throws IOException {
    List<String> lines = lines(Chatting::main);
    String first = LLADA.chat("What does a cow say?").text();
    String second =
        LLADA
            .generate(
                Request.of(
                        List.of(
                            new Message("user", "What does a cow say?"),
                            new Message("assistant", first),
                            new Message("user", "And what does a duck say?")))
                    .length(16))
            .text();
    assertThat(String.join("\n", lines))
        .isEqualTo(
            "user: What does a cow say?\nassistant: %s\nuser: And what does a duck say?\nassistant: %s"
                .formatted(first, second));
  }

  @Test
  void infill() throws IOException {
    assertThat(lines(Infill::main))
        .singleElement()
        .asString()
        .matches("A cow lives in \\S.* and eats .*\\.")
        .isEqualTo(LLADA.infill("A cow lives in {3} and eats {}."));
  }

  @Test
  void batch() throws IOException {
    List<String> alone = Batch.REQUESTS.stream().map(r -> LLADA.generate(r).text()).toList();
    assertThat(String.join("\n", lines(Batch::main))).isEqualTo(String.join("\n", alone));
    assertThat(alone).noneMatch(String::isBlank);
  }

  @Test
  void score() throws IOException {
    List<Double> perplexities =
        lines(Score::main).stream().map(line -> Double.valueOf(line.split(" ")[0])).toList();
    assertThat(perplexities).hasSize(2);
    assertThat(perplexities.getFirst()).isGreaterThan(1).isLessThan(perplexities.getLast());
  }

  @Test
  void aRuleOfOnesOwn() throws IOException {
    List<Integer> steps =
        lines(OwnRule::main).stream()
            .filter(line -> line.matches("[\\d.]+: \\d+ steps: .*"))
            .map(line -> Integer.valueOf(line.split(" ")[1]))
            .toList();
    assertThat(steps).hasSize(3);
    assertThat(steps.get(0)).isEqualTo(32);
    assertThat(steps.get(1)).isBetween(2, 31);
    assertThat(steps.get(2)).isEqualTo(1);
  }

  @Test
  void anOpOfOnesOwn() throws IOException {
    assertThat(lines(OwnOp::main))
        .singleElement()
        .satisfies(
            line ->
                assertThat(Double.parseDouble(line.replace("largest difference ", "")))
                    .isBetween(0.0, 1e-5));
  }

  @Test
  void fineTuning(@TempDir Path temp) throws IOException {
    Path model = Path.of("../core/test/resources/checkpoints/shakespeare-llada");
    Path chats = temp.resolve("chats.jsonl");
    Files.writeString(
        chats, "{\"prompt\": \"Who goes there?\", \"response\": \"A friend.\"}\n".repeat(8));
    Path tuned =
        Path.of(
            lines(FineTune::main, model.toString(), chats.toString(), temp + "/run", "40")
                .getLast());
    try (Llada after = Llada.open(tuned)) {
      assertThat(after.chat("Who goes there?").text()).isEqualTo("A friend.");
    }
  }

  @Test
  void langChain() throws IOException {
    String said = LLADA.chat("What does a cow say?").text();
    assertThat(String.join("\n", lines(LladaChatModel::main))).isEqualTo(said).isNotBlank();
    ChatRequest story =
        ChatRequest.builder()
            .messages(
                UserMessage.from("Hello"),
                AiMessage.from("Hello."),
                UserMessage.from("Tell me a story about Mia."))
            .maxOutputTokens(32)
            .build();
    ChatResponse response = new LladaChatModel(LLADA).chat(story);
    Answer answer = LLADA.generate(LladaChatModel.request(story));
    assertThat(response.aiMessage().text()).isEqualTo(answer.text());
    assertThat(response.tokenUsage().outputTokenCount()).isEqualTo(answer.useful());
    assertThat(response.finishReason())
        .isEqualTo(answer.end() == Answer.End.LENGTH ? FinishReason.LENGTH : FinishReason.STOP);
  }

  @Test
  void langChainInParts() {
    ChatRequest story =
        ChatRequest.builder()
            .messages(UserMessage.from("Tell me a story about Mia."))
            .maxOutputTokens(48)
            .build();
    List<String> parts = new ArrayList<>();
    List<ChatResponse> complete = new ArrayList<>();
    List<Throwable> errors = new ArrayList<>();
    StreamingChatResponseHandler handler =
        new StreamingChatResponseHandler() {
          @Override
          public void onPartialResponse(String part) {
            parts.add(part);
          }

          @Override
          public void onCompleteResponse(ChatResponse response) {
            complete.add(response);
          }

          @Override
          public void onError(Throwable error) {
            errors.add(error);
          }
        };
    new LladaStreamingChatModel(LLADA).chat(story, handler);
    assertThat(errors).isEmpty();
    assertThat(parts).hasSizeGreaterThan(1);
    assertThat(complete).hasSize(1);
    assertThat(String.join("", parts)).isEqualTo(complete.getFirst().aiMessage().text());
    assertThat(complete.getFirst().aiMessage().text())
        .isEqualTo(new LladaChatModel(LLADA).chat(story).aiMessage().text());
    new LladaStreamingChatModel(LLADA)
        .chat(
            ChatRequest.builder().messages(UserMessage.from("Hi")).temperature(-1.0).build(),
            handler);
    assertThat(errors).hasSize(1);
  }
}
