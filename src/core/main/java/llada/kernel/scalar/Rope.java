package llada.kernel.scalar;

import llada.tensor.Tensor;

/**
 * Rotary position embedding (Su et al. 2021). Whatever the {@link RopeLayout} of its input, the
 * result is half-split: attention only needs queries and keys to agree. Where R of the D channels
 * of a head are rotary, these are the first ones, and the rest stay as they are.
 */
public final class Rope {
  private Rope() {}

  /**
   * For each head and each pair i below R/2, with angle a = positions[t] * frequency i and the
   * pair's channels (u, v), which are (x[i], x[i + R/2]) in half-split order and (x[2i], x[2i + 1])
   * in interleaved order:
   *
   * <pre>
   *   x[i]       = u * cos a - v * sin a
   *   x[i + R/2] = v * cos a + u * sin a
   * </pre>
   *
   * @param x (T, H * D), rotated in place, half-split afterwards
   * @param positions (T), each a row of the tables
   */
  public static void forward(Tensor x, int[] positions, RopeTables tables) {
    check(x, positions, tables);
    Tensor cos = tables.cos();
    Tensor sin = tables.sin();
    RopeLayout layout = tables.layout();
    int half = cos.dim(1);
    int channels = x.dim(1);
    float[] rotated = new float[2 * half]; // a head: its pairs lie where others will be written
    for (int t = 0; t < positions.length; t++) {
      for (int head = 0; head < channels; head += tables.headDim()) {
        long start = (long) t * channels + head;
        for (int i = 0; i < half; i++) {
          float c = cos.get((long) positions[t] * half + i);
          float s = sin.get((long) positions[t] * half + i);
          float u = x.get(start + layout.first(i, half));
          float v = x.get(start + layout.second(i, half));
          rotated[i] = u * c - v * s;
          rotated[i + half] = v * c + u * s;
        }
        for (int i = 0; i < 2 * half; i++) {
          x.set(start + i, rotated[i]);
        }
      }
    }
  }

  /**
   * The derivative of a rotation is the rotation back: a gradient (u, v) at the half-split channels
   * i and i + R/2 goes to the pair's channels in {@code layout} as
   *
   * <pre>
   *   first  = u * cos a + v * sin a
   *   second = v * cos a - u * sin a
   * </pre>
   *
   * @param dx (T, H * D), in place: the gradient of what {@link #forward} gave, half-split, then of
   *     what it got, in {@code layout}
   */
  public static void backward(Tensor dx, int[] positions, RopeTables tables) {
    check(dx, positions, tables);
    Tensor cos = tables.cos();
    Tensor sin = tables.sin();
    RopeLayout layout = tables.layout();
    int half = cos.dim(1);
    int channels = dx.dim(1);
    float[] rotated = new float[2 * half];
    for (int t = 0; t < positions.length; t++) {
      for (int head = 0; head < channels; head += tables.headDim()) {
        long start = (long) t * channels + head;
        for (int i = 0; i < half; i++) {
          float c = cos.get((long) positions[t] * half + i);
          float s = sin.get((long) positions[t] * half + i);
          float u = dx.get(start + i);
          float v = dx.get(start + i + half);
          rotated[layout.first(i, half)] = u * c + v * s;
          rotated[layout.second(i, half)] = v * c - u * s;
        }
        for (int i = 0; i < 2 * half; i++) {
          dx.set(start + i, rotated[i]);
        }
      }
    }
  }

  /**
   * Frequency i is theta^(-2i/R), rounded to float32 as in the published code.
   *
   * @param theta the base, {@code rope_theta} of the configuration
   * @param rotary R
   * @return (R/2)
   */
  public static float[] frequencies(double theta, int rotary) {
    float[] frequencies = new float[rotary / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = 1f / (float) Math.pow(theta, (float) (2 * i) / rotary);
    }
    return frequencies;
  }

  /**
   * Fills the tables as the published code does: frequencies and angles rounded to float32, which
   * shows at positions in the thousands.
   *
   * @param cos (P, R/2), overwritten
   * @param sin (P, R/2), overwritten
   * @param frequencies (R/2)
   */
  public static void fillTables(Tensor cos, Tensor sin, float[] frequencies) {
    int half = cos.dim(1);
    if (frequencies.length != half) {
      throw new IllegalArgumentException(
          "rope tables: %d frequencies for tables of %d".formatted(frequencies.length, half));
    }
    for (int i = 0; i < half; i++) {
      for (int p = 0; p < cos.dim(0); p++) {
        float angle = p * frequencies[i];
        cos.set((long) p * half + i, (float) Math.cos(angle));
        sin.set((long) p * half + i, (float) Math.sin(angle));
      }
    }
  }

  /** The same for frequencies that follow from theta alone. */
  public static void fillTables(Tensor cos, Tensor sin, double theta) {
    fillTables(cos, sin, frequencies(theta, 2 * cos.dim(1)));
  }

  /** x holds whole heads, the tables hold every position, and no head is shorter than they need. */
  public static void check(Tensor x, int[] positions, RopeTables tables) {
    Tensor cos = tables.cos();
    int headDim = tables.headDim();
    Require.rank2("rope", "cos", cos);
    Require.matrix("rope", "sin", tables.sin(), cos.shape().dim(0), cos.shape().dim(1));
    Require.rank2("rope", "x", x);
    Require.matrix("rope", "x", x, positions.length, x.shape().dim(1));
    if (headDim < 1 || x.shape().dim(1) % headDim != 0) {
      throw new IllegalArgumentException(
          "rope: x is %s, which is no whole number of heads of %d".formatted(x.shape(), headDim));
    }
    if (2 * cos.shape().dim(1) > headDim) {
      throw new IllegalArgumentException(
          "rope: the tables turn %d channels of heads of %d"
              .formatted(2 * cos.shape().dim(1), headDim));
    }
    for (int position : positions) {
      if (position < 0 || position >= cos.shape().dim(0)) {
        throw new IllegalArgumentException(
            "rope: position %d is outside the table of %d positions"
                .formatted(position, cos.shape().dim(0)));
      }
    }
  }
}
