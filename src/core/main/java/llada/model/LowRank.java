package llada.model;

import java.lang.foreign.Arena;
import java.util.Collection;
import java.util.Optional;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * A low-rank term beside a matrix W (N, K) that stays as it is (LoRA, Hu et al. 2021):
 *
 * <pre>
 *   y = x W^T + (x A^T) B^T
 * </pre>
 *
 * <p>The scale of LoRA, alpha / r, is part of B: whoever makes the term multiplies by it.
 *
 * @param a (r, K) float32
 * @param b (N, r) float32, its rows in the order of W's
 */
public record LowRank(Tensor a, Tensor b) {
  /**
   * Checks that both are of one rank.
   *
   * @throws IllegalArgumentException if they are not
   */
  public LowRank {
    if (a.shape().rank() != 2 || b.shape().rank() != 2 || a.dim(0) != b.dim(1)) {
      throw new IllegalArgumentException(
          "a low-rank term of A %s and B %s: A is (r, K) and B (N, r)"
              .formatted(a.shape(), b.shape()));
    }
  }

  /** Zeros in new memory, for a matrix of this size. */
  public static LowRank zeros(int rank, Tensor weight, Arena arena) {
    return new LowRank(
        Tensor.allocate(arena, DType.F32, rank, weight.dim(1)),
        Tensor.allocate(arena, DType.F32, weight.dim(0), rank));
  }

  /** r. */
  public int rank() {
    return a.dim(0);
  }

  /** The term of some rows of W alone. */
  LowRank rows(long from, long count) {
    return new LowRank(a, b.rows(from, count));
  }

  /**
   * Where a pass keeps what lies between: for each token r numbers and their gradients, and one row
   * as wide as the widest input or output.
   */
  record Room(Tensor low, Tensor dLow, Tensor wide) {
    /** Room for each of a model's terms; empty where it has none. */
    static Optional<Room> of(Collection<LowRank> terms, int tokens, Arena arena) {
      int rank = 0;
      int widest = 0;
      for (LowRank term : terms) {
        rank = Math.max(rank, term.rank());
        widest = Math.max(widest, Math.max(term.a.dim(1), term.b.dim(0)));
      }
      return rank == 0
          ? Optional.empty()
          : Optional.of(
              new Room(
                  Tensor.allocate(arena, DType.F32, tokens, rank),
                  Tensor.allocate(arena, DType.F32, tokens, rank),
                  Tensor.allocate(arena, DType.F32, tokens, widest)));
    }

    /** The first numbers of a buffer as a matrix. */
    static Tensor matrix(Tensor buffer, long rows, long columns) {
      return buffer.slice(0, rows, columns);
    }
  }
}
