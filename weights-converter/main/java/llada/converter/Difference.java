package llada.converter;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import llada.api.Setup;
import llada.backend.ThreadPool;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.NamedWeight;
import llada.format.FormatException;
import llada.kernel.Parallel;
import llada.kernel.scalar.RopeLayout;
import llada.tensor.Tensor;

/**
 * How far one tensor of two versions of a model is apart.
 *
 * <pre>{@code
 * Difference.between(original, quantised, Setup.DEFAULT, Progress.NONE).stream()
 *     .max(Comparator.comparingDouble(Difference::relativeRmse))
 *     .ifPresent(worst -> System.out.println(worst.name() + " " + worst.relativeRmse()));
 * }</pre>
 *
 * @param name its Hugging Face name
 * @param typeA the type in A
 * @param typeB the type in B
 * @param elements numbers compared
 * @param maxError largest |a - b|
 * @param relativeRmse root of sum (a - b)^2 / sum a^2; 0 if both are zero
 * @param cosine of the angle between a and b as vectors; 1 if both are zero
 */
public record Difference(
    String name,
    String typeA,
    String typeB,
    long elements,
    double maxError,
    double relativeRmse,
    double cosine) {
  private static final int TASK_VALUES = 1 << 16;

  /** Sums over a part of a tensor. */
  private static final class Sums {
    double max;
    double error;
    double aa;
    double bb;
    double ab;

    void add(Sums other) {
      max = Math.max(max, other.max);
      error += other.error;
      aa += other.aa;
      bb += other.bb;
      ab += other.ab;
    }
  }

  /**
   * Compares all tensors of two models, each in the order of Hugging Face's rows. Any number of
   * threads may compare at once.
   *
   * @param a a Hugging Face folder or a GGUF file: the original
   * @param b likewise: a version of it
   * @param setup how many threads compute; results do not depend on it
   * @return in the order of the forward pass
   * @throws FormatException if either cannot be used, or they have other tensors or shapes
   * @throws CancellationException if the thread is interrupted, and stays so
   */
  public static List<Difference> between(Path a, Path b, Setup setup, Progress progress) {
    return between(a, b, Optional.empty(), setup, progress);
  }

  /**
   * The same, where an adapter is merged into {@code b}, if one is given.
   *
   * @param adapter a folder as PEFT writes it
   * @throws FormatException also if the adapter is not of this model
   */
  public static List<Difference> between(
      Path a, Path b, Optional<Path> adapter, Setup setup, Progress progress) {
    List<Difference> all = new ArrayList<>();
    return Job.run(
        () -> {
          try (Checkpoint left = Checkpoint.open(a);
              Checkpoint right = Checkpoint.open(b, adapter);
              ThreadPool pool = new ThreadPool(setup.threads())) {
            between(left, right, pool, new Job(progress, Converter.bytes(left)), all::add);
          }
          return List.copyOf(all);
        });
  }

  /**
   * Compares all tensors, each in the order of Hugging Face's rows.
   *
   * @param use gets each result as soon as it is there
   * @throws FormatException if the models have other tensors or shapes
   */
  static void between(
      Checkpoint a, Checkpoint b, Parallel parallel, Job job, Consumer<Difference> use) {
    Map<String, NamedWeight> left = byName(a);
    Map<String, NamedWeight> right = byName(b);
    if (!left.keySet().equals(right.keySet())) {
      TreeSet<String> one = new TreeSet<>(left.keySet());
      one.removeAll(right.keySet());
      TreeSet<String> other = new TreeSet<>(right.keySet());
      other.removeAll(left.keySet());
      throw new FormatException(
          "%s and %s are no versions of one model: only in the first %s, only in the second %s"
              .formatted(a.path(), b.path(), some(one), some(other)));
    }
    for (Map.Entry<String, NamedWeight> entry : left.entrySet()) {
      NamedWeight other = right.get(entry.getKey());
      if (!entry.getValue().tensor().shape().equals(other.tensor().shape())) {
        throw new FormatException(
            "%s and %s are no versions of one model: %s is %s in the first and %s in the second"
                .formatted(
                    a.path(),
                    b.path(),
                    entry.getKey(),
                    entry.getValue().tensor().shape(),
                    other.tensor().shape()));
      }
    }
    left.forEach((name, weight) -> use.accept(of(weight, right.get(name), parallel, job)));
  }

  private static Map<String, NamedWeight> byName(Checkpoint model) {
    Map<String, NamedWeight> map = new LinkedHashMap<>();
    model.namedWeights().forEach(w -> map.put(w.huggingFaceName(), w));
    return map;
  }

  private static String some(TreeSet<String> names) {
    List<String> shown = names.stream().limit(3).toList();
    return names.isEmpty()
        ? "nothing"
        : String.join(", ", shown)
            + (names.size() > 3 ? " and " + (names.size() - 3) + " more" : "");
  }

  private static Difference of(NamedWeight a, NamedWeight b, Parallel parallel, Job job) {
    Tensor left = a.tensor();
    int rowLength = left.dim(-1);
    long rows = left.shape().rows();
    int taskRows = (int) Math.max(1, Math.min(rows, TASK_VALUES / rowLength));
    int tasks = Math.toIntExact(Math.ceilDiv(rows, taskRows));
    List<Sums> parts = new ArrayList<>();
    for (int i = 0; i < tasks; i++) {
      parts.add(new Sums());
    }
    parallel.forEach(
        tasks,
        (task, _) -> {
          job.check();
          float[] x = new float[rowLength];
          float[] y = new float[rowLength];
          long end = Math.min(rows, (long) (task + 1) * taskRows);
          for (long row = (long) task * taskRows; row < end; row++) {
            read(a, row, x);
            read(b, row, y);
            add(parts.get(task), x, y);
          }
        });
    Sums all = new Sums();
    parts.forEach(all::add); // in order, so that the sums do not depend on the threads
    job.add(left.data().byteSize());
    return new Difference(
        a.huggingFaceName(),
        left.dtype().name(),
        b.tensor().dtype().name(),
        left.shape().elements(),
        all.max,
        all.error == 0 ? 0 : Math.sqrt(all.error / all.aa),
        all.aa == 0 && all.bb == 0 ? 1 : all.ab / Math.sqrt(all.aa * all.bb));
  }

  private static void read(NamedWeight weight, long row, float[] out) {
    long from = weight.sourceRow(RopeLayout.HALF_SPLIT, row) * out.length;
    Tensor tensor = weight.tensor();
    tensor.dtype().decode(tensor.data(), from, out, 0, out.length);
    weight.addTerm(out, 0, from / out.length);
  }

  private static void add(Sums sums, float[] x, float[] y) {
    for (int i = 0; i < x.length; i++) {
      double a = x[i];
      double b = y[i];
      sums.max = Math.max(sums.max, Math.abs(a - b)); // a NaN stays
      sums.error += (a - b) * (a - b);
      sums.aa += a * a;
      sums.bb += b * b;
      sums.ab += a * b;
    }
  }
}
