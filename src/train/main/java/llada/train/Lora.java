package llada.train;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.stream.Collectors;
import llada.checkpoint.PeftAdapter;
import llada.model.LladaWeights;
import llada.model.LowRank;
import llada.model.WeightTable;
import llada.tensor.DType;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tensor.Tensor;

/**
 * Low-rank adaptation (Hu et al. 2021): instead of a matrix W (N, K) two thin ones are trained,
 *
 * <pre>
 *   y = x W^T + s (x A^T) B^T,  A (r, K), B (N, r), s = alpha / r
 * </pre>
 *
 * B begins as zero, so training begins with the base model. W stays where it lies, in the type of
 * its file, and has no gradient and no optimiser state. The network has s B in the place of B: its
 * gradient is s times smaller than B's.
 */
public final class Lora implements Trained {
  /** Matrices that can be adapted, by the last part of their names. */
  public static final Set<String> TARGETS =
      Set.of("q_proj", "k_proj", "v_proj", "attn_out", "ff_proj", "up_proj", "ff_out");

  private final LladaWeights weights;
  private final double alpha;
  private final float scale;
  private final List<Adapter> adapters = new ArrayList<>();

  /** Of one matrix: what the network multiplies with, its gradients, and B itself. */
  private record Adapter(WeightTable.Row row, LowRank used, LowRank gradient, Tensor b) {}

  /**
   * The same weights with terms of zeros beside some of them, for a network whose terms are to be
   * trained.
   *
   * @param rank r
   * @param targets some of {@link #TARGETS}
   * @param arena owns the terms
   * @throws IllegalArgumentException if the rank or a target is impossible
   */
  public static LladaWeights beside(
      LladaWeights weights, int rank, Set<String> targets, Arena arena) {
    if (rank < 1) {
      throw new IllegalArgumentException("the rank is %d; it must be at least 1".formatted(rank));
    }
    for (String target : targets) {
      if (!TARGETS.contains(target)) {
        throw new IllegalArgumentException(
            "LoRA has no target '%s'; there are %s"
                .formatted(target, String.join(", ", new TreeSet<>(TARGETS))));
      }
    }
    Map<WeightTable.Row, LowRank> terms = new LinkedHashMap<>();
    for (WeightTable.Row row : weights.table()) {
      if (row.layer() >= 0 && targets.contains(target(row))) {
        terms.put(row, LowRank.zeros(rank, weights.of(row).getFirst(), arena));
      }
    }
    if (terms.isEmpty()) {
      throw new IllegalArgumentException(
          "the model has none of the matrices %s; it has %s"
              .formatted(
                  String.join(", ", targets),
                  weights.table().stream()
                      .filter(row -> row.layer() == 0 && row.shape().rank() == 2)
                      .map(Lora::target)
                      .distinct()
                      .collect(Collectors.joining(", "))));
    }
    return weights.with(terms);
  }

  private static String target(WeightTable.Row row) {
    String module = PeftAdapter.module(row);
    return module.substring(module.lastIndexOf('.') + 1);
  }

  /**
   * The terms of a network, with fresh numbers.
   *
   * @param network whose weights have terms beside them
   * @param alpha s times r
   * @param seed of the first A
   * @param arena owns B
   */
  public Lora(Network network, double alpha, long seed, Arena arena) {
    this.weights = network.weights();
    this.alpha = alpha;
    SplittableRandom seeds = RandomStreams.of(seed, Purpose.ADAPTERS);
    for (WeightTable.Row row : weights.table()) {
      if (weights.lowRank(row).isPresent()) {
        LowRank used = weights.lowRank(row).get();
        Tensor b = Tensor.allocate(arena, DType.F32, used.b().shape().toArray());
        adapters.add(new Adapter(row, used, network.gradients().lowRank(row).orElseThrow(), b));
        fill(used.a(), seeds.split());
      }
    }
    this.scale = (float) (alpha / adapters.getFirst().used.rank());
  }

  /** Kaiming uniform with a = sqrt(5), as PEFT. */
  private static void fill(Tensor a, SplittableRandom random) {
    double range = 1 / Math.sqrt(a.dim(1));
    for (long i = 0; i < a.shape().elements(); i++) {
      a.set(i, (float) (range * (2 * random.nextDouble() - 1)));
    }
  }

  @Override
  public List<Parameter> parameters() {
    List<Parameter> all = new ArrayList<>();
    for (Adapter adapter : adapters) {
      String name = PeftAdapter.module(adapter.row);
      all.add(new Parameter(name + ".lora_A.weight", adapter.used.a(), adapter.gradient.a()));
      all.add(new Parameter(name + ".lora_B.weight", adapter.b, adapter.gradient.b()));
    }
    return all;
  }

  /** How many numbers are trained. */
  long size() {
    return parameters().stream().mapToLong(p -> p.value().shape().elements()).sum();
  }

  private Map<WeightTable.Row, LowRank> terms() {
    Map<WeightTable.Row, LowRank> terms = new LinkedHashMap<>();
    adapters.forEach(a -> terms.put(a.row, new LowRank(a.used.a(), a.b)));
    return terms;
  }

  /**
   * The adapters under the names that PEFT gives them.
   *
   * @param arena owns what lies in another order there
   */
  public Map<String, Tensor> peft(Arena arena) {
    return PeftAdapter.tensors(terms(), weights.ropeLayout(), arena);
  }

  /**
   * Writes the adapters as PEFT has them.
   *
   * @param base what they belong to: a folder, a file or a name
   * @throws IOException if the folder cannot be written
   */
  void write(Path folder, String base) throws IOException {
    PeftAdapter.write(folder, terms(), weights.ropeLayout(), alpha, base);
  }

  @Override
  public void gradientsReady() {
    adapters.forEach(adapter -> scaled(adapter.gradient.b(), adapter.gradient.b()));
  }

  /** The network's s B follows B. */
  @Override
  public void moved() {
    adapters.forEach(adapter -> scaled(adapter.used.b(), adapter.b));
  }

  private void scaled(Tensor out, Tensor in) {
    MemorySegment from = in.reading();
    MemorySegment to = out.data();
    for (long at = 0; at < in.bytes(); at += Float.BYTES) {
      to.set(Tensor.F32, at, scale * from.get(Tensor.F32, at));
    }
  }

  @Override
  public void clear() {
    for (Adapter adapter : adapters) {
      adapter.gradient.a().clear();
      adapter.gradient.b().clear();
    }
  }
}
