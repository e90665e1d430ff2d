package llada.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import llada.Golden;
import llada.evaluation.EncodedPair;
import llada.format.FormatException;
import llada.format.TokenizerFiles;
import llada.format.TokenizerJson;
import llada.tokenizer.GgufVocabulary;
import llada.tokenizer.Tokenizer;
import org.junit.jupiter.api.Test;

/**
 * The start of text before texts of LLaMA 3: Hugging Face's library puts it there where the
 * post-processor of tokenizer.json does, whatever tokenizer_config.json says of add_bos_token.
 */
class BeginOfTextTest {
  private static final String TEXT = "a text";

  private static final String TEMPLATE =
      """
      {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
        {"type": "TemplateProcessing",
         "single": [{"SpecialToken": {"id": "%s", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
         "pair": [], "special_tokens": {}}]}
      """;

  private static Tokenizer tokenizer(String postProcessor) throws IOException {
    Path folder = Golden.checkpointsWith("tokenizer.json").getFirst();
    String published = Files.readString(folder.resolve("tokenizer.json"));
    String other =
        published.replaceFirst(
            "\"post_processor\": *(null|\\{[^{}]*})",
            java.util.regex.Matcher.quoteReplacement("\"post_processor\": " + postProcessor));
    return TokenizerJson.parse(other.getBytes(StandardCharsets.UTF_8), "tokenizer.json");
  }

  @Test
  void theTemplatesFirstTokenStandsBeforeTextsAlone() throws IOException {
    Tokenizer tokenizer = tokenizer(TEMPLATE.formatted("<|endoftext|>"));
    int begin = tokenizer.id("<|endoftext|>").orElseThrow();
    int[] plain = tokenizer.encode(TEXT);
    int[] with = IntStream.concat(IntStream.of(begin), Arrays.stream(plain)).toArray();
    assertThat(plain).doesNotContain(begin);
    assertThat(tokenizer.encodeText(TEXT)).isEqualTo(with);
    assertThat(tokenizer.encodeText("")).containsExactly(begin);
    assertThat(tokenizer.withBegin(OptionalInt.empty()).encodeText(TEXT)).isEqualTo(plain);

    EncodedPair pair = EncodedPair.of(tokenizer, "", TEXT);
    assertThat(pair.context()).containsExactly(begin);
    assertThat(pair.continuation()).isEqualTo(plain);
  }

  @Test
  void otherPostProcessorsPutNothingThere() throws IOException {
    assertThat(tokenizer("null").begin()).isEmpty();
    assertThat(tokenizer("{\"type\": \"ByteLevel\"}").begin()).isEmpty();
    assertThatThrownBy(() -> tokenizer(TEMPLATE.formatted("<|none|>")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("is \"<|none|>\", which is no token of this file");
  }

  @Test
  void writtenFilesSayItToo() throws IOException {
    Tokenizer tokenizer = tokenizer(TEMPLATE.formatted("<|endoftext|>"));
    Map<String, byte[]> files =
        TokenizerFiles.of(
            GgufVocabulary.tables(tokenizer, tokenizer.size()),
            Map.of(),
            Optional.empty(),
            OptionalInt.empty(),
            tokenizer.begin());
    Tokenizer read = TokenizerJson.parse(files.get("tokenizer.json"), "tokenizer.json");
    assertThat(read.begin()).isEqualTo(tokenizer.begin());
    assertThat(read.encodeText(TEXT)).isEqualTo(tokenizer.encodeText(TEXT));
  }

  @Test
  void denseModelsTakeTextsAsTheyStand() {
    for (Path folder : Golden.checkpointsWith("tokenizer.json")) {
      try (Checkpoint model = Checkpoint.open(folder)) {
        assertThat(model.tokenizer().begin()).isEmpty();
      }
    }
  }
}
