package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLines;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** JSON corpora as other programs write them, and what is said of those that are broken. */
class JsonCorpusTest {
  private static final String TWO = "{\"text\": \"One\"}\n\n{\"text\": \"Two\", \"score\": 1.5}\n";

  @TempDir Path folder;

  private List<String> texts(String name, String content) throws IOException {
    Path file = Files.writeString(folder.resolve(name), content);
    List<String> texts = new ArrayList<>();
    Corpus.of(List.of(file))
        .forEach(d -> texts.add(d.isChat() ? d.messages().toString() : d.text()));
    return texts;
  }

  @ParameterizedTest
  @ValueSource(strings = {"a.jsonl", "a.NDJSON", "a.json"})
  void linesUnderEveryName(String name) throws IOException {
    assertThat(texts(name, TWO)).containsExactly("One", "Two");
    assertThat(texts(name, "\uFEFF" + TWO)).containsExactly("One", "Two");
  }

  @Test
  void arrays() throws IOException {
    String array = " [" + TWO.strip().replace("\n\n", ",") + "]";
    assertThat(texts("a.json", array)).containsExactly("One", "Two");
    assertThat(texts("a.json", "\uFEFF[{\"prompt\": \"p\", \"response\": \"r\"}]"))
        .containsExactly("[Message[role=user, content=p], Message[role=assistant, content=r]]");
    assertThat(JsonLines.read(folder.resolve("a.json"))).hasSize(1);
    assertThatThrownBy(() -> texts("a.json", "[{\"text\": \"a\"}, 5]"))
        .hasMessageContaining("a.json: item 2 is 5; an object is needed");
  }

  @Test
  void aFolderHasThemAll() throws IOException {
    texts("a.jsonl", "{\"text\": \"1\"}");
    texts("b.ndjson", "{\"text\": \"2\"}");
    texts("c.json", "[{\"text\": \"3\"}]");
    Files.writeString(folder.resolve("d.csv"), "no document");
    List<String> texts = new ArrayList<>();
    Corpus.of(List.of(folder)).forEach(d -> texts.add(d.text()));
    assertThat(texts).containsExactly("1", "2", "3");
  }

  @Test
  void theMarkAtTheStartOfATextIsNoText() throws IOException {
    assertThat(texts("a.txt", "\uFEFFOne\n")).containsExactly("One\n");
    assertThat(texts("b.txt", "One\n\uFEFFTwo\n")).containsExactly("One\n\uFEFFTwo\n");
  }

  @Test
  void aTextMayBeLongerThanAHeadersMay() throws IOException {
    int length = (16 << 20) + 10;
    assertThat(texts("a.jsonl", "{\"text\": \"" + "x".repeat(length) + "\"}").getFirst())
        .hasSize(length);
  }

  @Test
  void aPointerIsNoText() {
    String pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    assertThatThrownBy(() -> texts("a.txt", pointer)).hasMessageContaining("git lfs pull");
    assertThatThrownBy(() -> texts("a.jsonl", pointer)).hasMessageContaining("git lfs pull");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      textBlock =
          """
          {"text": "a", "score": NaN}        | 'NaN' is no number in JSON; write null
          {"text": "a", "score": -Infinity}  | '-Infinity' is no number in JSON
          {"text": "a"                       | it ends too early
          {"text": "a                        | it ends too early
          {"text": [1, 2                     | it ends too early
          {"text": "a", }                    | not valid JSON
          {text: "a"}                        | not valid JSON
          {"text": 'a'}                      | not valid JSON
          {"text": .5}                       | not valid JSON
          {"text": +5}                       | not valid JSON
          {"text": 05}                       | not valid JSON
          {"text": "\\q"}                    | not valid JSON
          {"text": "\\u12"}                  | not valid JSON
          {"text": tru}                      | not valid JSON
          {"text": 1 // why                  | not valid JSON
          {"text": 1, "text": 2}             | not valid JSON
          {"text": 1} 2                      | more text follows
          {"text": 1]                        | not valid JSON
          {"text": 1e                        | not valid JSON
          """)
  void messagesAreInOurWords(String line, String message) {
    assertThatThrownBy(() -> texts("a.jsonl", "{\"text\": \"fine\"}\n" + line + "\n"))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("a.jsonl: line 2: ")
        .hasMessageContaining(message)
        .satisfies(e -> ours(e.getMessage()));
  }

  @Test
  void limitsAreInOurWords() {
    for (String line :
        List.of("[".repeat(70), "{\"text\": " + "1".repeat(500) + "}", "{\"a\":".repeat(80))) {
      assertThatThrownBy(() -> texts("a.jsonl", line))
          .hasMessageContaining("is more than is read as JSON: 64 levels", "a.jsonl: ", " 1: ")
          .satisfies(e -> ours(e.getMessage()));
    }
    byte[] long17 =
        ("\"" + "x".repeat(17 << 20) + "\"").getBytes(java.nio.charset.StandardCharsets.UTF_8);
    assertThatThrownBy(() -> Json.parse(long17, "config.json"))
        .hasMessageContaining("config.json: is more than is read as JSON", "16777216 characters")
        .satisfies(e -> ours(e.getMessage()));
  }

  private static void ours(String message) {
    assertThat(message)
        .doesNotContain(
            "\n", "`", "Stream", "Feature", "Constraint", "jackson", "REDACTED", "ALLOW_")
        .doesNotMatch(".*[(\\[:;] *$");
  }
}
