package llada.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.SplittableRandom;
import llada.checkpoint.HuggingFaceFolder;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.tensor.DType;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/** Float32 weights in memory that can be written to. */
public final class Weights {
  /** Standard deviation of fresh weights, as GPT-2. */
  private static final double STD = 0.02;

  private Weights() {}

  /** Zeros of this shape. */
  public static LladaWeights zeros(LladaConfig config, Arena arena) {
    return LladaWeights.make(
        config, row -> Tensor.allocate(arena, DType.F32, row.shape().toArray()));
  }

  /**
   * Fresh weights: norms 1, matrices normal with deviation 0.02, those that write to the residual
   * stream smaller by sqrt(2 L) (GPT-2), so that its size does not grow with the depth.
   */
  public static LladaWeights random(LladaConfig config, long seed, Arena arena) {
    return random(config, seed, STD, arena);
  }

  /** The same with another deviation than 0.02. */
  public static LladaWeights random(LladaConfig config, long seed, double deviation, Arena arena) {
    LladaWeights weights = zeros(config, arena);
    SplittableRandom seeds = RandomStreams.of(seed, Purpose.WEIGHTS);
    double residual = deviation / Math.sqrt(2.0 * config.nLayers());
    HuggingFaceFolder.byName(weights)
        .forEach(
            (name, tensor) -> {
              SplittableRandom random = seeds.split();
              boolean writes = name.endsWith("attn_out.weight") || name.endsWith("ff_out.weight");
              boolean head = name.equals("model.transformer.ff_out.weight");
              double std = writes && !head ? residual : deviation;
              for (long i = 0; i < tensor.shape().elements(); i++) {
                tensor.set(i, tensor.shape().rank() == 1 ? 1f : normal(random, std));
              }
            });
    return weights;
  }

  /** Sum of twelve uniform numbers: near enough to normal, never beyond six deviations. */
  private static float normal(SplittableRandom random, double std) {
    double sum = -6;
    for (int i = 0; i < 12; i++) {
      sum += (random.nextLong() >>> 11) * 0x1p-53;
    }
    return (float) (std * sum);
  }

  /** A float32 copy, in half-split order. */
  public static LladaWeights copy(LladaConfig config, Map<String, Tensor> byName, Arena arena) {
    LladaWeights weights = zeros(config, arena);
    HuggingFaceFolder.byName(weights).forEach((name, to) -> copy(byName.get(name), to));
    return weights;
  }

  /** Copies the values of a tensor of any type to a float32 one of the same shape. */
  static void copy(Tensor from, Tensor to) {
    Shape shape = to.shape();
    if (!from.shape().equals(shape)) {
      throw new IllegalArgumentException("%s is copied to %s".formatted(from, to));
    }
    if (from.dtype() == DType.F32) {
      MemorySegment.copy(from.data(), 0, to.data(), 0, to.data().byteSize());
      return;
    }
    float[] row = new float[Math.toIntExact(shape.dim(-1))];
    for (long i = 0; i < shape.rows(); i++) {
      from.dtype().decode(from.data(), i * row.length, row, 0, row.length);
      MemorySegment.copy(row, 0, to.data(), Tensor.F32, 4 * i * row.length, row.length);
    }
  }
}
