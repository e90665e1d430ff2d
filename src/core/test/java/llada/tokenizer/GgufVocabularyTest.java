package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class GgufVocabularyTest {
  private static final List<String> MERGES = List.of("a b", "1 2", "12 3");

  private static List<String> tokens() {
    List<String> tokens = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      tokens.add(ByteAlphabet.symbol(b));
    }
    tokens.addAll(List.of("ab", "12", "123", "<c>", "<u>", "<pad>", "<unk>"));
    return tokens;
  }

  private static int[] types(int... last) {
    int[] types = new int[256 + last.length];
    Arrays.fill(types, 1);
    System.arraycopy(last, 0, types, 256, last.length);
    return types;
  }

  private static Tokenizer tokenizer(String pre) {
    return Tokenizer.fromGguf(tokens(), types(1, 1, 1, 3, 4, 5, 2), MERGES, pre);
  }

  @Test
  void controlAndUserDefinedTokensAreRecognisedUnusedOnesAreNot() {
    Tokenizer tokenizer = tokenizer("llada");
    assertThat(tokenizer.encode("ab<c><u>")).containsExactly(256, 259, 260);
    assertThat(tokenizer.encode("<pad>")).hasSizeGreaterThan(1);
    assertThat(tokenizer.decode(new int[] {256, 259, 260, 262}, true)).isEqualTo("ab<u>");
    assertThat(tokenizer.isSpecial(260)).isFalse();
  }

  @Test
  void eachNameHasItsPatternAndNormaliser() {
    assertThat(tokenizer("llada").pieces("it's 123"))
        .containsExactly("it", "'s", " ", "1", "2", "3");
    assertThat(tokenizer("qwen2").pieces("123")).containsExactly("1", "2", "3");
    assertThat(tokenizer("llama3").pieces("1234 x")).containsExactly("123", "4", " x");
    assertThat(tokenizer("llama-bpe").encode("123")).containsExactly(258);
    assertThat(tokenizer("gpt-2").pieces("1234  x")).containsExactly("1234", " ", " x");
    assertThat(tokenizer("default").pieces("a+1234 x")).containsExactly("a", "+", "123", "4", " x");
    assertThat(tokenizer("bailingmoe").pieces("e\u0301")).containsExactly("\u00e9");
    assertThat(tokenizer("gpt-2").pieces("e\u0301")).containsExactly("e", "\u0301");
  }

  @Test
  void withoutTypesAllTokensAreNormal() {
    Tokenizer plain = Tokenizer.fromGguf(tokens(), new int[0], MERGES, "gpt-2");
    assertThat(plain.encode("<c>")).hasSize(3);
  }

  @Test
  void whatDoesNotFitIsNamed() {
    assertThatThrownBy(() -> tokenizer("tekken"))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("tekken")
        .hasMessageContaining(
            "bailingmoe, bailingmoe2, default, gpt-2, llada, llada-moe, llama-bpe, llama-v3, llama3, qwen2");
    assertThatThrownBy(() -> Tokenizer.fromGguf(tokens(), new int[3], MERGES, "llada"))
        .hasMessageContaining("3");
    assertThatThrownBy(
            () -> Tokenizer.fromGguf(tokens(), types(1, 1, 1, 3, 4, 5, 6), MERGES, "llada"))
        .hasMessageContaining("type 6");
    assertThatThrownBy(() -> Tokenizer.fromGguf(tokens(), new int[0], List.of("a z"), "llada"))
        .hasMessageContaining("'az'");
    assertThatThrownBy(
            () -> Tokenizer.fromGguf(List.of("a", "b", "a"), new int[0], List.of(), "llada"))
        .hasMessageContaining("ids 0 and 2");
  }
}
