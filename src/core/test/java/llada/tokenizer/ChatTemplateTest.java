package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import llada.Golden;
import llada.format.TokenizerConfig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChatTemplateTest {
  private static final String LLADA =
      TokenizerConfig.read(Golden.resources().resolve("golden/tiny-llada"))
          .chatTemplate()
          .orElseThrow();

  @Test
  void spellingsOfTheSameTemplateAreRecognised() {
    String spread =
        LLADA.replace("}}{%", "}}{%  \n").replace("%}{", "   %}\n   {").replace("{{", "{{-  ");
    String tight = LLADA.replace("{% ", "{%").replace(" %}", "%}").replace(" | ", "|");
    String quoted = LLADA.replace('\'', '"');
    String escaped = LLADA.replace("\n", "\\n");
    String dashed = LLADA.replace("{%", "  \n {%-").replace("%}", "-%} \n\n ");
    String commented = "{# by hand #}\n" + LLADA + "\n";
    for (String same : List.of(LLADA, spread, tight, quoted, escaped, dashed, commented)) {
      assertThat(ChatTemplate.recognise(same, "<s>")).as(same).isPresent();
    }
  }

  @Test
  void whatWouldRenderOtherwiseIsNotRecognised() {
    for (String other :
        List.of(
            "",
            "{{ messages }}",
            "{",
            LLADA.replace("%}{%", "%}\n\n{%"),
            LLADA.replace("}}{%", "}}  {%"),
            LLADA.replace("%}{%", "+%}\n{%"),
            "{{ 'open",
            LLADA + " ",
            LLADA + "\n\n",
            " " + LLADA.replace("{{", " {{"),
            LLADA.replace("| trim", ""),
            LLADA.replace("assistant", "model"),
            LLADA.replace("<|eot_id|>", "<|eot_id|> "),
            LLADA.replace("loop_messages %}", "loopmessages %}"),
            LLADA.replace("set content", "setcontent"))) {
      assertThat(ChatTemplate.recognise(other, "<s>")).as(other).isEmpty();
    }
  }

  @Test
  void anUnknownTemplateIsAnErrorThatNamesTheRemedy() {
    assertThatThrownBy(() -> ChatTemplate.require(Optional.of("{{ x }}"), Optional.of("<s>")))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining("{{ x }}")
        .hasMessageContaining("raw");
    assertThatThrownBy(() -> ChatTemplate.require(Optional.empty(), Optional.of("<s>")))
        .hasMessageContaining("no chat template")
        .hasMessageContaining("raw");
    assertThatThrownBy(() -> ChatTemplate.require(Optional.of(LLADA), Optional.empty()))
        .hasMessageContaining("bos_token")
        .hasMessageContaining("raw");
  }

  @Test
  void contentIsTrimmedAsPythonDoesAndRolesAreNot() {
    ChatTemplate template = ChatTemplate.recognise(LLADA, "<s>").orElseThrow();
    String space = "\t\n\u000b\f\r\u001c\u001f \u0085\u00a0\u1680\u2003\u2028\u202f\u205f\u3000";
    assertThat(template.render(List.of(new ChatTemplate.Message(" user ", space + "a b" + space))))
        .isEqualTo(
            "<s><|start_header_id|> user <|end_header_id|>\n\na b<|eot_id|>"
                + "<|start_header_id|>assistant<|end_header_id|>\n\n");
    assertThat(template.render(List.of(new ChatTemplate.Message("user", "\u200bx\ufeff"))))
        .contains("\n\n\u200bx\ufeff<|eot_id|>");
  }

  @Test
  void withoutMessagesThereIsOnlyTheHeaderOfTheAnswer() {
    assertThat(new ChatTemplate("<s>").render(List.of()))
        .isEqualTo("<|start_header_id|>assistant<|end_header_id|>\n\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{% if add_generation_prompt %}", "{%- if add_generation_prompt -%}"})
  void theAnswerMayBeConditional(String condition) {
    int answer = LLADA.lastIndexOf("{{");
    String template = LLADA.substring(0, answer) + condition + LLADA.substring(answer);
    assertThat(ChatTemplate.recognise(template + "{% endif %}", "<s>")).isPresent();
  }
}
