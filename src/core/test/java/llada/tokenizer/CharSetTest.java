package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.BitSet;
import java.util.Map;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;

/** Ranges that are alike are looked at once; every code point has the property that it should. */
class CharSetTest {
  @Test
  void everyCodePointIsAskedOrIsLikeOneThatWas() {
    Map<String, IntPredicate> properties =
        Map.of(
            "Cn", c -> Character.getType(c) == Character.UNASSIGNED,
            "Co", c -> Character.getType(c) == Character.PRIVATE_USE,
            "alpha", Character::isAlphabetic,
            "Han", c -> Character.UnicodeScript.of(c) == Character.UnicodeScript.HAN,
            "Zzzz", c -> Character.UnicodeScript.of(c) == Character.UnicodeScript.UNKNOWN);
    properties.forEach(
        (name, test) -> {
          BitSet members = CharSet.property(name);
          assertThat(members).as(name).isNotNull();
          for (int c = 0; c < CharSet.ALL; c++) {
            if (members.get(c) != test.test(c)) {
              fail("U+%X in %s: %s", c, name, members.get(c));
            }
          }
        });
  }
}
