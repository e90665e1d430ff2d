package llada.tokenizer.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates that want too much are stopped, whatever they want it of. */
class HostileTemplateTest {
  private static final Map<String, Object> VALUES =
      Map.of("s", "x".repeat(20_000), "l", List.of(1, 2, 3), "d", Map.of("a", 1));

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for i in range(1000000000000) %}{% endfor %}",
        "{% for i in range(0, -1000000000000, -1) %}{% endfor %}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{% for k in range(9999) %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ 'ab' * 1000000000 }}",
        "{{ (s * 100000) | length }}",
        "{% set ns = namespace(s=s) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        "{% set ns = namespace(s=s) %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
        "{% set ns = namespace(s=s) %}{% for i in range(60) %}{% set ns.s = ns.s | replace('x', 'xx') %}{% endfor %}",
        "{% set ns = namespace(s='x') %}{% for i in range(9) %}{% set ns.s = ns.s.replace('x', s) %}{% endfor %}",
        "{% set ns = namespace(l=l) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}",
        "{% set ns = namespace(l=l) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l | tojson }}",
        "{% set ns = namespace(l=l, k=l) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.k = [ns.k, ns.k] %}{% endfor %}{{ ns.l == ns.k }}",
        "{% set ns = namespace(l=l) %}{% for i in range(100000) %}{% set ns.l = [ns.l] %}{% endfor %}",
        "{% set ns = namespace(l=d) %}{% for i in range(100000) %}{% set ns.l = {'a': ns.l} %}{% endfor %}",
        "{% set x = s.split('x') %}{{ x | join(s) }}",
        "{{ s.join(s.split('x')) }}",
        "{% for i in range(100000) %}{{ s | upper | length }}{% endfor %}",
        "{% for i in range(100000) %}{{ s | length }}{% endfor %}",
        "{% for i in range(100000) %}{% if s[1:] == s[:-1] %}{% endif %}{% endfor %}",
        "{% set b = s[:9999] ~ 'y' %}{% for i in range(1000000) %}{% if b in s %}{% endif %}{% endfor %}",
        "{% for i in range(100000000) if false %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(a) %}{{ m(a + 1) ~ m(a + 2) }}{% endmacro %}{{ m(0) }}",
        "{% set a = [0] %}{% set ns = namespace(n=0) %}{% for c in s %}{% for e in s %}{{ c ~ e }}{% endfor %}{% endfor %}",
        "{{ range(20000) | map('string') | map('replace', '1', s) | join }}",
        "{{ [[[[l]]]] | tojson(indent=99999999999) * 99999999 }}"
      })
  void stopped(String template) {
    assertThatThrownBy(() -> TemplateTest.render(template, VALUES))
        .isInstanceOf(TemplateException.class)
        .hasMessageMatching("line 1: .*(too many steps|nested more|deep in each other).*");
  }

  @Test
  void deepNestingIsAnError() {
    for (String template :
        List.of(
            "{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}",
            "{{ " + "[".repeat(100_000) + "]".repeat(100_000) + " }}",
            "{{ " + "not ".repeat(100_000) + "1 }}",
            "{{ " + "- ".repeat(100_000) + "1 }}",
            "{{ s" + "[0]".repeat(100_000) + " }}",
            "{{ s" + " ~ s".repeat(100_000) + " }}",
            "{{ s" + " | trim".repeat(100_000) + " }}",
            "{{ 1" + " if 1 else 1".repeat(80_000) + " }}",
            "{{ 1" + " is defined".repeat(80_000) + " }}",
            "{% if 1 %}".repeat(90_000),
            "{% for x in l %}".repeat(60_000))) {
      assertThatThrownBy(() -> TemplateTest.render(template, VALUES))
          .as(template.substring(0, 20))
          .isInstanceOf(TemplateException.class)
          .hasMessageContaining("nested more than");
    }
    assertThatThrownBy(() -> Template.parse("x".repeat((1 << 20) + 1)))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("at most");
    assertThat(
            TemplateTest.render("{% if d %}".repeat(90) + "a" + "{% endif %}".repeat(90), VALUES))
        .isEqualTo("a");
  }

  @Test
  void longConversationsAreNoHostility() {
    String template =
        "{% for m in messages %}{% if 'think' in m.content and loop.index0 < messages | length %}"
            + "{{ m.content.split('</think>')[-1] | trim }}{% else %}{{ m.role ~ m.content }}"
            + "{% endif %}{% endfor %}";
    List<Map<String, String>> messages =
        java.util.stream.IntStream.range(0, 500)
            .mapToObj(i -> Map.of("role", "user", "content", "think " + "words ".repeat(2000)))
            .toList();
    assertThat(TemplateTest.render(template, Map.of("messages", messages)))
        .hasSizeGreaterThan(1 << 22);
  }

  /** Any text is a template, or an error that names a line, and nothing else. */
  @Test
  void brokenTemplatesAreErrors() {
    String whole =
        "{% macro m(a, b=1) %}{{ a | trim ~ b }}{% endmacro %}{% set ns = namespace(x='', y=[1, {'k': s}]) -%}\n"
            + "{%- for k, v in d.items() if v is defined %}{% set ns.x = ns.x + m(k, b=v)[0:2] %}{% else %}{# c #}"
            + "{%- endfor %}{{ ns.x if ns.y[1].k not in l and not 'a' == \"b\\n\" else s[::-1] }}";
    assertThat(TemplateTest.render(whole, VALUES)).isNotEmpty();
    SplittableRandom random = new SplittableRandom(7);
    Map<Boolean, Integer> seen = new HashMap<>();
    for (int i = 0; i < 1000; i++) {
      StringBuilder broken = new StringBuilder(whole);
      for (int change = random.nextInt(1, 4); change > 0; change--) {
        int at = random.nextInt(broken.length() - 20);
        switch (random.nextInt(3)) {
          case 0 -> broken.delete(at, at + random.nextInt(1, 6));
          case 1 -> broken.insert(at, broken.substring(at, at + random.nextInt(1, 12)));
          default -> broken.setCharAt(at, "{}%#()[]'\"|.~-+,=\\ \nx1".charAt(random.nextInt(22)));
        }
      }
      boolean good = true;
      try {
        TemplateTest.render(broken.toString(), VALUES);
      } catch (TemplateException e) {
        good = false;
        assertThat(e).hasMessageStartingWith("line ");
      }
      seen.merge(good, 1, Integer::sum);
    }
    assertThat(seen.get(false)).isGreaterThan(300);
    assertThat(seen.get(true)).isGreaterThan(30);
  }
}
