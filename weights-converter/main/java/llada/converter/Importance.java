package llada.converter;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import llada.api.Engine;
import llada.api.RequestException;
import llada.api.Setup;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.NamedWeight;
import llada.format.FormatException;
import llada.format.Gguf;
import llada.format.GgufWriter;
import llada.model.TokenBatch;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * How much an error in each column of a weight counts: the mean square of the input that the column
 * is multiplied with. If y = W x and W is off by E, the squared error of y is about sum_c E_c^2
 * mean(x_c^2), for inputs that are not correlated.
 *
 * <pre>{@code
 * Importance importance =
 *     Importance.measure(model, Path.of("text.txt"), Importance.Settings.DEFAULT, Progress.NONE);
 * importance.write(Path.of("llada.imatrix.gguf"));
 * }</pre>
 *
 * <p>Stored as llama.cpp stores it, so that either program reads the other's: a GGUF file of type
 * {@code imatrix} with, for each weight, the sums of squares {@code NAME.in_sum2} and the number of
 * inputs {@code NAME.counts}. It does not change, so threads may share it.
 */
public final class Importance {
  /** All columns count the same. */
  public static final Importance NONE = new Importance(Map.of(), List.of(), 0, 0);

  private static final String SUMS = ".in_sum2";
  private static final String COUNTS = ".counts";
  private static final String DATASETS = "imatrix.datasets";
  private static final String PIECES = "imatrix.chunk_count";
  private static final String LENGTH = "imatrix.chunk_size";

  /** A column that was silent in the corpus still counts a little. */
  private static final double LEAST = 1e-3;

  private final Map<String, Sums> sums;
  private final List<String> texts;
  private final int pieces;
  private final int length;

  /**
   * How to measure.
   *
   * @param length tokens of a piece of text, at most as many as the model reads
   * @param pieces of text to read at most
   * @param seed of the masks
   * @param setup what computes
   */
  public record Settings(int length, int pieces, long seed, Setup setup) {
    /** 64 pieces of 256 tokens. */
    public static final Settings DEFAULT = new Settings(256, 64, 0, Setup.DEFAULT);

    /**
     * Checks.
     *
     * @throws RequestException if length or pieces is not positive
     */
    public Settings {
      Job.requirePositive("length", length);
      Job.requirePositive("pieces", pieces);
    }
  }

  /** Sums of squares of each column, and how many inputs were summed. */
  record Sums(float[] squares, float count) {
    float mean(int column) {
      return (float) (squares[column] / (double) count);
    }

    /** That all means are such; {@code source} is what they come from. */
    Sums check(Path source, String weight) {
      for (int i = 0; i < squares.length; i++) {
        if (!(mean(i) >= 0 && mean(i) <= Float.MAX_VALUE)) {
          throw new FormatException(
              "%s: %s has the sum %s of %s inputs in column %d; a mean square is finite and not negative"
                  .formatted(source, weight, squares[i], (double) count, i));
        }
      }
      return this;
    }
  }

  private Importance(Map<String, Sums> sums, List<String> texts, int pieces, int length) {
    this.sums = sums;
    this.texts = texts;
    this.pieces = pieces;
    this.length = length;
  }

  /**
   * Runs a model over masked pieces of a text, which is what a diffusion model reads. Any number of
   * threads may measure at once.
   *
   * @param model a Hugging Face folder or a GGUF file
   * @param text a file of UTF-8
   * @param progress hears of each piece as of all the model's bytes
   * @throws FormatException if the model cannot be used, its activations overflow, or the text
   *     cannot be read, is larger than 64 MiB or shorter than one piece
   * @throws llada.backend.BackendException if the backend cannot run here
   * @throws CancellationException if the thread is interrupted, and stays so
   */
  public static Importance measure(Path model, Path text, Settings settings, Progress progress) {
    return measure(model, Optional.empty(), text, settings, progress);
  }

  /**
   * The same with an adapter beside the model's weights, if one is given: for a model that it is
   * going to be merged into.
   *
   * @param adapter a folder as PEFT writes it
   * @throws FormatException also if the adapter is not of this model
   */
  public static Importance measure(
      Path model, Optional<Path> adapter, Path text, Settings settings, Progress progress) {
    return Job.run(
        () -> {
          Setup setup = settings.setup;
          try (Backend computation =
                  Backends.choose(setup.backend(), setup.threads(), setup.precision());
              Checkpoint checkpoint = Checkpoint.open(model, adapter);
              Engine engine =
                  new Engine(checkpoint.config(), checkpoint.weights(), computation.kernels())) {
            int t = Math.min(settings.length, checkpoint.config().maxSequenceLength());
            int[] tokens = MaskedText.read(text, checkpoint, t);
            int count = Math.min(settings.pieces, tokens.length / t);
            InputStatistics statistics = new InputStatistics();
            long bytes = Converter.bytes(checkpoint);
            Job job = new Job(progress, count * bytes);
            for (int i = 0; i < count; i++) {
              MaskedText piece = MaskedText.of(tokens, i, t, settings.seed);
              TokenBatch batch = piece.batch(checkpoint.config().maskTokenId());
              engine.with(t, predictor -> predictor.forward(batch, piece.masked(), statistics));
              job.add(bytes);
            }
            Map<String, Sums> sums = statistics.sums();
            sums.forEach((weight, s) -> s.check(model, weight));
            return new Importance(sums, List.of(text.getFileName().toString()), count, t);
          }
        });
  }

  /**
   * Reads a file.
   *
   * @throws FormatException if it is no such file, or a number in it is negative or not finite
   */
  public static Importance read(Path file) {
    Map<String, Sums> sums = new LinkedHashMap<>();
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = Gguf.open(file, arena);
      if (!gguf.string("general.type", "").equals("imatrix")) {
        throw new FormatException(
            file
                + ": general.type is not 'imatrix'; make the file by llada imatrix, or by llama-imatrix with its GGUF format");
      }
      for (String name : gguf.tensors().keySet()) {
        if (name.endsWith(SUMS)) {
          String weight = name.substring(0, name.length() - SUMS.length());
          sums.put(weight, sums(file, gguf, weight));
        }
      }
      return new Importance(
          sums,
          gguf.has(DATASETS) ? List.copyOf(gguf.strings(DATASETS)) : List.of(),
          gguf.integer(PIECES, 0, Integer.MAX_VALUE, 0),
          gguf.integer(LENGTH, 0, Integer.MAX_VALUE, 0));
    }
  }

  private static Sums sums(Path file, Gguf gguf, String weight) {
    Tensor sums = gguf.tensor(weight + SUMS);
    Tensor counts = gguf.tensor(weight + COUNTS);
    if (sums.shape().elements() > 1 << 24 || counts.shape().elements() != 1) {
      throw new FormatException(
          "%s: %s has sums %s and counts %s; a dense model has one row of sums and one count"
              .formatted(file, weight, sums.shape(), counts.shape()));
    }
    return new Sums(sums.toArray(), counts.get(0)).check(file, weight);
  }

  /**
   * Writes a file that {@link #read} and llama.cpp's tools read; one of that name is replaced.
   *
   * @throws FormatException if it cannot be written; what was there before is untouched
   * @throws CancellationException if the thread is interrupted, and stays so
   */
  public void write(Path file) {
    GgufWriter out =
        new GgufWriter()
            .string("general.type", "imatrix")
            .strings(DATASETS, texts)
            .uint32(PIECES, pieces)
            .uint32(LENGTH, length);
    sums.forEach(
        (name, s) ->
            out.tensor(name + SUMS, DType.F32, Shape.of(1, s.squares.length))
                .tensor(name + COUNTS, DType.F32, Shape.of(1, 1)));
    Job.run(
        () -> {
          try (Arena arena = Arena.ofShared()) {
            out.write(
                file,
                (tensor, sink) -> {
                  String name = tensor.name();
                  boolean squares = name.endsWith(SUMS);
                  Sums s =
                      sums.get(
                          name.substring(0, name.length() - (squares ? SUMS : COUNTS).length()));
                  float[] numbers = squares ? s.squares : new float[] {s.count};
                  sink.write(Tensor.of(arena, numbers, 1, numbers.length).data());
                });
          }
          return file;
        });
  }

  /** How many weights it knows of; 0 for {@link #NONE}. */
  public int weights() {
    return sums.size();
  }

  /** Pieces of text that were read; 0 if a file does not say. */
  public int pieces() {
    return pieces;
  }

  /** Tokens of a piece; 0 if a file does not say. */
  public int length() {
    return length;
  }

  /**
   * The importance of a weight's columns, 1 on average, or null if nothing is known of it.
   *
   * @throws FormatException if it has another number of columns
   */
  float[] of(NamedWeight weight, int columns) {
    Sums known = sums.get(weight.ggufName());
    if (known == null || weight.staysFloat32()) {
      return null;
    }
    if (known.squares.length != columns) {
      throw new FormatException(
          "the importance matrix has %d columns for %s, but that is %s; it is of another model"
              .formatted(known.squares.length, weight.ggufName(), weight.tensor().shape()));
    }
    double total = 0;
    for (int i = 0; i < columns; i++) {
      total += known.mean(i);
    }
    float[] scaled = new float[columns];
    for (int i = 0; i < columns; i++) {
      scaled[i] = total > 0 ? (float) Math.max(LEAST, known.mean(i) * columns / total) : 1;
    }
    return scaled;
  }
}
