package llada.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import llada.Golden;
import llada.tokenizer.Tokenizer;
import llada.tokenizer.TokenizerException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Files that are not what they should be: each is one message, whatever is wrong with it. */
class TokenizerJsonTest {
  private static final String SMALL =
      """
      {"added_tokens": [{"id": 3, "content": "<x>", "special": true}],
       "normalizer": {"type": "NFC"},
       "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
         {"type": "Split", "pattern": {"Regex": " ?\\\\w+|\\\\s"}, "behavior": "Isolated", "invert": false},
         {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
       "decoder": {"type": "ByteLevel"},
       "model": {"type": "BPE", "dropout": null, "unk_token": null, "byte_fallback": false,
         "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}}
      """;

  private static Tokenizer parse(String json) {
    return TokenizerJson.parse(json.getBytes(StandardCharsets.UTF_8), "small.json");
  }

  @Test
  void theSmallFileIsRead() {
    Tokenizer tokenizer = parse(SMALL);
    assertThat(tokenizer.encode("ab<x>ba")).containsExactly(2, 3, 1, 0);
    assertThat(tokenizer.size()).isEqualTo(4);
  }

  static Stream<Arguments> faults() {
    return Stream.of(
        Arguments.of("{\"added_tokens\"", "{\"added_tokens", "JSON"),
        Arguments.of("\"BPE\"", "\"Unigram\"", "Unigram"),
        Arguments.of("\"BPE\"", "\"WordPiece\"", "only BPE"),
        Arguments.of("\"dropout\": null", "\"dropout\": 0.1", "dropout is 0.1"),
        Arguments.of("\"byte_fallback\": false", "\"byte_fallback\": true", "byte_fallback"),
        Arguments.of("\"unk_token\": null", "\"unk_token\": \"?\"", "unknown token '?'"),
        Arguments.of(
            "\"unk_token\": null",
            "\"end_of_word_suffix\": \"</w>\"",
            "end_of_word_suffix is </w>"),
        Arguments.of("\"b\": 1", "\"b\": 0", "both have id 0"),
        Arguments.of("\"b\": 1", "\"b\": -1", "id -1"),
        Arguments.of("\"b\": 1", "\"b\": 1.5", "1.5"),
        Arguments.of("\"b\": 1", "\"b\": \"1\"", "integers"),
        Arguments.of("\"b\": 1", "\"b\": 2147483647", "2147483647"),
        Arguments.of("\"b\": 1", "\"b\": 2147483646", "may be unused"),
        Arguments.of("\"b\": 1", "\"b\": 9223372036854775808", "integers"),
        Arguments.of("\"b\": 1", "\"b\": 1, \"\\ud800\": 9", "surrogate"),
        Arguments.of("\"vocab\": {", "\"vocab\": {\"a\": 7, ", "Duplicate"),
        Arguments.of("[\"a\", \"b\"]", "[\"b\", \"a\"]", "'ba' is not in the vocabulary"),
        Arguments.of("[\"a\", \"b\"]", "[\"a\", \"c\"]", "'c' is not in the vocabulary"),
        Arguments.of("[\"a\", \"b\"]", "[\"a\"]", "1 parts"),
        Arguments.of("[\"a\", \"b\"]", "\"ab\"", "one space"),
        Arguments.of("[\"a\", \"b\"]", "\"a b c\"", "one space"),
        Arguments.of("\"merges\": [[\"a\", \"b\"]]", "\"merges\": null", "merges is missing"),
        Arguments.of("\"vocab\": {\"a\"", "\"vocab\": [], \"x\": {\"a\"", "an object is needed"),
        Arguments.of("\"id\": 3", "\"id\": 1", "both have id 1"),
        Arguments.of("\"<x>\"", "\"ab\"", "must agree"),
        Arguments.of("\"<x>\"", "\"\"", "added token ''"),
        Arguments.of("\"id\": 3", "\"id\": 2147483647", "2147483647"),
        Arguments.of("\"id\": 3", "\"id\": 2000000000", "may be unused"),
        Arguments.of("\"NFC\"", "\"BertNormalizer\"", "BertNormalizer"),
        Arguments.of("\"Split\"", "\"Metaspace\"", "Metaspace"),
        Arguments.of("\"Isolated\"", "\"Sideways\"", "Sideways"),
        Arguments.of("{\"Regex\"", "{\"Rex\"", "neither Regex nor String"),
        Arguments.of("?\\\\w+", "?(\\\\w+", "without a ')'"),
        Arguments.of(
            "{\"type\": \"ByteLevel\", \"add",
            "{\"type\": \"Digits\", \"add",
            "end with ByteLevel"),
        Arguments.of("{\"type\": \"ByteLevel\"}", "{\"type\": \"WordPiece\"}", "decoder"),
        Arguments.of("{\"type\": \"ByteLevel\"}", "null", "decoder"));
  }

  @ParameterizedTest
  @MethodSource("faults")
  void eachFaultIsNamed(String right, String wrong, String message) {
    String json = SMALL.replace(right, wrong);
    assertThat(json).isNotEqualTo(SMALL);
    assertThatThrownBy(() -> parse(json))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("small.json")
        .hasMessageContaining(message);
  }

  @Test
  void aMissingFileIsAnErrorToo() {
    assertThatThrownBy(() -> TokenizerJson.read(Path.of("no/such/tokenizer.json")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("no/such");
  }

  @Test
  void replacementsCannotBlowUpAText() {
    String step =
        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\".\"},\"content\":\""
            + "x".repeat(64)
            + "\"}";
    String json =
        SMALL.replace(
            "{\"type\": \"NFC\"}",
            "{\"type\":\"Sequence\",\"normalizers\":[" + (step + ",").repeat(20) + step + "]}");
    Tokenizer tokenizer = parse(json);
    assertThatThrownBy(() -> tokenizer.encode("abc".repeat(1000)))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("more than");
    assertThatThrownBy(() -> tokenizer.encode("a<x>".repeat(1000)))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("more than");
  }

  @Test
  void anAddedTokenHasABoundedLength() {
    assertThatThrownBy(() -> parse(SMALL.replace("<x>", "x".repeat(600))))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("600 characters");
  }

  /** Thousands of damaged files: nothing but a tokenizer or a FormatException comes of them. */
  @Test
  @Timeout(120)
  void damagedFilesNeverDoMoreThanFail() throws IOException {
    byte[] small = SMALL.getBytes(StandardCharsets.UTF_8);
    byte[] golden =
        Files.readAllBytes(Golden.resources().resolve("golden/tiny-llada/tokenizer.json"));
    Random random = new Random(1);
    int read = 0;
    for (int i = 0; i < 6000; i++) {
      byte[] damaged = damaged(i % 3 == 0 ? golden : small, small, random);
      try {
        Tokenizer tokenizer = TokenizerJson.parse(damaged, "damaged.json");
        tokenizer.encode("ab <x> it's 12 \u00e9\n\n".repeat(20));
        read++;
      } catch (FormatException e) {
        assertThat(e).hasMessageContaining("damaged.json");
      } catch (TokenizerException e) { // only encode may throw it
        assertThat(e.getMessage()).containsAnyOf("too many steps", "more than");
      }
    }
    assertThat(read).as("files that are still valid").isBetween(100, 5900);
  }

  private static byte[] damaged(byte[] file, byte[] other, Random random) {
    byte[] bytes = file.clone();
    int changes = 1 + random.nextInt(3);
    for (int c = 0; c < changes; c++) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(5)) {
        case 0 -> bytes[at] = (byte) random.nextInt(256);
        case 1 -> bytes[at] = (byte) "(){}[]\\*+?|^-0189\",:".charAt(random.nextInt(20));
        case 2 -> { // a piece moves elsewhere
          int length = Math.min(random.nextInt(40), bytes.length - at);
          int to = random.nextInt(bytes.length - length + 1);
          System.arraycopy(file, at, bytes, to, length);
        }
        case 3 -> bytes = Arrays.copyOf(bytes, Math.max(1, bytes.length - random.nextInt(50)));
        default -> {
          int from = random.nextInt(other.length);
          int length =
              Math.min(random.nextInt(20), Math.min(other.length - from, bytes.length - at));
          System.arraycopy(other, from, bytes, at, length);
        }
      }
    }
    return bytes;
  }
}
