package llada.converter;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import llada.api.Engine;
import llada.api.RequestException;
import llada.api.Setup;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.NamedWeight;
import llada.format.FormatException;
import llada.model.TokenBatch;
import llada.model.WeightTable;
import llada.tensor.Tensor;

/**
 * What was found in a model that was looked at as at a stranger's: structure, names and shapes,
 * tokenizer, every number, a forward pass; on demand also the distance from the original and the
 * bound on the likelihood of a text. Sums of files are {@link Checksums}' matter.
 *
 * <pre>{@code
 * Verification found =
 *     Verification.of(
 *         Path.of("llada-q4_k_m.gguf"),
 *         Verification.Settings.DEFAULT.original(Path.of("LLaDA-8B-Instruct")),
 *         Progress.NONE,
 *         (check, text) -> System.out.println(check + ": " + text));
 * }</pre>
 *
 * @param format of the files
 * @param tensors that have the names and shapes of the configuration
 * @param weights in them, all finite
 * @param tokens of the tokenizer
 * @param differences of all tensors from the original's; empty if none was given
 * @param logits root mean square of a forward pass
 * @param bound of the text, if one was given
 */
public record Verification(
    String format,
    int tensors,
    long weights,
    int tokens,
    List<Difference> differences,
    double logits,
    Optional<HeldOutBound> bound) {
  private static final int TOKENS = 16;
  private static final int LENGTH = 256;

  /** Q2_K is 0.3 away, rows in the wrong order 1.4. */
  private static final double FAR = 0.5;

  /**
   * What to check.
   *
   * @param original a Hugging Face folder or a GGUF file that the model was made from
   * @param text a file of UTF-8 whose likelihood is estimated
   * @param pieces of 256 tokens of it, at most
   * @param setup what computes
   */
  public record Settings(Optional<Path> original, Optional<Path> text, int pieces, Setup setup) {
    /** Neither original nor text. */
    public static final Settings DEFAULT =
        new Settings(Optional.empty(), Optional.empty(), 64, Setup.DEFAULT);

    /**
     * Checks.
     *
     * @throws RequestException if there is no piece
     */
    public Settings {
      Job.requirePositive("pieces", pieces);
    }

    /** This, and compared with what the model was made from. */
    public Settings original(Path model) {
      return new Settings(Optional.of(model), text, pieces, setup);
    }
  }

  /**
   * Checks a model. Any number of threads may check at once.
   *
   * @param model a Hugging Face folder or a GGUF file
   * @param progress hears of the reading of all numbers
   * @param passed hears of each check that has passed, by name, and what was found
   * @throws FormatException at the first fault
   * @throws llada.backend.BackendException if the backend cannot run here
   * @throws CancellationException if the thread is interrupted, and stays so
   */
  public static Verification of(
      Path model, Settings settings, Progress progress, BiConsumer<String, String> passed) {
    return of(model, Optional.empty(), settings, progress, passed);
  }

  /**
   * The same with an adapter beside the model's weights, if one is given.
   *
   * @param adapter a folder as PEFT writes it
   * @throws FormatException also if the adapter is not of this model
   */
  public static Verification of(
      Path model,
      Optional<Path> adapter,
      Settings settings,
      Progress progress,
      BiConsumer<String, String> passed) {
    return Job.run(
        () -> {
          Setup setup = settings.setup;
          try (Checkpoint checkpoint = Checkpoint.open(model, adapter);
              Checkpoint original = settings.original.map(Checkpoint::open).orElse(null);
              Backend computation =
                  Backends.choose(setup.backend(), setup.threads(), setup.precision())) {
            int tensors = checkpoint.tensors().size();
            long weights = WeightTable.parameters(checkpoint.config());
            passed.accept("structure", checkpoint.format());
            passed.accept(
                "shapes",
                "%d tensors as the configuration has them, %,d weights"
                    .formatted(tensors, weights));
            adapter.ifPresent(
                folder ->
                    passed.accept(
                        "adapter",
                        "%d matrices of it fit, all finite"
                            .formatted(
                                checkpoint.namedWeights().stream()
                                    .filter(NamedWeight::adapted)
                                    .count())));
            int tokens = checkpoint.tokenizer().size();
            passed.accept("tokenizer", tokens + " tokens");
            long bytes = Converter.bytes(checkpoint);
            Job job = new Job(progress, bytes + (original == null ? 0 : Converter.bytes(original)));
            requireFinite(checkpoint, computation, job);
            passed.accept("numbers", "all finite");
            List<Difference> differences = new ArrayList<>();
            if (original != null) {
              Difference.between(original, checkpoint, computation.pool(), job, differences::add);
              differences.forEach(d -> requireNear(original, checkpoint, d));
              passed.accept("distance", tensors + " tensors near those of " + original.path());
            }
            double logits = forward(checkpoint, computation, passed);
            Optional<HeldOutBound> bound =
                settings.text.map(
                    text -> bound(checkpoint, computation, text, settings.pieces, job));
            return new Verification(
                checkpoint.format(),
                tensors,
                weights,
                tokens,
                List.copyOf(differences),
                logits,
                bound);
          }
        });
  }

  private static void requireFinite(Checkpoint checkpoint, Backend computation, Job job) {
    // Compared with itself a number that is finite is 0 away, and any other NaN.
    Difference.between(
        checkpoint,
        checkpoint,
        computation.pool(),
        job,
        d -> {
          if (d.maxError() != 0) {
            throw new FormatException(
                "%s: %s; download or convert the model again"
                    .formatted(
                        checkpoint.path(),
                        checkpoint.firstNonFinite().orElse(d.name() + " is not finite")));
          }
        });
  }

  private static void requireNear(Checkpoint original, Checkpoint checkpoint, Difference d) {
    if (!(d.relativeRmse() <= FAR)) {
      throw new FormatException(
          "%s: %s is %.3g away from that of %s, relative to its numbers; rounding is at most %s: convert the model again"
              .formatted(checkpoint.path(), d.name(), d.relativeRmse(), original.path(), FAR));
    }
  }

  private static double forward(
      Checkpoint checkpoint, Backend computation, BiConsumer<String, String> passed) {
    int t = Math.min(TOKENS, checkpoint.config().maxSequenceLength());
    int[] ids = new int[t]; // half of it masked, the rest tokens from all over the vocabulary
    for (int i = 0; i < t; i++) {
      ids[i] =
          i % 2 == 1
              ? checkpoint.config().maskTokenId()
              : (int) ((long) i * checkpoint.config().vocabSize() / t);
    }
    try (Engine engine =
        new Engine(checkpoint.config(), checkpoint.weights(), computation.kernels())) {
      int[] rows = IntStream.range(0, t).toArray();
      double mean =
          engine.with(t, predictor -> meanSquare(predictor.forward(TokenBatch.of(ids), rows)));
      if (!Double.isFinite(mean)) {
        throw new FormatException(
            "%s: the logits of a forward pass are not finite, though all weights are; they overflow"
                .formatted(checkpoint.path()));
      }
      passed.accept(
          "forward",
          String.format(
              Locale.ROOT,
              "logits of %d tokens finite, root mean square %.3f",
              t,
              Math.sqrt(mean)));
      return Math.sqrt(mean);
    }
  }

  private static double meanSquare(Tensor logits) {
    double squares = 0;
    for (long i = 0; i < logits.shape().elements(); i++) {
      squares += (double) logits.get(i) * logits.get(i);
    }
    return squares / logits.shape().elements();
  }

  private static HeldOutBound bound(
      Checkpoint checkpoint, Backend computation, Path text, int pieces, Job job) {
    int t = Math.min(LENGTH, checkpoint.config().maxSequenceLength());
    int[] tokens = MaskedText.read(text, checkpoint, t);
    int count = Math.min(pieces, tokens.length / t);
    return HeldOutBound.of(checkpoint, computation.kernels(), tokens, t, count, job);
  }
}
