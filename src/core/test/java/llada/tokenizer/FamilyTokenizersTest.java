package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import llada.Golden;
import llada.GoldenFolders;
import llada.format.Json;
import llada.format.TokenizerConfig;
import llada.format.TokenizerJson;
import llada.model.Architecture;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The tokenizers and templates of the family's other models: what the published library answers for
 * small vocabularies of their kind, from a folder's files and by way of a GGUF file's lists.
 */
class FamilyTokenizersTest {
  /** The checkpoints of the golden set, and one of a family that has no other vectors here. */
  static Stream<Path> families() {
    return Stream.concat(
        GoldenFolders.checkpoints().stream().filter(f -> Files.exists(f.resolve(CASES))),
        Stream.of(Golden.resources().resolve("tokenizer/families/tiny-dream")));
  }

  private static final String CASES = "tokenizer_cases.json";

  private static Optional<Architecture> architecture(Path family) {
    Path config = family.resolve("config.json");
    return Files.exists(config)
        ? Architecture.ofClass(Golden.json(config).get("architectures").get(0).string())
        : Optional.empty();
  }

  /** The name that llama.cpp's converter gives each way of splitting text. */
  private static String pre(Path family) {
    return switch (architecture(family).orElse(null)) {
      case LLADA -> "llada";
      case LLADA_MOE -> "llada-moe";
      case LLADA2 -> "bailingmoe2";
      case LLAMA -> "llama-bpe";
      case null -> "qwen2";
    };
  }

  private static Tokenizer tokenizer(Path family) {
    return TokenizerJson.read(family.resolve("tokenizer.json"));
  }

  private static Json cases(Path family) {
    return Golden.json(family.resolve(CASES));
  }

  @AfterAll
  static void everyFileWasCompared() {
    GoldenFolders.requireAll(FamilyTokenizersTest.class);
  }

  @ParameterizedTest
  @MethodSource("families")
  void textsFromTheFolder(Path family) {
    check(tokenizer(family), family);
  }

  @ParameterizedTest
  @MethodSource("families")
  void textsByWayOfGguf(Path family) {
    Tokenizer tokenizer = tokenizer(family);
    GgufVocabulary.Tables tables = GgufVocabulary.tables(tokenizer, tokenizer.size() + 11);
    check(
        GgufVocabulary.tokenizer(tables.tokens(), tables.types(), tables.merges(), pre(family)),
        family);
    String written = tables.pre(); // one of several names for the same way
    assertThat(GgufVocabulary.patterns(written)).isEqualTo(GgufVocabulary.patterns(pre(family)));
    assertThat(GgufVocabulary.normalizes(written))
        .isEqualTo(GgufVocabulary.normalizes(pre(family)));
  }

  private static void check(Tokenizer tokenizer, Path family) {
    List<Json> cases = cases(family).get("encode").list();
    assertThat(cases).isNotEmpty();
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
  void chats(Path family) {
    TokenizerConfig config = TokenizerConfig.read(family);
    ChatTemplate template = ChatTemplate.require(config.chatTemplate(), config.bosToken());
    Tokenizer tokenizer = tokenizer(family);
    List<Json> cases = cases(family).get("chat").list();
    assertThat(cases).isNotEmpty();
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
    String end = architecture(family).map(Architecture::endOfTurn).orElse("<|im_end|>");
    assertThat(template.endOfTurnId(tokenizer)).isEqualTo(tokenizer.id(end)).isPresent();
    GoldenFolders.compared(family.resolve(CASES));
  }

  private static int[] ints(Json list) {
    return list.list().stream().mapToInt(i -> i.integer(0, Integer.MAX_VALUE)).toArray();
  }
}
