package llada.evaluation;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import llada.api.Llada;
import llada.api.RequestException;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.LogLikelihood;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/** The likelihood bound of texts, in windows where they are longer than the model takes. */
public final class TextScorer {
  private final Llada llada;
  private final LikelihoodOptions options;
  private final int window;
  private final long seed;

  /**
   * A scorer.
   *
   * @param window tokens scored together of a long text; null for half of what the model takes
   */
  public TextScorer(Llada llada, LikelihoodOptions options, Integer window, long seed) {
    this.llada = llada;
    this.options = options;
    int most = llada.config().maxSequenceLength();
    this.window = window == null ? Math.max(1, most / 2) : window;
    this.seed = seed;
    if (this.window < 1 || this.window > most) {
      throw new RequestException(
          "the window is %d; it must be from 1 to %d (max_sequence_length)"
              .formatted(this.window, most));
    }
  }

  /**
   * The score of one text or of many.
   *
   * @param likelihood of all tokens
   * @param bytes of the text in UTF-8
   */
  public record Score(LogLikelihood likelihood, long bytes) {
    /** Bound on the bits a byte, which does not depend on the tokenizer. */
    public double bitsPerByte() {
      return -likelihood.value() / Math.log(2) / bytes;
    }

    /** Both texts. */
    public Score plus(Score other) {
      return new Score(likelihood.plus(other.likelihood), bytes + other.bytes);
    }

    /** The members of an object. */
    public void write(JsonGenerator json) throws IOException {
      json.writeNumberField("tokens", likelihood.tokens());
      json.writeNumberField("bytes", bytes);
      json.writeNumberField("log_likelihood", likelihood.value());
      error(json, "standard_error", likelihood.standardError());
      json.writeNumberField("nats_per_token", likelihood.natsPerToken());
      json.writeNumberField("bits_per_token", likelihood.natsPerToken() / Math.log(2));
      json.writeNumberField("bits_per_byte", bitsPerByte());
      json.writeNumberField("perplexity", likelihood.perplexity());
      error(json, "perplexity_standard_error", likelihood.perplexityError());
    }

    private static void error(JsonGenerator json, String name, double value) throws IOException {
      if (Double.isNaN(value)) {
        json.writeNullField(name);
      } else {
        json.writeNumberField(name, value);
      }
    }
  }

  /**
   * Scores a text after a given one.
   *
   * @throws RequestException if there is nothing to score
   */
  public Score score(String context, String text) {
    EncodedPair pair;
    try {
      pair = EncodedPair.of(llada.tokenizer(), context, text);
    } catch (IllegalArgumentException _) {
      throw new RequestException("the text is empty, so it has no likelihood; give one");
    }
    return new Score(
        score(pair.context(), pair.continuation()), text.getBytes(StandardCharsets.UTF_8).length);
  }

  /** The chain rule over windows: each is conditioned on as much before it as fits. */
  public LogLikelihood score(int[] context, int[] text) {
    int most = llada.config().maxSequenceLength();
    if (context.length + text.length <= most) {
      return llada.likelihood(context, text, options, seed);
    }
    int[] all = Arrays.copyOf(context, context.length + text.length);
    System.arraycopy(text, 0, all, context.length, text.length);
    LogLikelihood sum = null;
    for (int from = context.length; from < all.length; from += window) {
      int to = Math.min(all.length, from + window);
      int before = Math.max(0, to - most);
      LogLikelihood part =
          llada.likelihood(
              Arrays.copyOfRange(all, before, from),
              Arrays.copyOfRange(all, from, to),
              options,
              RandomStreams.seed(seed, Purpose.ITEM, from));
      sum = sum == null ? part : sum.plus(part);
    }
    return sum;
  }
}
