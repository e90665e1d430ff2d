package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import llada.Golden;
import llada.format.TokenizerJson;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Added tokens that are found in a way that a GGUF file cannot say. */
class AddedTokenFlagsTest {
  private static Tokenizer tokenizer(String flags) throws IOException {
    String json =
        Files.readString(Golden.resources().resolve("golden/tiny-llada/tokenizer.json"))
            .replace(
                "\"added_tokens\": [",
                "\"added_tokens\": [{\"id\": 320, \"content\": \"foo\", \"special\": false, "
                    + flags
                    + "},");
    return TokenizerJson.parse(json.getBytes(StandardCharsets.UTF_8), "t.json");
  }

  private static String flags(String set) {
    StringBuilder flags = new StringBuilder();
    for (String flag : new String[] {"single_word", "lstrip", "rstrip", "normalized"}) {
      flags.append(flags.isEmpty() ? "" : ", ");
      flags.append('"').append(flag).append("\": ").append(flag.equals(set));
    }
    return flags.toString();
  }

  @ParameterizedTest
  @ValueSource(strings = {"single_word", "lstrip", "rstrip", "normalized"})
  void areRefused(String flag) throws IOException {
    Tokenizer tokenizer = tokenizer(flags(flag));
    assertThatThrownBy(() -> GgufVocabulary.tables(tokenizer, 321))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("added token 'foo' is " + flag + "; GGUF files cannot hold that");
  }

  /** What is not refused comes back the same. */
  @Test
  void plainOnesGiveTheSameIds() throws IOException {
    Tokenizer tokenizer = tokenizer(flags(""));
    GgufVocabulary.Tables tables = GgufVocabulary.tables(tokenizer, 321);
    Tokenizer read =
        GgufVocabulary.tokenizer(tables.tokens(), tables.types(), tables.merges(), tables.pre());
    for (String text : new String[] {"xfoo", " foo ", "foo", "a\tfoo\nb<|eot_id|> foofoo"}) {
      assertThat(read.encode(text)).isEqualTo(tokenizer.encode(text)).contains(320);
    }
  }
}
