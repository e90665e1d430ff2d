package llada.kernel.scalar;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import llada.tensor.DType;
import llada.tensor.Floats;
import llada.tensor.Tensor;

/**
 * Keys and values of single positions go into a cache and come out again, in the cache's type:
 * float32 as they are, bfloat16 rounded to the nearest, Q8_0 in blocks of 32 that share a scale.
 */
public final class CacheRows {
  private static final int BLOCK = 32;
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private CacheRows() {}

  /**
   * cache[rows[i]] = x[i], rounded to the cache's type. In Q8_0, for a block of 32 numbers:
   *
   * <pre>
   *   d    = max |x[i]| / 127, stored in half precision
   *   q[i] = x[i] * (1 / d), rounded to the nearest integer, ties to even
   * </pre>
   *
   * @param cache (P, C) in F32, BF16 or Q8_0; rows that are not named stay
   * @param rows (n) different rows of the cache
   * @param x (n, C)
   */
  public static void store(Tensor cache, int[] rows, Tensor x) {
    checkStore(cache, rows, x);
    int channels = x.dim(1);
    float[] row = new float[channels];
    for (int i = 0; i < rows.length; i++) {
      MemorySegment.copy(x.data(), Tensor.F32, (long) i * channels * Float.BYTES, row, 0, channels);
      MemorySegment to = cache.rows(rows[i], 1).data();
      switch (cache.dtype()) {
        case F32 -> MemorySegment.copy(row, 0, to, Tensor.F32, 0, channels);
        case BF16 -> {
          for (int c = 0; c < channels; c++) {
            to.set(SHORT, 2L * c, Floats.floatToBf16(row[c]));
          }
        }
        default -> {
          for (int c = 0; c < channels; c += BLOCK) {
            q8(to, c / BLOCK * (long) DType.Q8_0.blockBytes(), row, c);
          }
        }
      }
    }
  }

  private static void q8(MemorySegment to, long at, float[] row, int first) {
    float largest = 0;
    for (int i = 0; i < BLOCK; i++) {
      largest = Math.max(largest, Math.abs(row[first + i]));
    }
    float scale = largest / 127;
    float inverse = scale == 0 ? 0 : 1 / scale;
    to.set(SHORT, at, Float.floatToFloat16(scale));
    for (int i = 0; i < BLOCK; i++) {
      to.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) Math.rint(row[first + i] * inverse));
    }
  }

  /**
   * The whole cache in float32.
   *
   * @param out (P, C), overwritten
   * @param cache (P, C)
   */
  public static void load(Tensor out, Tensor cache) {
    checkLoad(out, cache);
    float[] row = new float[cache.dim(1)];
    for (int i = 0; i < cache.dim(0); i++) {
      cache.dtype().decode(cache.data(), (long) i * row.length, row, 0, row.length);
      MemorySegment.copy(row, 0, out.data(), Tensor.F32, (long) i * row.length * 4, row.length);
    }
  }

  /** The cache has a type that can be written, and every row. */
  public static void checkStore(Tensor cache, int[] rows, Tensor x) {
    Require.rank2("store cache rows", "cache", cache);
    Require.matrix("store cache rows", "x", x, rows.length, cache.shape().dim(1));
    if (cache.dtype() != DType.F32 && cache.dtype() != DType.BF16 && cache.dtype() != DType.Q8_0) {
      throw new IllegalArgumentException(
          "store cache rows: the cache is %s; it can be F32, BF16 or Q8_0"
              .formatted(cache.dtype()));
    }
    for (int row : rows) {
      if (row < 0 || row >= cache.shape().dim(0)) {
        throw new IllegalArgumentException(
            "store cache rows: row %d is not among the %d of the cache"
                .formatted(row, cache.shape().dim(0)));
      }
    }
  }

  /** Both have the same shape. */
  public static void checkLoad(Tensor out, Tensor cache) {
    Require.rank2("load cache rows", "cache", cache);
    Require.matrix("load cache rows", "out", out, cache.shape().dim(0), cache.shape().dim(1));
  }
}
