package llada.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import llada.kernel.scalar.RopeLayout;
import llada.model.LladaWeights;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * The rows of q and k in the order of the other format, for whoever writes that format; running a
 * model needs no such copy, since the rope op reads either order.
 *
 * <p>Of a head's D rows, the pair i is rows i and i + D/2 in half-split order, 2i and 2i + 1 in
 * interleaved order: see {@link RopeLayout}. Whole rows move, so the type of the numbers does not
 * matter.
 */
final class RopeRows {
  private RopeRows() {}

  /** These weights in half-split order; only the copies of q and k are new memory. */
  static LladaWeights toHalfSplit(LladaWeights weights, Arena arena) {
    return weights.map(
        (row, tensor) -> row.ropeHeads() > 0 ? toHalfSplit(tensor, row.ropeHeads(), arena) : tensor,
        RopeLayout.HALF_SPLIT);
  }

  /**
   * Rows of q or k from interleaved to half-split order.
   *
   * @param weight (heads * D, C), interleaved
   * @param arena owns the copy
   * @return (heads * D, C), half-split
   */
  static Tensor toHalfSplit(Tensor weight, int heads, Arena arena) {
    long rows = weight.shape().dim(0);
    long rowBytes = weight.dtype().bytes(Shape.of(1, weight.shape().dim(1)));
    int d = Math.toIntExact(rows / heads);
    MemorySegment copy = arena.allocate(rows * rowBytes, Tensor.ALIGNMENT);
    for (long row = 0; row < rows; row++) {
      long from = move(row, d, RopeLayout.HALF_SPLIT, RopeLayout.INTERLEAVED);
      MemorySegment.copy(weight.reading(), from * rowBytes, copy, row * rowBytes, rowBytes);
    }
    return Tensor.of(weight.dtype(), weight.shape(), copy);
  }

  /**
   * Where a row stands in another order.
   *
   * @param row where it stands in order {@code from}
   * @param d rows of a head
   */
  static long move(long row, int d, RopeLayout from, RopeLayout to) {
    long head = row / d;
    int channel = (int) (row % d);
    int half = d / 2;
    int pair = from == RopeLayout.HALF_SPLIT ? channel % half : channel / 2;
    boolean first = channel == from.first(pair, half);
    return head * d + (first ? to.first(pair, half) : to.second(pair, half));
  }
}
