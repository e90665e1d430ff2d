package llada.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

/** What a batch must be, with the message that says it. */
final class BatchChecksTest {
  private static void refused(int[][] ids, boolean[][] visible, String message) {
    assertThatThrownBy(() -> new TokenBatch(ids, visible))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void aBatchIsRectangularAndEverySequenceHasAVisibleToken() {
    refused(new int[0][], null, "the batch is empty; give at least one sequence");
    refused(new int[1][0], null, "the batch is empty; give at least one token");
    refused(
        new int[][] {{1, 2}, {3}},
        null,
        "sequence 1 of the batch has 1 tokens, and the first has 2; pad shorter ones on the left");
    refused(
        new int[][] {{1, 2}, {3, 4}},
        new boolean[][] {{true, true}, {true}},
        "sequence 1 of the batch has 2 tokens and 1 flags of padding, and the first has 2; pad"
            + " shorter ones on the left");
    refused(
        new int[][] {{1, 2}, {3, 4}},
        new boolean[][] {{true, true}},
        "a padding mask of 1 sequences for a batch of 2");
    refused(
        new int[][] {{1, 2}, {3, 4}},
        new boolean[][] {{false, true}, {false, false}},
        "sequence 1 of the batch is all padding; at least one of its 2 tokens must be visible");
    boolean[][] visible = {{false, true}, {true, false}};
    assertThat(new TokenBatch(new int[][] {{1, 2}, {3, 4}}, visible).size()).isEqualTo(2);
  }
}
