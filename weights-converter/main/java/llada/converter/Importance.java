package llada.converter;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.checkpoint.NamedWeight;
import llada.format.FormatException;
import llada.format.Gguf;
import llada.format.GgufWriter;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * How much an error in each column of a weight counts: the mean square of the input that the column
 * is multiplied with. If y = W x and W is off by E, the squared error of y is about sum_c E_c^2
 * mean(x_c^2), for inputs that are not correlated.
 *
 * <p>Stored as llama.cpp stores it, so that either program reads the other's: a GGUF file of type
 * {@code imatrix} with, for each weight, the sums of squares {@code NAME.in_sum2} and the number of
 * inputs {@code NAME.counts}.
 */
public final class Importance {
  /** All columns count the same. */
  public static final Importance NONE = new Importance(Map.of());

  private static final String SUMS = ".in_sum2";
  private static final String COUNTS = ".counts";

  /** A column that was silent in the corpus still counts a little. */
  private static final double LEAST = 1e-3;

  private final Map<String, float[]> means;

  private Importance(Map<String, float[]> means) {
    this.means = means;
  }

  /**
   * Reads a file.
   *
   * @throws FormatException if it is no such file, or a number in it is negative or not finite
   */
  public static Importance read(Path file) {
    Map<String, float[]> means = new LinkedHashMap<>();
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
          means.put(weight, means(file, gguf, weight));
        }
      }
    }
    return new Importance(means);
  }

  private static float[] means(Path file, Gguf gguf, String weight) {
    Tensor sums = gguf.tensor(weight + SUMS);
    Tensor counts = gguf.tensor(weight + COUNTS);
    if (sums.shape().elements() > 1 << 24 || counts.shape().elements() != 1) {
      throw new FormatException(
          "%s: %s has sums %s and counts %s; a dense model has one row of sums and one count"
              .formatted(file, weight, sums.shape(), counts.shape()));
    }
    double count = counts.get(0);
    float[] mean = new float[(int) sums.shape().elements()];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = (float) (sums.get(i) / count);
      if (!(mean[i] >= 0 && mean[i] <= Float.MAX_VALUE)) {
        throw new FormatException(
            "%s: %s has the sum %s of %s inputs in column %d; a mean square is finite and not negative"
                .formatted(file, weight, sums.get(i), count, i));
      }
    }
    return mean;
  }

  /**
   * Writes a file.
   *
   * @param sums of squares of each column by a weight's GGUF name
   * @param counts of inputs, likewise
   * @param corpus the name of the text, for the metadata
   * @param chunks pieces of text that were read
   * @param chunkLength tokens of each
   */
  public static void write(
      Path file,
      Map<String, double[]> sums,
      Map<String, Long> counts,
      String corpus,
      int chunks,
      int chunkLength) {
    GgufWriter out =
        new GgufWriter()
            .string("general.type", "imatrix")
            .strings("imatrix.datasets", List.of(corpus))
            .uint32("imatrix.chunk_count", chunks)
            .uint32("imatrix.chunk_size", chunkLength);
    sums.forEach(
        (name, values) ->
            out.tensor(name + SUMS, DType.F32, Shape.of(1, values.length))
                .tensor(name + COUNTS, DType.F32, Shape.of(1, 1)));
    try (Arena arena = Arena.ofShared()) {
      out.write(
          file,
          (tensor, sink) -> {
            String name = tensor.name();
            boolean sum = name.endsWith(SUMS);
            String weight = name.substring(0, name.length() - (sum ? SUMS : COUNTS).length());
            double[] values = sum ? sums.get(weight) : new double[] {counts.get(weight)};
            Tensor numbers = Tensor.allocate(arena, DType.F32, values.length);
            for (int i = 0; i < values.length; i++) {
              numbers.set(i, (float) values[i]);
            }
            sink.write(numbers.data());
          });
    }
  }

  /** Whether nothing is known of any weight. */
  public boolean isEmpty() {
    return means.isEmpty();
  }

  /**
   * The importance of a weight's columns, 1 on average, or null if nothing is known of it.
   *
   * @throws FormatException if it has another number of columns
   */
  float[] of(NamedWeight weight, int columns) {
    float[] mean = means.get(weight.ggufName());
    if (mean == null || weight.norm()) {
      return null;
    }
    if (mean.length != columns) {
      throw new FormatException(
          "the importance matrix has %d columns for %s, but that is %s; it is of another model"
              .formatted(mean.length, weight.ggufName(), weight.tensor().shape()));
    }
    double total = 0;
    for (float m : mean) {
      total += m;
    }
    float[] scaled = new float[columns];
    for (int i = 0; i < columns; i++) {
      scaled[i] = total > 0 ? (float) Math.max(LEAST, mean[i] * columns / total) : 1;
    }
    return scaled;
  }
}
