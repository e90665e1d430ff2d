package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import llada.tensor.Tensor;

/**
 * Between row-major matrices and the token-in-lane order of {@link Tile}: transposes, in squares of
 * COUNT x COUNT.
 *
 * <p>A square is transposed by one step, done log2(COUNT) times: zip row i with row i + COUNT / 2,
 * lane by lane, to rows 2i and 2i + 1. Each step moves the highest bit of the row number to the
 * lowest place of the lane number, and pushes the highest bit of the lane number out to the lowest
 * place of the row number; after all steps the two numbers have changed places.
 */
final class Packing {
  private static final int COUNT = Lanes.COUNT;

  /** Twice the lower half of a vector, lane by lane: 0, 0, 1, 1, ...; and the upper. */
  private static final VectorShuffle<Float> LOW = VectorShuffle.fromOp(Lanes.F32, lane -> lane / 2);

  private static final VectorShuffle<Float> HIGH =
      VectorShuffle.fromOp(Lanes.F32, lane -> (COUNT + lane) / 2);

  private static final VectorMask<Float> ODD =
      VectorMask.fromLong(Lanes.F32, 0xAAAAAAAAAAAAAAAAL >>> (64 - COUNT));

  private Packing() {}

  /**
   * packed[k, t] = x[t, k] for one panel of tokens; lanes without a token are zero.
   *
   * @param packed (depth, width) from index {@code packed0}
   * @param width a multiple of COUNT
   * @param x rows from element {@code x0}, {@code stride} apart
   * @param square scratch of 2 * COUNT * COUNT numbers
   */
  static void toLanes(
      float[] packed,
      int packed0,
      int width,
      MemorySegment x,
      long x0,
      long stride,
      int tokens,
      int depth,
      float[] square) {
    for (int t = 0; t < width; t += COUNT) {
      int rows = Math.clamp(tokens - t, 0, COUNT);
      for (int k = 0; k < depth; k += COUNT) {
        int columns = Math.min(COUNT, depth - k);
        for (int r = 0; r < rows; r++) {
          copy(x, x0 + (t + r) * stride + k, square, r * COUNT, columns);
        }
        for (int r = rows; r < COUNT; r++) {
          FloatVector.zero(Lanes.F32).intoArray(square, r * COUNT);
        }
        int transposed = transpose(square);
        for (int c = 0; c < columns; c++) {
          load(square, transposed + c * COUNT).intoArray(packed, packed0 + (k + c) * width + t);
        }
      }
    }
  }

  /**
   * out[t, r] = tile[r, t]: the way back, for the rows and tokens that exist.
   *
   * @param out rows from element {@code out0}, {@code stride} apart
   * @param tile groups of (ROWS, WIDTH), from index {@code tile0}, {@code groupStride} apart
   * @param square as in {@link #toLanes}
   */
  static void fromLanes(
      MemorySegment out,
      long out0,
      long stride,
      float[] tile,
      int tile0,
      int groupStride,
      int rows,
      int tokens,
      float[] square) {
    for (int t = 0; t < tokens; t += COUNT) {
      int columns = Math.min(COUNT, tokens - t);
      for (int r = 0; r < rows; r += COUNT) {
        int count = Math.min(COUNT, rows - r);
        for (int i = 0; i < count; i++) {
          int group = (r + i) / Tile.ROWS;
          int at = tile0 + group * groupStride + (r + i) % Tile.ROWS * Tile.WIDTH + t;
          load(tile, at).intoArray(square, i * COUNT);
        }
        int transposed = transpose(square);
        for (int c = 0; c < columns; c++) {
          copy(square, transposed + c * COUNT, out, out0 + (t + c) * stride + r, count);
        }
      }
    }
  }

  private static void copy(float[] from, int at, MemorySegment to, long element, int count) {
    if (count == COUNT) {
      load(from, at).intoMemorySegment(to, element * Float.BYTES, Lanes.ORDER);
    } else {
      MemorySegment.copy(from, at, to, Tensor.F32, element * Float.BYTES, count);
    }
  }

  private static void copy(MemorySegment from, long element, float[] to, int at, int count) {
    if (count == COUNT) {
      FloatVector.fromMemorySegment(Lanes.F32, from, element * Float.BYTES, Lanes.ORDER)
          .intoArray(to, at);
    } else {
      MemorySegment.copy(from, Tensor.F32, element * Float.BYTES, to, at, count);
    }
  }

  /** Transposes the square at index 0; returns where the result is, as the two halves alternate. */
  private static int transpose(float[] square) {
    int from = 0;
    int to = COUNT * COUNT;
    for (int step = COUNT; step > 1; step /= 2) {
      for (int i = 0; i < COUNT / 2; i++) {
        FloatVector a = load(square, from + i * COUNT);
        FloatVector b = load(square, from + (i + COUNT / 2) * COUNT);
        a.rearrange(LOW).blend(b.rearrange(LOW), ODD).intoArray(square, to + 2 * i * COUNT);
        a.rearrange(HIGH).blend(b.rearrange(HIGH), ODD).intoArray(square, to + (2 * i + 1) * COUNT);
      }
      int swap = from;
      from = to;
      to = swap;
    }
    return from;
  }

  private static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(Lanes.F32, array, at);
  }
}
