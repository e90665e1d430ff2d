package llada.model;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import llada.kernel.scalar.MaskedCrossEntropy;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * A float32 number for everything that is trained, in one piece of memory: gradients, or anything
 * else that an optimiser keeps beside it. That is every weight, or the low-rank terms alone where
 * there are any. Zero at first.
 */
public final class Gradients {
  private final LladaWeights tensors;
  private final Tensor flat;
  private final boolean all;

  /**
   * Allocates as much as {@code like} has weights.
   *
   * @param like whose shapes to take, of any type; a tied head shares its memory with the embedding
   */
  public Gradients(LladaWeights like, Arena arena) {
    all = !like.hasLowRanks();
    List<Tensor> trained =
        all
            ? like.tensors()
            : like.lowRanks().stream().flatMap(term -> Stream.of(term.a(), term.b())).toList();
    flat = Tensor.allocate(arena, DType.F32, trained.stream().mapToLong(Gradients::padded).sum());
    long[] at = {0};
    UnaryOperator<Tensor> next =
        tensor -> {
          Tensor piece = flat.slice(at[0], tensor.shape().toArray());
          at[0] += padded(tensor);
          return piece;
        };
    tensors = all ? like.map(next) : lowRanks(like, next, arena);
  }

  /** Gradients of the terms; of the weights, a norm's for all that nobody reads. */
  private static LladaWeights lowRanks(LladaWeights like, UnaryOperator<Tensor> next, Arena arena) {
    Tensor norm = Tensor.allocate(arena, DType.F32, like.finalNorm().dim(0));
    Map<Part, List<Tensor>> norms =
        Map.of(Part.ATTN_NORM, List.of(norm), Part.FF_NORM, List.of(norm));
    List<BlockWeights> blocks = new ArrayList<>();
    for (BlockWeights block : like.blocks()) {
      Map<Part, LowRank> terms = new EnumMap<>(Part.class);
      block
          .lowRanks()
          .forEach(
              (part, term) ->
                  terms.put(part, new LowRank(next.apply(term.a()), next.apply(term.b()))));
      blocks.add(new BlockWeights(norms).with(terms));
    }
    Tensor none = MaskedCrossEntropy.NOT_TRAINED;
    return new LladaWeights(like.table(), none, blocks, norm, none, like.ropeLayout());
  }

  /** Whether they are of all weights, not of low-rank terms alone. */
  public boolean all() {
    return all;
  }

  /**
   * The gradients under the names of the weights, of the same shapes; or of their low-rank terms.
   */
  public LladaWeights tensors() {
    return tensors;
  }

  /**
   * All of them as one vector (n), in the order of the forward pass; each tensor starts on a cache
   * line, and the numbers between are 0.
   */
  public Tensor flat() {
    return flat;
  }

  /** Sets all to 0. */
  public void zero() {
    flat.clear();
  }

  /** Numbers of a tensor, up to the next cache line. */
  private static long padded(Tensor tensor) {
    long line = Tensor.ALIGNMENT / Float.BYTES;
    return (tensor.shape().elements() + line - 1) / line * line;
  }
}
