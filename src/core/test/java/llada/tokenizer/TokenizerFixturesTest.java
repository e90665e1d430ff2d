package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.stream.Stream;
import llada.Golden;
import llada.format.Json;
import llada.format.TokenizerJson;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Small tokenizers with every flag, split and pattern, compared with what Hugging Face's library
 * gives for them. {@code src/core/test/python/tokenizer_fixtures.py} made the files.
 */
class TokenizerFixturesTest {
  @TestFactory
  Stream<DynamicTest> sameAsHuggingFace() {
    return Stream.of("added_tokens", "splitting", "patterns", "models")
        .flatMap(
            group ->
                Golden.json(Golden.resources().resolve("tokenizer/" + group + ".json"))
                    .list()
                    .stream()
                    .map(
                        f ->
                            DynamicTest.dynamicTest(
                                group + ": " + f.get("name").string(), () -> check(f))));
  }

  private static void check(Json fixture) {
    String name = fixture.get("name").string();
    byte[] file = fixture.get("tokenizer").string().getBytes(StandardCharsets.UTF_8);
    Tokenizer tokenizer = TokenizerJson.parse(file, name);
    for (Json test : fixture.get("cases").list()) {
      String text = test.get("text").string();
      int[] ids = test.get("ids").list().stream().mapToInt(i -> (int) i.integer()).toArray();
      assertThat(tokenizer.encode(text)).as("%s: '%s'", name, text).containsExactly(ids);
      if (!test.get("decoded").isNull()) {
        assertThat(tokenizer.decode(ids)).isEqualTo(test.get("decoded").string());
        assertThat(tokenizer.decode(ids, true))
            .isEqualTo(test.get("decoded_skip_special").string());
      }
    }
  }
}
