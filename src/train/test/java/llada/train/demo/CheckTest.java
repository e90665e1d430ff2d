package llada.train.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What counts as right, and what does not. */
class CheckTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          word        | A dog says woof.                     | woof           | true
          word        | Woof! said the dog                   | woof           | true
          word        | A dog says woofer.                   | woof           | false
          word        | It lives in the  barn.               | barn           | true
          word        | 54 is bigger.                        | 5              | false
          last-number | Ones 12, tens 13, hundreds 06: 632.  | 632            | true
          last-number | 632 is 347 plus 285.                 | 632            | false
          last-number | 3 - 5 = -2.                          | -2             | true
          last-number | I do not know.                       | 7              | false
          list        | 1, 2, 3.                             | 1 2 3          | true
          list        | 1, 2, 3, 4.                          | 1 2 3          | false
          list        | 3, 2, 1                              | 1 2 3          | false
          decline     | I do not know that.                  | do not know    | true
          decline     | Paris.                               | do not know    | false
          social      | Hello! What is it?                   | hello          | true
          any-story   | A cat ran. It fell. It slept.        | cat            | true
          any-story   | A cat ran. It fell.                  | cat            | false
          any-story   | A dog ran. It fell. It slept.        | cat            | false
          any-story   | A dog ran. It fell. It slept.        | ''                | true
          any-story   | A dog ran. It fell.                  | ''                | false
          exact       | 5.                                   | 5.             | true
          exact       | 5                                    | 5.             | false
          """)
  void rightOrNot(String check, String reply, String accept, boolean right) {
    assertThat(Check.of(check).right(reply, List.of(accept))).isEqualTo(right);
  }
}
