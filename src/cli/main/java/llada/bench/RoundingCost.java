package llada.bench;

import java.util.Arrays;
import java.util.Optional;
import java.util.SplittableRandom;
import llada.api.RequestException;
import llada.backend.Backend;
import llada.checkpoint.Checkpoint;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * What rounding activations costs in accuracy, on the inputs that a diffusion model sees: logits at
 * the masked positions of a text whose pieces are masked with ratios from 0 to 1.
 */
public final class RoundingCost {
  private RoundingCost() {}

  /**
   * What is to be measured.
   *
   * @param tokens of a piece
   * @param pieces how many
   * @param seed of the masks
   */
  public record Settings(int tokens, int pieces, long seed) {}

  /**
   * The distances from the logits that are right.
   *
   * @param exact without rounding; empty where those logits are the right ones
   * @param rounded with rounding
   */
  public record Result(Optional<LogitDistance> exact, LogitDistance rounded) {}

  /**
   * Measures.
   *
   * @param reference whose logits, without rounding, are right; empty for those of the model itself
   * @param text that the pieces are cut from
   * @param exact a backend that rounds nothing
   * @param rounding one that rounds
   * @throws RequestException if the two are not the same model, a piece is longer than the model
   *     takes, or the text is shorter than a piece
   */
  public static Result measure(
      Checkpoint model,
      Optional<Checkpoint> reference,
      String text,
      Settings settings,
      Backend exact,
      Backend rounding) {
    Checkpoint truth = reference.orElse(model);
    int tokens = settings.tokens();
    int[] ids = encode(model, truth, text, tokens);
    LogitDistance ofExact = new LogitDistance();
    LogitDistance ofRounded = new LogitDistance();
    try (MaskPredictor a = predictor(truth, exact, tokens);
        MaskPredictor b = predictor(model, exact, tokens);
        MaskPredictor c = predictor(model, rounding, tokens)) {
      SplittableRandom random = RandomStreams.of(settings.seed(), Purpose.BENCHMARK);
      for (int piece = 0; piece < settings.pieces(); piece++) {
        int from =
            (int) ((long) piece * (ids.length - tokens) / Math.max(1, settings.pieces() - 1));
        int[] unmasked = Arrays.copyOfRange(ids, from, from + tokens);
        int[] masked = unmasked.clone();
        double ratio = (piece + 0.5) / settings.pieces();
        int[] rows = mask(masked, ratio, model.config().maskTokenId(), random);
        TokenBatch batch = TokenBatch.of(masked);
        float[] right = a.forward(batch, rows).toArray();
        int[] targets = Arrays.stream(rows).map(row -> unmasked[row]).toArray();
        if (reference.isPresent()) {
          ofExact.add(right, b.forward(batch, rows).toArray(), targets);
        }
        ofRounded.add(right, c.forward(batch, rows).toArray(), targets);
      }
    }
    return new Result(reference.map(_ -> ofExact), ofRounded);
  }

  private static MaskPredictor predictor(Checkpoint checkpoint, Backend backend, int tokens) {
    return new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), tokens);
  }

  private static int[] encode(Checkpoint model, Checkpoint truth, String text, int tokens) {
    int vocabulary = model.config().embeddingSize();
    if (truth.config().embeddingSize() != vocabulary) {
      throw new RequestException(
          "the reference has %d tokens in its vocabulary, the model %d: they are not the same model"
              .formatted(truth.config().embeddingSize(), vocabulary));
    }
    if (tokens < 1 || tokens > model.config().maxSequenceLength()) {
      throw new RequestException(
          "a piece is to have %d tokens; this model takes 1 to %d"
              .formatted(tokens, model.config().maxSequenceLength()));
    }
    int[] ids = model.tokenizer().encode(text);
    if (ids.length < tokens) {
      throw new RequestException(
          "the text has %d tokens and a piece is to have %d: give a longer text or ask for shorter pieces"
              .formatted(ids.length, tokens));
    }
    return ids;
  }

  /** Masks each token with this probability, at least one; returns the places. */
  private static int[] mask(int[] ids, double ratio, int mask, SplittableRandom random) {
    int[] rows = new int[ids.length];
    int count = 0;
    for (int i = 0; i < ids.length; i++) {
      if (random.nextDouble() < ratio || count == 0 && i == ids.length - 1) {
        ids[i] = mask;
        rows[count++] = i;
      }
    }
    return Arrays.copyOf(rows, count);
  }
}
