package llada.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import llada.kernel.scalar.RopeLayout;
import llada.model.BlockWeights;
import llada.model.LladaConfig;
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
  static LladaWeights toHalfSplit(LladaWeights weights, LladaConfig config, Arena arena) {
    List<BlockWeights> blocks =
        weights.blocks().stream()
            .map(
                b ->
                    new BlockWeights(
                        b.attnNorm(),
                        toHalfSplit(b.qProj(), config.nHeads(), arena),
                        toHalfSplit(b.kProj(), config.nKvHeads(), arena),
                        b.vProj(),
                        b.attnOut(),
                        b.ffNorm(),
                        b.ffProj(),
                        b.upProj(),
                        b.ffOut()))
            .toList();
    return new LladaWeights(weights.embedding(), blocks, weights.finalNorm(), weights.head());
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
      long from = interleaved(row, d);
      MemorySegment.copy(weight.reading(), from * rowBytes, copy, row * rowBytes, rowBytes);
    }
    return Tensor.of(weight.dtype(), weight.shape(), copy);
  }

  /** Where row {@code halfSplit} stands in interleaved order. */
  private static long interleaved(long halfSplit, int d) {
    long head = halfSplit / d;
    int channel = (int) (halfSplit % d);
    int pair = channel % (d / 2);
    int inHead =
        channel == pair
            ? RopeLayout.INTERLEAVED.first(pair, d / 2)
            : RopeLayout.INTERLEAVED.second(pair, d / 2);
    return head * d + inHead;
  }
}
