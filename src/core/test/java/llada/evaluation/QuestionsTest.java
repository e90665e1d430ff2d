package llada.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalInt;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Reading of data sets, questions and answers. */
final class QuestionsTest {
  private static Json json(String text) {
    return Json.parse(text.replace('\'', '"').getBytes(StandardCharsets.UTF_8), "test");
  }

  private static MultipleChoice read(String text) {
    Json json = json(text);
    return MultipleChoice.read(json, MultipleChoice.Style.of(json).orElseThrow(), "9");
  }

  @Test
  void arcInBothForms() {
    String flat =
        "{'id': 'M1', 'question': 'What melts?', 'choices': {'text': ['ice', 'iron'], 'label':"
            + " ['1', '2']}, 'answerKey': '1'}";
    String nested =
        "{'id': 'M1', 'question': {'stem': 'What melts?', 'choices': [{'text': 'ice', 'label':"
            + " '1'}, {'text': 'iron', 'label': '2'}]}, 'answerKey': '1'}";
    for (String form : List.of(flat, nested)) {
      MultipleChoice item = read(form);
      assertThat(item.id()).isEqualTo("M1");
      assertThat(item.context()).isEqualTo("Question: What melts?\nAnswer:");
      assertThat(item.continuations()).containsExactly(" ice", " iron");
      assertThat(item.question())
          .isEqualTo(
              "Question: What melts?\nA. ice\nB. iron\nAnswer with the letter of the choice.\nAnswer:");
      assertThat(item.gold()).isZero();
    }
    assertThatThrownBy(() -> read(flat.replace("'answerKey': '1'", "'answerKey': 'C'")))
        .hasMessageContaining("answerKey is C, but the 2 choices have the labels [1, 2]");
  }

  @Test
  void hellaSwagIsCleaned() {
    MultipleChoice item =
        read(
            "{'ind': 24, 'activity_label': 'Roof', 'ctx_a': 'A man sits. [header] Up', 'ctx_b':"
                + " 'he THEN', 'endings': ['rips [step] shingles.', 'a [title] b', 'c', 'd'],"
                + " 'label': '3'}");
    assertThat(item.id()).as("ind need not differ").isEqualTo("9");
    assertThat(item.context()).isEqualTo("Roof: A man sits. Up He then");
    assertThat(item.choices())
        .containsExactly("rips shingles.", "a.  b".replace("  ", " "), "c", "d");
    assertThat(item.gold()).isEqualTo(3);
  }

  @Test
  void piqaAndPlainChoices() {
    MultipleChoice piqa =
        read("{'goal': 'To dry', 'sol1': 'use a towel', 'sol2': 'use water', 'label': 0}");
    assertThat(piqa.context()).isEqualTo("Question: To dry\nAnswer:");
    assertThat(piqa.continuations()).containsExactly(" use a towel", " use water");
    assertThat(piqa.id()).isEqualTo("9");
    MultipleChoice plain =
        read("{'id': 3, 'question': 'q', 'choices': ['x', 'y', 'z'], 'answer': 'c'}");
    assertThat(plain.id()).isEqualTo("3");
    assertThat(plain.gold()).isEqualTo(2);
    assertThat(plain.question()).contains("A. x\nB. y\nC. z\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {'question': 'q', 'choices': ['x', 'y'], 'answer': 2}   | answer is 2; it must be from 0 to 1
          {'question': 'q', 'choices': ['x', 'y'], 'answer': 'Q'} | the right answer is number 17 of 2
          {'question': 'q', 'choices': ['x'], 'answer': 0}        | has 1 choices; from 2 to 26
          {'question': 'q', 'choices': ['x', 'y']}                | label is missing
          {'question': 'q', 'choices': ['x', 'y'], 'answer': '?'} | is '?'; a number from 0 or a letter
          {'question': 'q', 'choices': 7, 'answer': 1}            | choices is 7; an array is needed
          {'choices': ['x', 'y'], 'answer': 1}                    | question is missing
          """)
  void whatIsWrongIsNamed(String text, String message) {
    assertThatThrownBy(() -> read(text)).hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      ignoreLeadingAndTrailingWhitespace = true,
      textBlock =
          """
          B                                             | 1
          b is wrong                                    | -1
          C. because                                    | 2
          (D)                                           | 3
          The answer is B.                              | 1
          A good question. The answer is (C), not D.    | 2
          Answer: **D**                                 | 3
          First the answer is A. No, the answer is B    | 1
          I'd choose B                                  | 1
          E                                             | -1
          Answer: E or B                                | 1
          Ants                                          | -1
          An ant, so (C)                                | 2
          """)
  void lettersAreRead(String text, int choice) {
    assertThat(AnswerLetter.find(text, 4))
        .isEqualTo(choice < 0 ? OptionalInt.empty() : OptionalInt.of(choice));
  }

  @Test
  void coupletsAreAskedBothWays() {
    Json file = json("[{'first': '窈窕淑女', 'second': '君子好逑', 'source': '诗经'}]");
    List<Couplet> couplets = Couplet.read(file.list());
    assertThat(couplets).hasSize(2);
    assertThat(couplets.get(0).prompt()).isEqualTo("窈窕淑女的下一句是什么？ 直接输出句子即可。");
    assertThat(couplets.get(0).line()).isEqualTo("君子好逑");
    assertThat(couplets.get(1).prompt()).isEqualTo("君子好逑的上一句是什么？ 直接输出句子即可。");
    assertThat(couplets.get(1).line()).isEqualTo("窈窕淑女");
    assertThat(couplets.get(0).isRight("“君子好逑。”")).isTrue();
    assertThat(couplets.get(0).isRight("君子")).isFalse();
    assertThat(couplets.get(0).id()).isEqualTo("forward-1");
  }

  @Test
  void presetsAreThePublishedOnes() {
    assertThat(Preset.INSTRUCT_GSM8K.sampler().confidenceEosEotInf()).isTrue();
    assertThat(Preset.INSTRUCT_GSM8K.sampler().steps()).isEqualTo(512);
    assertThat(Preset.INSTRUCT_HUMANEVAL.sampler().logitsEosInf()).isTrue();
    assertThat(Preset.LLADA15_MATH.sampler().genLength()).isEqualTo(1024);
    assertThat(Preset.LLADA15_MATH.sampler().blockLength()).isEqualTo(128);
    assertThat(Preset.REVERSAL.sampler().genLength()).isEqualTo(28);
    assertThat(Preset.BASE_TRUTHFULQA.likelihood().cfgScale()).isEqualTo(2);
    assertThat(Preset.BASE_ARC_C.likelihood().mcNum()).isEqualTo(128);
    assertThat(Preset.BASE_MMLU.likelihood().mcNum()).isEqualTo(1);
    assertThat(Preset.BASE_ARC_C).hasToString("base-arc-c");
  }
}
