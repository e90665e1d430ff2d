package llada.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.tokenizer.Tokenizer;
import org.junit.jupiter.api.Test;

/** Contexts and continuations, cut as published. */
final class EncodedPairTest {
  @Test
  void spacesBelongToTheContinuation() {
    try (Checkpoint checkpoint =
        Checkpoint.open(Golden.resources().resolve("checkpoints/shakespeare-llada"))) {
      Tokenizer tokenizer = checkpoint.tokenizer();
      EncodedPair pair = EncodedPair.of(tokenizer, "My lord,  ", "I come");
      assertThat(pair.context()).isEqualTo(tokenizer.encode("My lord,"));
      int[] whole = tokenizer.encode("My lord,  I come");
      assertThat(pair.length()).isEqualTo(whole.length);
      assertThat(tokenizer.decode(pair.continuation())).isEqualTo("  I come");
      assertThat(EncodedPair.of(tokenizer, "", "I come").context()).isEmpty();
      EncodedPair merged = EncodedPair.of(tokenizer, "lor", "d"); // "lord" may be one token
      assertThat(merged.continuation()).isNotEmpty();
      EncodedPair cut = pair.lastTokens(pair.length() - 1);
      assertThat(cut.continuation()).isEqualTo(pair.continuation());
      assertThat(cut.context()).hasSize(pair.context().length - 1);
      assertThatThrownBy(() -> EncodedPair.of(tokenizer, "x", ""))
          .hasMessageContaining("continuation is empty");
    }
  }
}
