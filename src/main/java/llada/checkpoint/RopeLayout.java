package llada.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * The two orders of a head's channels, and the only class that knows both.
 *
 * <p>Hugging Face weights turn channel i together with channel i + D/2 (half-split). The GGUF
 * architecture {@code llada} turns neighbours 2i and 2i + 1 (interleaved), so its converter moves
 * the rows of q and k: row i + j * D/2 of a head (j = 0, 1) goes to row 2i + j. Everything here is
 * half-split; whole rows move, so the type of the numbers does not matter.
 */
final class RopeLayout {
  private RopeLayout() {}

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
      MemorySegment.copy(weight.data(), from * rowBytes, copy, row * rowBytes, rowBytes);
    }
    return Tensor.of(weight.dtype(), weight.shape(), copy);
  }

  /** Where row {@code halfSplit} stands in interleaved order. */
  private static long interleaved(long halfSplit, int d) {
    long head = halfSplit / d;
    long channel = halfSplit % d;
    long pair = channel % (d / 2);
    long side = channel / (d / 2);
    return head * d + 2 * pair + side;
  }
}
