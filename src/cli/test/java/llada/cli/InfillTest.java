package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import llada.api.InfillTemplate;
import llada.format.Json;
import org.junit.jupiter.api.Test;

/** Templates, and the command. */
class InfillTest {
  @Test
  void templatesAreRead() {
    InfillTemplate template = InfillTemplate.parse("Once {} the end {8} .", false);
    assertThat(template.pieces()).containsExactly("Once", " the end", " .");
    assertThat(template.lengths()).containsExactly(0, 8);
    assertThat(InfillTemplate.parse("Once {}", true).pieces()).containsExactly("Once ", "");
    InfillTemplate braces = InfillTemplate.parse("{{x}} {2}{}", false);
    assertThat(braces.pieces()).containsExactly("{x}", "", "");
    assertThat(braces.lengths()).containsExactly(2, 0);
    assertThat(InfillTemplate.parse("a\n {1}", false).pieces()).containsExactly("a\n", "");
  }

  @Test
  void wrongTemplatesAreNamed() {
    assertThatThrownBy(() -> InfillTemplate.parse("no gap", false))
        .hasMessageContaining("the text has no gap");
    assertThatThrownBy(() -> InfillTemplate.parse("{0}", false))
        .hasMessageContaining("a gap of {0} tokens");
    assertThatThrownBy(() -> InfillTemplate.parse("{99999999999}", false))
        .hasMessageContaining("a gap of {99999999999} tokens");
    assertThatThrownBy(() -> InfillTemplate.parse("a {x} b", false))
        .hasMessageContaining("a single { at character 3");
    assertThatThrownBy(() -> InfillTemplate.parse("{} }", false))
        .hasMessageContaining("a single } at character 4");
  }

  @Test
  void theTextIsFilled() {
    CliRun run = CliRun.onModel("infill", "--json", "--mc-num=4", "ROMEO: {4} my lord {}.");
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    Json json = Json.parse(run.out().getBytes(StandardCharsets.UTF_8), "output");
    Json fills = json.get("fills");
    assertThat(fills.get(0).get("tokens").integer()).isEqualTo(4);
    assertThat(json.get("text").string())
        .isEqualTo(
            "ROMEO:%s my lord%s."
                .formatted(fills.get(0).get("text").string(), fills.get(1).get("text").string()));
    assertThat(json.get("nats_per_token").number()).isPositive();
    CliRun again = CliRun.onModel("infill", "--mc-num=4", "ROMEO: {4} my lord {}.");
    assertThat(again.out()).isEqualTo(json.get("text").string() + System.lineSeparator());
    assertThat(again.err().lines()).hasSize(1);
  }
}
