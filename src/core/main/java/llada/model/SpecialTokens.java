package llada.model;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.ints.IntList;
import java.util.OptionalInt;

/**
 * The tokens that mean something to the decoder.
 *
 * @param mask the absorbing state M; none in an autoregressive model
 * @param eos end of text
 * @param pad fills left-padded batches
 * @param eot end of a chat turn, if the tokenizer has one
 * @param bos start of text, if known
 * @param otherEnds what ends an answer, too
 */
public record SpecialTokens(
    OptionalInt mask, int eos, int pad, OptionalInt eot, OptionalInt bos, IntList otherEnds) {
  /** Tokens of a model with one end of text. */
  public static SpecialTokens of(
      OptionalInt mask, int eos, int pad, OptionalInt eot, OptionalInt bos) {
    return new SpecialTokens(mask, eos, pad, eot, bos, IntList.of());
  }

  /** Whether a token ends an answer: EOS, the end of a turn, or another end. */
  public boolean ends(int token) {
    return token == eos || eot.isPresent() && token == eot.getAsInt() || otherEnds.contains(token);
  }

  /** All tokens that end an answer. */
  public IntList ends() {
    IntArrayList all = new IntArrayList(otherEnds);
    all.add(0, eos);
    eot.ifPresent(all::add);
    return all;
  }
}
