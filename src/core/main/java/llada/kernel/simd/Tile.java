package llada.kernel.simd;

import jdk.incubator.vector.FloatVector;

/**
 * The heart of the vector tier: a small matrix product held in registers, on which matmul and
 * attention stand.
 *
 * <pre>
 *   out[r, t] += sum_k w[r, k] * x[k, t]      r below ROWS, t below two vectors
 * </pre>
 *
 * <p>The lanes of a vector are tokens: x is packed so that a vector holds one channel of COUNT
 * tokens, and each weight is broadcast to all of them. So weights need no transposing, no sum ever
 * crosses lanes, and every sum is formed in the order of k, whatever the width and the number of
 * threads.
 *
 * <p>Sixteen sums are enough to hide the latency of a multiply-add, and few enough for the
 * compiler: with 24 sums (6 x 4, 8 x 3, 12 x 2) and 32 registers the method outgrows what C2 keeps
 * in them. Where there are only 16 registers, twelve sums, two vectors of tokens and one weight
 * fit: with 256 bits on one core of Zen 5, 6 x 2 reaches 0.92 of the machine's limit, 4 x 2 0.78.
 * For the same reason everything here lies in float arrays: access to them compiles to far less
 * than access to a memory segment. The compiler removes what stands under {@code ROWS > 6} where it
 * is false, since it is a constant.
 */
final class Tile {
  /** Weight rows of a tile. */
  static final int ROWS = Lanes.MANY_REGISTERS ? 8 : 6;

  /** Tokens of a tile: two vectors. */
  static final int WIDTH = 2 * Lanes.COUNT;

  private Tile() {}

  /**
   * Computes a tile.
   *
   * @param out (ROWS, WIDTH) from index {@code out0}; accumulates
   * @param w element (r, k) is at {@code w0 + r * stride + k}
   * @param rows how many rows of w exist, 1 to ROWS; the others repeat the first, for no one to
   *     look at
   * @param x (depth, WIDTH) from index {@code x0}
   */
  static void multiply(
      float[] out,
      int out0,
      float[] w,
      int w0,
      int stride,
      int rows,
      float[] x,
      int x0,
      int depth) {
    int w1 = rows > 1 ? w0 + stride : w0;
    int w2 = rows > 2 ? w0 + 2 * stride : w0;
    int w3 = rows > 3 ? w0 + 3 * stride : w0;
    int w4 = rows > 4 ? w0 + 4 * stride : w0;
    int w5 = rows > 5 ? w0 + 5 * stride : w0;
    int w6 = rows > 6 ? w0 + 6 * stride : w0;
    int w7 = rows > 7 ? w0 + 7 * stride : w0;
    FloatVector s00 = load(out, out0);
    FloatVector s01 = load(out, out0 + Lanes.COUNT);
    FloatVector s10 = load(out, out0 + 2 * Lanes.COUNT);
    FloatVector s11 = load(out, out0 + 3 * Lanes.COUNT);
    FloatVector s20 = load(out, out0 + 4 * Lanes.COUNT);
    FloatVector s21 = load(out, out0 + 5 * Lanes.COUNT);
    FloatVector s30 = load(out, out0 + 6 * Lanes.COUNT);
    FloatVector s31 = load(out, out0 + 7 * Lanes.COUNT);
    FloatVector s40 = load(out, out0 + 8 * Lanes.COUNT);
    FloatVector s41 = load(out, out0 + 9 * Lanes.COUNT);
    FloatVector s50 = load(out, out0 + 10 * Lanes.COUNT);
    FloatVector s51 = load(out, out0 + 11 * Lanes.COUNT);
    FloatVector s60 = ROWS > 6 ? load(out, out0 + 12 * Lanes.COUNT) : s00;
    FloatVector s61 = ROWS > 6 ? load(out, out0 + 13 * Lanes.COUNT) : s00;
    FloatVector s70 = ROWS > 6 ? load(out, out0 + 14 * Lanes.COUNT) : s00;
    FloatVector s71 = ROWS > 6 ? load(out, out0 + 15 * Lanes.COUNT) : s00;
    int at = 0;
    int column = x0;
    for (int k = 0; k < depth; k++) {
      FloatVector low = load(x, column);
      FloatVector high = load(x, column + Lanes.COUNT);
      FloatVector b = broadcast(w, w0 + at);
      s00 = b.fma(low, s00);
      s01 = b.fma(high, s01);
      b = broadcast(w, w1 + at);
      s10 = b.fma(low, s10);
      s11 = b.fma(high, s11);
      b = broadcast(w, w2 + at);
      s20 = b.fma(low, s20);
      s21 = b.fma(high, s21);
      b = broadcast(w, w3 + at);
      s30 = b.fma(low, s30);
      s31 = b.fma(high, s31);
      b = broadcast(w, w4 + at);
      s40 = b.fma(low, s40);
      s41 = b.fma(high, s41);
      b = broadcast(w, w5 + at);
      s50 = b.fma(low, s50);
      s51 = b.fma(high, s51);
      if (ROWS > 6) {
        b = broadcast(w, w6 + at);
        s60 = b.fma(low, s60);
        s61 = b.fma(high, s61);
        b = broadcast(w, w7 + at);
        s70 = b.fma(low, s70);
        s71 = b.fma(high, s71);
      }
      at++;
      column += WIDTH;
    }
    s00.intoArray(out, out0);
    s01.intoArray(out, out0 + Lanes.COUNT);
    s10.intoArray(out, out0 + 2 * Lanes.COUNT);
    s11.intoArray(out, out0 + 3 * Lanes.COUNT);
    s20.intoArray(out, out0 + 4 * Lanes.COUNT);
    s21.intoArray(out, out0 + 5 * Lanes.COUNT);
    s30.intoArray(out, out0 + 6 * Lanes.COUNT);
    s31.intoArray(out, out0 + 7 * Lanes.COUNT);
    s40.intoArray(out, out0 + 8 * Lanes.COUNT);
    s41.intoArray(out, out0 + 9 * Lanes.COUNT);
    s50.intoArray(out, out0 + 10 * Lanes.COUNT);
    s51.intoArray(out, out0 + 11 * Lanes.COUNT);
    if (ROWS > 6) {
      s60.intoArray(out, out0 + 12 * Lanes.COUNT);
      s61.intoArray(out, out0 + 13 * Lanes.COUNT);
      s70.intoArray(out, out0 + 14 * Lanes.COUNT);
      s71.intoArray(out, out0 + 15 * Lanes.COUNT);
    }
  }

  /**
   * The same where a column of w is contiguous: element (r, k) is at {@code w0 + r + k * step}, and
   * ROWS of them can be read whatever r is.
   */
  static void columns(
      float[] out, int out0, float[] w, int w0, int step, float[] x, int x0, int depth) {
    FloatVector s00 = load(out, out0);
    FloatVector s01 = load(out, out0 + Lanes.COUNT);
    FloatVector s10 = load(out, out0 + 2 * Lanes.COUNT);
    FloatVector s11 = load(out, out0 + 3 * Lanes.COUNT);
    FloatVector s20 = load(out, out0 + 4 * Lanes.COUNT);
    FloatVector s21 = load(out, out0 + 5 * Lanes.COUNT);
    FloatVector s30 = load(out, out0 + 6 * Lanes.COUNT);
    FloatVector s31 = load(out, out0 + 7 * Lanes.COUNT);
    FloatVector s40 = load(out, out0 + 8 * Lanes.COUNT);
    FloatVector s41 = load(out, out0 + 9 * Lanes.COUNT);
    FloatVector s50 = load(out, out0 + 10 * Lanes.COUNT);
    FloatVector s51 = load(out, out0 + 11 * Lanes.COUNT);
    FloatVector s60 = ROWS > 6 ? load(out, out0 + 12 * Lanes.COUNT) : s00;
    FloatVector s61 = ROWS > 6 ? load(out, out0 + 13 * Lanes.COUNT) : s00;
    FloatVector s70 = ROWS > 6 ? load(out, out0 + 14 * Lanes.COUNT) : s00;
    FloatVector s71 = ROWS > 6 ? load(out, out0 + 15 * Lanes.COUNT) : s00;
    int at = w0;
    int column = x0;
    for (int k = 0; k < depth; k++) {
      FloatVector low = load(x, column);
      FloatVector high = load(x, column + Lanes.COUNT);
      FloatVector b = broadcast(w, at);
      s00 = b.fma(low, s00);
      s01 = b.fma(high, s01);
      b = broadcast(w, at + 1);
      s10 = b.fma(low, s10);
      s11 = b.fma(high, s11);
      b = broadcast(w, at + 2);
      s20 = b.fma(low, s20);
      s21 = b.fma(high, s21);
      b = broadcast(w, at + 3);
      s30 = b.fma(low, s30);
      s31 = b.fma(high, s31);
      b = broadcast(w, at + 4);
      s40 = b.fma(low, s40);
      s41 = b.fma(high, s41);
      b = broadcast(w, at + 5);
      s50 = b.fma(low, s50);
      s51 = b.fma(high, s51);
      if (ROWS > 6) {
        b = broadcast(w, at + 6);
        s60 = b.fma(low, s60);
        s61 = b.fma(high, s61);
        b = broadcast(w, at + 7);
        s70 = b.fma(low, s70);
        s71 = b.fma(high, s71);
      }
      at += step;
      column += WIDTH;
    }
    s00.intoArray(out, out0);
    s01.intoArray(out, out0 + Lanes.COUNT);
    s10.intoArray(out, out0 + 2 * Lanes.COUNT);
    s11.intoArray(out, out0 + 3 * Lanes.COUNT);
    s20.intoArray(out, out0 + 4 * Lanes.COUNT);
    s21.intoArray(out, out0 + 5 * Lanes.COUNT);
    s30.intoArray(out, out0 + 6 * Lanes.COUNT);
    s31.intoArray(out, out0 + 7 * Lanes.COUNT);
    s40.intoArray(out, out0 + 8 * Lanes.COUNT);
    s41.intoArray(out, out0 + 9 * Lanes.COUNT);
    s50.intoArray(out, out0 + 10 * Lanes.COUNT);
    s51.intoArray(out, out0 + 11 * Lanes.COUNT);
    if (ROWS > 6) {
      s60.intoArray(out, out0 + 12 * Lanes.COUNT);
      s61.intoArray(out, out0 + 13 * Lanes.COUNT);
      s70.intoArray(out, out0 + 14 * Lanes.COUNT);
      s71.intoArray(out, out0 + 15 * Lanes.COUNT);
    }
  }

  /**
   * The same for the first COUNT tokens of the tile only; the others keep what they have.
   *
   * @param w element (r, k) is at {@code w0 + r * stride + k * step}
   */
  static void half(
      float[] out,
      int out0,
      float[] w,
      int w0,
      int stride,
      int step,
      int rows,
      float[] x,
      int x0,
      int depth) {
    int w1 = rows > 1 ? w0 + stride : w0;
    int w2 = rows > 2 ? w0 + 2 * stride : w0;
    int w3 = rows > 3 ? w0 + 3 * stride : w0;
    int w4 = rows > 4 ? w0 + 4 * stride : w0;
    int w5 = rows > 5 ? w0 + 5 * stride : w0;
    int w6 = rows > 6 ? w0 + 6 * stride : w0;
    int w7 = rows > 7 ? w0 + 7 * stride : w0;
    FloatVector s0 = load(out, out0);
    FloatVector s1 = load(out, out0 + WIDTH);
    FloatVector s2 = load(out, out0 + 2 * WIDTH);
    FloatVector s3 = load(out, out0 + 3 * WIDTH);
    FloatVector s4 = load(out, out0 + 4 * WIDTH);
    FloatVector s5 = load(out, out0 + 5 * WIDTH);
    FloatVector s6 = ROWS > 6 ? load(out, out0 + 6 * WIDTH) : s0;
    FloatVector s7 = ROWS > 6 ? load(out, out0 + 7 * WIDTH) : s0;
    int at = 0;
    int column = x0;
    for (int k = 0; k < depth; k++) {
      FloatVector tokens = load(x, column);
      s0 = broadcast(w, w0 + at).fma(tokens, s0);
      s1 = broadcast(w, w1 + at).fma(tokens, s1);
      s2 = broadcast(w, w2 + at).fma(tokens, s2);
      s3 = broadcast(w, w3 + at).fma(tokens, s3);
      s4 = broadcast(w, w4 + at).fma(tokens, s4);
      s5 = broadcast(w, w5 + at).fma(tokens, s5);
      if (ROWS > 6) {
        s6 = broadcast(w, w6 + at).fma(tokens, s6);
        s7 = broadcast(w, w7 + at).fma(tokens, s7);
      }
      at += step;
      column += WIDTH;
    }
    s0.intoArray(out, out0);
    s1.intoArray(out, out0 + WIDTH);
    s2.intoArray(out, out0 + 2 * WIDTH);
    s3.intoArray(out, out0 + 3 * WIDTH);
    s4.intoArray(out, out0 + 4 * WIDTH);
    s5.intoArray(out, out0 + 5 * WIDTH);
    if (ROWS > 6) {
      s6.intoArray(out, out0 + 6 * WIDTH);
      s7.intoArray(out, out0 + 7 * WIDTH);
    }
  }

  private static FloatVector broadcast(float[] array, int at) {
    return FloatVector.broadcast(Lanes.F32, array[at]);
  }

  private static FloatVector load(float[] array, int at) {
    return FloatVector.fromArray(Lanes.F32, array, at);
  }
}
