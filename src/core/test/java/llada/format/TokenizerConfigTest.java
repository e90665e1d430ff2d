package llada.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import llada.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerConfigTest {
  @TempDir Path folder;

  private TokenizerConfig read(String config) throws IOException {
    Files.writeString(folder.resolve("tokenizer_config.json"), config);
    return TokenizerConfig.read(folder);
  }

  @Test
  void theGoldenCheckpointHasAllEntries() {
    TokenizerConfig config = TokenizerConfig.read(Golden.resources().resolve("golden/tiny-llada"));
    assertThat(config.bosToken()).contains("<|startoftext|>");
    assertThat(config.eosToken()).contains("<|endoftext|>");
    assertThat(config.padToken()).contains("<|endoftext|>");
    assertThat(config.chatTemplate()).isPresent();
  }

  @Test
  void everythingIsOptional() {
    TokenizerConfig config = TokenizerConfig.read(folder);
    assertThat(config.chatTemplate()).isEmpty();
    assertThat(config.bosToken()).isEmpty();
  }

  @Test
  void tokensMayBeObjectsAndComeFromTheMap() throws IOException {
    Files.writeString(
        folder.resolve("special_tokens_map.json"),
        "{\"eos_token\": {\"content\": \"<e>\"}, \"bos_token\": \"<other>\"}");
    TokenizerConfig config = read("{\"bos_token\": {\"content\": \"<b>\"}, \"eos_token\": null}");
    assertThat(config.bosToken()).contains("<b>");
    assertThat(config.eosToken()).contains("<e>");
  }

  @Test
  void templatesMayBeNamedOrInAFile() throws IOException {
    String two =
        "{\"name\": \"tool\", \"template\": \"T\"}, {\"name\": \"default\", \"template\": \"D\"}";
    assertThat(read("{\"chat_template\": [" + two + "]}").chatTemplate()).contains("D");
    assertThat(read("{\"chat_template\": [" + two.substring(0, 33) + "]}").chatTemplate())
        .contains("T");
    assertThat(read("{\"chat_template\": []}").chatTemplate()).isEmpty();
    Files.writeString(folder.resolve("chat_template.jinja"), "J");
    assertThat(read("{\"chat_template\": \"S\"}").chatTemplate()).contains("J");
  }

  @Test
  void wrongEntriesAreNamed() {
    for (String wrong :
        new String[] {
          "[]", "{\"bos_token\": 5}", "{\"chat_template\": 5}", "{\"chat_template\": [{}]}", "{"
        }) {
      assertThatThrownBy(() -> read(wrong))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("tokenizer_config.json");
    }
  }
}
