package llada.tokenizer.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Map;
import java.util.stream.Stream;
import llada.Golden;
import llada.format.Json;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Templates and what Hugging Face's library makes of them; see chat_template_fixtures.py. */
class TemplateTest {
  static final LocalDateTime NOW = LocalDateTime.of(2026, 2, 3, 4, 5, 6);

  private static Path fixtures() {
    String given = System.getProperty("templates");
    return given != null
        ? Path.of(given)
        : Golden.resources().resolve("tokenizer/chat_templates.json");
  }

  @TestFactory
  Stream<DynamicTest> asTheReference() {
    return Golden.json(fixtures()).list().stream()
        .map(f -> DynamicTest.dynamicTest(f.get("name").string(), () -> check(f)));
  }

  private static void check(Json fixture) {
    String text = fixture.get("template").string();
    for (Json test : fixture.get("cases").list()) {
      if (test.get("error").isNull()) {
        assertThat(render(text, test.get("variables").map()))
            .as(test.get("variables").value().toString())
            .isEqualTo(test.get("text").string());
      } else {
        assertThatThrownBy(() -> render(text, test.get("variables").map()))
            .as(test.get("error").string())
            .isInstanceOf(TemplateException.class)
            .hasMessageStartingWith("line ");
      }
    }
  }

  static String render(String template, Map<String, ?> variables) {
    return Template.parse(template).render(variables, () -> NOW);
  }
}
