package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the fixtures from Hugging Face's library do not show: limits, hostile patterns, errors. */
class RegexTest {
  private static List<String> matches(String pattern, String text) {
    RegexMatcher matcher =
        SplitPattern.regex(pattern).matcher(text, 0, text.length(), new Budget(text.length()));
    List<String> found = new ArrayList<>();
    while (matcher.find()) {
      found.add(text.substring(matcher.start(), matcher.end()));
    }
    return found;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(a*)*b",
        "(a|a)*b",
        "(a|aa)+$b",
        "(?:a?){50}b",
        "(?:|a?|b?){1000}(?!)",
        "(?:(?=a*)a?)*b",
        "(?:a+)+(?>a+)+b",
        "(?:(?:a*?)*?)*?b",
        "(?:\\w+\\s?)*\\z\\b!"
      })
  void catastrophicPatternsEndWithAnError(String pattern) {
    String text = "a".repeat(5000);
    Assertions.assertTimeoutPreemptively(
        Duration.ofSeconds(20),
        () ->
            assertThatThrownBy(() -> matches(pattern, text))
                .isInstanceOf(TokenizerException.class)
                .hasMessageContaining("too many steps"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(((((a{1000}){1000}){1000}){1000}){1000})",
        "((((((){1000}){1000}){1000}){1000}){1000})",
        "(?:ab{99999}){99999}"
      })
  void repetitionsDoNotFillTheMemory(String pattern) {
    assertThatThrownBy(() -> SplitPattern.regex(pattern))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("repeats too much");
  }

  @Test
  void sizeAndDepthAreLimited() {
    for (String pattern :
        List.of(
            "a".repeat(5000),
            "(".repeat(1000),
            "[".repeat(1000),
            "a" + "+*".repeat(100),
            "[^a]".repeat(300))) {
      assertThatThrownBy(() -> SplitPattern.regex(pattern)).isInstanceOf(TokenizerException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(",
        ")",
        "a)",
        "(a",
        "[a",
        "[",
        "[b-a]",
        "*a",
        "a|+",
        "\\",
        "\\p",
        "\\p{L",
        "\\p{Nonsense}",
        "\\x{110000}",
        "\\1",
        "\\k<a>",
        "(?<a>b)",
        "(?<=a)b",
        "(?<!a)b",
        "(?P<a>b)",
        "(?x)a",
        "(?~a)",
        "a{5,2}",
        "a{100001}",
        "\\G",
        "\\X",
        "\\K",
        "[[:nope:]]",
        "[a-\\w]",
        "(?i",
        "(?#a",
        "\\uD80",
        "\\q"
      })
  void whatIsWrongOrUnsupportedIsNamed(String pattern) {
    assertThatThrownBy(() -> SplitPattern.regex(pattern))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("pattern '")
        .hasMessageContaining("at character");
  }

  @Test
  void groupsMayRepeatAMillionTimes() {
    String text = "ab".repeat(1_000_000);
    assertThat(matches("(?:ab|ba)+", text)).containsExactly(text);
    assertThat(matches("(?:ab?)+?\\z", text)).containsExactly(text);
  }

  @Test
  void aPartOfATextIsTheWholeTextToItsMatcher() {
    RegexMatcher matcher = SplitPattern.regex("^b\\b(?!c)$").matcher("abc", 1, 2, new Budget(1));
    assertThat(matcher.find()).isTrue();
    assertThat(matcher.start()).isEqualTo(1);
    assertThat(matcher.end()).isEqualTo(2);
  }

  @Test
  void emptyRoundsEndLoopsAndRegistersComeBack() {
    assertThat(matches("(?:a|b*)*c", "abbac")).containsExactly("abbac");
    assertThat(matches("(?:(?:a|)(?:b|))*c", "abbac")).containsExactly("abbac");
    assertThat(matches("(?:\\b|a)*", "aa a")).containsExactly("", "a", "", "");
  }
}
