package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import llada.Golden;
import llada.format.Json;
import llada.format.TokenizerConfig;
import llada.format.TokenizerJson;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The tokenizers and templates of the family's other models: what the published library answers for
 * small vocabularies of their kind, from a folder's files and by way of a GGUF file's lists.
 */
class FamilyTokenizersTest {
  /** The name that llama.cpp's converter gives each way of splitting text. */
  private static final Map<String, String> PRE =
      Map.of("tiny-llada2", "bailingmoe2", "tiny-llada-moe", "llada-moe", "tiny-dream", "qwen2");

  static Stream<String> families() {
    return PRE.keySet().stream().sorted();
  }

  private static Path folder(String family) {
    return Golden.resources().resolve("tokenizer/families").resolve(family);
  }

  private static Tokenizer tokenizer(String family) {
    return TokenizerJson.read(folder(family).resolve("tokenizer.json"));
  }

  private static Json cases(String family) {
    return Golden.json(folder(family).resolve("tokenizer_cases.json"));
  }

  @ParameterizedTest
  @MethodSource("families")
  void textsFromTheFolder(String family) {
    check(tokenizer(family), family);
  }

  @ParameterizedTest
  @MethodSource("families")
  void textsByWayOfGguf(String family) {
    Tokenizer tokenizer = tokenizer(family);
    GgufVocabulary.Tables tables = GgufVocabulary.tables(tokenizer, tokenizer.size() + 11);
    check(
        GgufVocabulary.tokenizer(tables.tokens(), tables.types(), tables.merges(), PRE.get(family)),
        family);
    String written = tables.pre(); // one of several names for the same way
    assertThat(GgufVocabulary.patterns(written))
        .isEqualTo(GgufVocabulary.patterns(PRE.get(family)));
    assertThat(GgufVocabulary.normalizes(written))
        .isEqualTo(GgufVocabulary.normalizes(PRE.get(family)));
  }

  private static void check(Tokenizer tokenizer, String family) {
    List<Json> cases = cases(family).get("encode").list();
    assertThat(cases).hasSize(18);
    for (Json test : cases) {
      String text = test.get("text").string();
      int[] ids = ints(test.get("ids"));
      assertThat(tokenizer.encode(text)).as(text).containsExactly(ids);
      assertThat(tokenizer.decode(ids)).isEqualTo(test.get("decoded").string());
      assertThat(tokenizer.decode(ids, true)).isEqualTo(test.get("decoded_skip_special").string());
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void chats(String family) {
    TokenizerConfig config = TokenizerConfig.read(folder(family));
    ChatTemplate template = ChatTemplate.require(config.chatTemplate(), config.bosToken());
    Tokenizer tokenizer = tokenizer(family);
    List<Json> cases = cases(family).get("chat").list();
    assertThat(cases).hasSize(8);
    for (Json test : cases) {
      List<ChatTemplate.Message> messages =
          test.get("messages").list().stream()
              .map(m -> new ChatTemplate.Message(m.get("role").string(), m.get("content").string()))
              .toList();
      boolean answer = test.get("add_generation_prompt").bool();
      String text = template.render(messages, Map.of("add_generation_prompt", answer));
      assertThat(text).isEqualTo(test.get("text").string());
      assertThat(tokenizer.encode(text)).containsExactly(ints(test.get("ids")));
      if (answer) {
        assertThat(template.encode(tokenizer, messages)).containsExactly(ints(test.get("ids")));
      }
    }
    String end = family.equals("tiny-dream") ? "<|im_end|>" : "<|role_end|>";
    assertThat(template.endOfTurnId(tokenizer)).isEqualTo(tokenizer.id(end)).isPresent();
  }

  private static int[] ints(Json list) {
    return list.list().stream().mapToInt(i -> i.integer(0, Integer.MAX_VALUE)).toArray();
  }
}
