package llada.converter;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import llada.api.Engine;
import llada.api.RequestException;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.format.FormatException;
import llada.model.TokenBatch;
import llada.tensor.Tensor;

/**
 * What was found when a model was looked at as at a stranger's. Structure, names and shapes,
 * tokenizer, every number and a forward pass are checked, the distance from the original if that is
 * given, and the bound on the likelihood of a text if there is one. Sums of files are {@link
 * Checksums}' matter.
 *
 * <pre>{@code
 * Verification passed =
 *     Verification.of(
 *         Path.of("llada-q4_k_m.gguf"),
 *         Verification.Settings.DEFAULT.original(Path.of("LLaDA-8B-Instruct")),
 *         Progress.NONE,
 *         System.out::println);
 * }</pre>
 *
 * @param model what was looked at
 * @param checks that passed, in order: all, else there is an exception in place of this
 */
public record Verification(Path model, List<Check> checks) {
  private static final int TOKENS = 16;
  private static final int LENGTH = 256;

  /** Q2_K is 0.3 away, rows in the wrong order 1.4. */
  private static final double FAR = 0.5;

  /** One check that passed. */
  public sealed interface Check
      permits Structure, Shapes, Vocabulary, Numbers, Forward, Distance, HeldOutBound {}

  /** The files are of a format, and whole. */
  public record Structure(String format) implements Check {}

  /** So many tensors have the names and shapes that the configuration asks for. */
  public record Shapes(int tensors, long weights) implements Check {}

  /** There is a tokenizer of so many tokens. */
  public record Vocabulary(int tokens) implements Check {}

  /** Every number is finite. */
  public record Numbers(long bytes) implements Check {}

  /** The logits of so many tokens are finite. */
  public record Forward(int tokens, double rootMeanSquare) implements Check {}

  /** No tensor is far from the original's. */
  public record Distance(List<Difference> differences) implements Check {}

  /**
   * What to check.
   *
   * @param original a Hugging Face folder or a GGUF file that the model was made from
   * @param text a file of UTF-8 whose likelihood is estimated
   * @param pieces of 256 tokens of it, at most
   * @param backend one of {@link Backends#NAMES}
   * @param threads that compute
   */
  public record Settings(
      Optional<Path> original, Optional<Path> text, int pieces, String backend, int threads) {
    /** Neither original nor text, on the fastest backend and all processors. */
    public static final Settings DEFAULT =
        new Settings(
            Optional.empty(),
            Optional.empty(),
            64,
            "auto",
            Runtime.getRuntime().availableProcessors());

    /**
     * Checks.
     *
     * @throws RequestException if a number is not positive
     */
    public Settings {
      Job.requirePositive("pieces", pieces);
      Job.requirePositive("threads", threads);
    }

    /** This, and compared with what the model was made from. */
    public Settings original(Path model) {
      return new Settings(Optional.of(model), text, pieces, backend, threads);
    }

    /** This, and the bound on the likelihood of a text. */
    public Settings text(Path file) {
      return new Settings(original, Optional.of(file), pieces, backend, threads);
    }
  }

  /**
   * Checks a model. Any number of threads may check at once.
   *
   * @param model a Hugging Face folder or a GGUF file
   * @param progress hears of the reading of all numbers
   * @param passed hears of each check, in the calling thread, as soon as it has passed
   * @throws FormatException at the first fault
   * @throws llada.backend.BackendException if the backend cannot run here
   * @throws CancellationException if the thread is interrupted, and stays so
   */
  public static Verification of(
      Path model, Settings settings, Progress progress, Consumer<? super Check> passed) {
    List<Check> checks = new ArrayList<>();
    Consumer<Check> found =
        check -> {
          checks.add(check);
          passed.accept(check);
        };
    return Job.run(
        () -> {
          try (Checkpoint checkpoint = Checkpoint.open(model);
              Checkpoint original = settings.original.map(Checkpoint::open).orElse(null);
              Backend computation = Backends.choose(settings.backend, settings.threads)) {
            found.accept(new Structure(checkpoint.format()));
            found.accept(
                new Shapes(checkpoint.tensors().size(), checkpoint.config().parameters()));
            found.accept(new Vocabulary(checkpoint.tokenizer().size()));
            long bytes = Converter.bytes(checkpoint);
            Job job =
                new Job(progress, bytes + (original == null ? 0 : Converter.bytes(original)));
            requireFinite(checkpoint, computation, job);
            found.accept(new Numbers(bytes));
            if (original != null) {
              found.accept(new Distance(requireNear(original, checkpoint, computation, job)));
            }
            found.accept(forward(checkpoint, computation));
            if (settings.text.isPresent()) {
              found.accept(bound(checkpoint, computation, settings, job));
            }
          }
          return new Verification(model, List.copyOf(checks));
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

  private static List<Difference> requireNear(
      Checkpoint original, Checkpoint checkpoint, Backend computation, Job job) {
    List<Difference> all = new ArrayList<>();
    Difference.between(original, checkpoint, computation.pool(), job, all::add);
    for (Difference d : all) {
      if (!(d.relativeRmse() <= FAR)) {
        throw new FormatException(
            "%s: %s is %.3g away from that of %s, relative to its numbers; at most %s is rounding: convert the model again"
                .formatted(
                    checkpoint.path(), d.name(), d.relativeRmse(), original.path(), FAR));
      }
    }
    return List.copyOf(all);
  }

  private static Forward forward(Checkpoint checkpoint, Backend computation) {
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
      return new Forward(t, Math.sqrt(mean));
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
      Checkpoint checkpoint, Backend computation, Settings settings, Job job) {
    int t = Math.min(LENGTH, checkpoint.config().maxSequenceLength());
    int[] tokens = MaskedText.read(settings.text.orElseThrow(), checkpoint, t);
    int pieces = Math.min(settings.pieces, tokens.length / t);
    return HeldOutBound.of(checkpoint, computation.kernels(), tokens, t, pieces, job);
  }
}
