package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.Golden;
import llada.format.Json;
import llada.format.TokenizerConfig;
import llada.format.TokenizerJson;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every recorded result of the published tokenizer, on each checkpoint that has that tokenizer. */
class TokenizerGoldenTest {
  private static Json cases() {
    Golden.need(Golden.root(), "tokenizer_cases.json");
    return Golden.json(Golden.root().resolve("tokenizer_cases.json"));
  }

  /** The vectors belong to the first checkpoint with a tokenizer, and to those equal to it. */
  private static List<Path> checkpoints() {
    List<Path> with =
        Golden.checkpoints().stream()
            .filter(c -> Files.exists(c.resolve("tokenizer.json")))
            .toList();
    Object vocabulary = vocabulary(with.getFirst());
    return with.stream().filter(c -> vocabulary(c).equals(vocabulary)).toList();
  }

  private static Object vocabulary(Path checkpoint) {
    return Golden.json(checkpoint.resolve("tokenizer.json")).get("model").get("vocab").value();
  }

  @TestFactory
  Stream<DynamicTest> recordedResults() {
    return checkpoints().stream()
        .flatMap(
            checkpoint -> {
              Tokenizer tokenizer = TokenizerJson.read(checkpoint.resolve("tokenizer.json"));
              String name = checkpoint.getFileName().toString();
              return Stream.of(
                  DynamicTest.dynamicTest(name + ": texts", () -> texts(tokenizer)),
                  DynamicTest.dynamicTest(name + ": ids", () -> ids(tokenizer)),
                  DynamicTest.dynamicTest(name + ": chats", () -> chats(tokenizer, checkpoint)),
                  DynamicTest.dynamicTest(name + ": GGUF", () -> gguf(tokenizer, checkpoint)));
            });
  }

  private static void texts(Tokenizer tokenizer) {
    for (Json test : cases().get("cases").list()) {
      String text = test.get("text").string();
      int[] ids = ints(test.get("ids"));
      assertThat(tokenizer.encode(text)).as(text).containsExactly(ids);
      assertThat(tokenizer.decode(ids)).isEqualTo(test.get("decoded").string());
      assertThat(tokenizer.decode(ids, true)).isEqualTo(test.get("decoded_skip_special").string());
      Json pieces = test.get("pieces_if_no_specials");
      if (!pieces.isNull()) {
        assertThat(tokenizer.pieces(text))
            .as(text)
            .isEqualTo(pieces.list().stream().map(Json::string).toList());
        if (Arrays.stream(ids).noneMatch(tokenizer::isSpecial)) {
          assertThat(tokenizer.encodeOrdinary(text)).as(text).containsExactly(ids);
        }
      }
    }
  }

  private static void ids(Tokenizer tokenizer) {
    for (Json test : cases().get("decode_cases").list()) {
      int[] ids = ints(test.get("ids"));
      assertThat(tokenizer.decode(ids)).isEqualTo(test.get("decoded").string());
      assertThat(tokenizer.decode(ids, true)).isEqualTo(test.get("decoded_skip_special").string());
    }
  }

  private static void chats(Tokenizer tokenizer, Path checkpoint) {
    TokenizerConfig config = TokenizerConfig.read(checkpoint);
    ChatTemplate template = ChatTemplate.require(config.chatTemplate(), config.bosToken());
    for (Json test : cases().get("chat_cases").list()) {
      List<ChatTemplate.Message> messages =
          test.get("messages").list().stream()
              .map(m -> new ChatTemplate.Message(m.get("role").string(), m.get("content").string()))
              .toList();
      assertThat(template.render(messages)).isEqualTo(test.get("text").string());
      assertThat(template.encode(tokenizer, messages)).containsExactly(ints(test.get("ids")));
    }
  }

  /** The same vocabulary by way of GGUF's lists gives the same ids. */
  private static void gguf(Tokenizer tokenizer, Path checkpoint) {
    Json file = Golden.json(checkpoint.resolve("tokenizer.json"));
    List<String> tokens =
        IntStream.range(0, tokenizer.size())
            .mapToObj(i -> tokenizer.token(i).orElse("[PAD" + i + "]"))
            .toList();
    int[] types =
        IntStream.range(0, tokenizer.size())
            .map(i -> tokenizer.isSpecial(i) ? 3 : tokenizer.token(i).isPresent() ? 1 : 5)
            .toArray();
    List<String> merges = new ArrayList<>();
    for (Json merge : file.get("model").get("merges").list()) {
      merges.add(
          merge.value() instanceof String text
              ? text
              : merge.get(0).string() + " " + merge.get(1).string());
    }
    for (String pre : List.of("llada", "bailingmoe")) {
      Tokenizer same = Tokenizer.fromGguf(tokens, types, merges, pre);
      assertThat(same.size()).isEqualTo(tokenizer.size());
      for (Json test : cases().get("cases").list()) {
        String text = test.get("text").string();
        int[] ids = ints(test.get("ids"));
        assertThat(same.encode(text)).as(text).containsExactly(ids);
        assertThat(same.decode(ids, true)).isEqualTo(test.get("decoded_skip_special").string());
      }
    }
  }

  @Test
  void shakespeareTokenizerGivesTheRecordedPrompts() {
    Path checkpoint = Golden.resources().resolve("checkpoints/shakespeare-llada");
    Tokenizer tokenizer = TokenizerJson.read(checkpoint.resolve("tokenizer.json"));
    for (Json run : Golden.json(checkpoint.resolve("generations.json")).list()) {
      assertThat(tokenizer.encode(run.get("prompt").string()))
          .containsExactly(ints(run.get("prompt_ids")));
    }
    TokenizerConfig config = TokenizerConfig.read(checkpoint);
    assertThat(config.eosToken()).isEqualTo(Optional.of("<|endoftext|>"));
    assertThat(ChatTemplate.require(config.chatTemplate(), config.bosToken()).endOfTurn())
        .isEqualTo("<|eot_id|>");
  }

  private static int[] ints(Json list) {
    return list.list().stream().mapToInt(i -> i.integer(0, Integer.MAX_VALUE)).toArray();
  }
}
