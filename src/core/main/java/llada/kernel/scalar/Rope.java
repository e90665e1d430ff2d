package llada.kernel.scalar;

import llada.tensor.Tensor;

/**
 * Rotary position embedding (Su et al. 2021). Whatever the {@link RopeLayout} of its input, the
 * result is half-split: attention only needs queries and keys to agree.
 */
public final class Rope {
  private Rope() {}

  /**
   * For each head and each pair i below D/2, with angle a = positions[t] * theta^(-2i/D) and the
   * pair's channels (u, v), which are (x[i], x[i + D/2]) in half-split order and (x[2i], x[2i + 1])
   * in interleaved order:
   *
   * <pre>
   *   x[i]       = u * cos a - v * sin a
   *   x[i + D/2] = v * cos a + u * sin a
   * </pre>
   *
   * @param x (T, H * D), rotated in place, half-split afterwards
   * @param positions (T), each a row of the tables
   * @param cos (P, D/2) cosines by position
   * @param sin (P, D/2) sines by position
   * @param layout the order in which {@code x} comes
   */
  public static void forward(Tensor x, int[] positions, Tensor cos, Tensor sin, RopeLayout layout) {
    check(x, positions, cos, sin);
    int half = cos.dim(1);
    int channels = x.dim(1);
    float[] rotated = new float[2 * half]; // a head: its pairs lie where others will be written
    for (int t = 0; t < positions.length; t++) {
      for (int head = 0; head < channels; head += 2 * half) {
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
   * i and i + D/2 goes to the pair's channels in {@code layout} as
   *
   * <pre>
   *   first  = u * cos a + v * sin a
   *   second = v * cos a - u * sin a
   * </pre>
   *
   * @param dx (T, H * D), in place: the gradient of what {@link #forward} gave, half-split, then of
   *     what it got, in {@code layout}
   */
  public static void backward(
      Tensor dx, int[] positions, Tensor cos, Tensor sin, RopeLayout layout) {
    check(dx, positions, cos, sin);
    int half = cos.dim(1);
    int channels = dx.dim(1);
    float[] rotated = new float[2 * half];
    for (int t = 0; t < positions.length; t++) {
      for (int head = 0; head < channels; head += 2 * half) {
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
   * Fills the tables as the published code does: frequencies and angles rounded to float32, which
   * shows at positions in the thousands.
   *
   * @param cos (P, D/2), overwritten
   * @param sin (P, D/2), overwritten
   * @param theta the base, {@code rope_theta} of the configuration
   */
  public static void fillTables(Tensor cos, Tensor sin, double theta) {
    int positions = cos.dim(0);
    int half = cos.dim(1);
    for (int i = 0; i < half; i++) {
      float frequency = 1f / (float) Math.pow(theta, (float) (2 * i) / (2 * half));
      for (int p = 0; p < positions; p++) {
        float angle = p * frequency;
        cos.set((long) p * half + i, (float) Math.cos(angle));
        sin.set((long) p * half + i, (float) Math.sin(angle));
      }
    }
  }

  /** x holds whole heads and the tables hold every position. */
  public static void check(Tensor x, int[] positions, Tensor cos, Tensor sin) {
    Require.rank2("rope", "cos", cos);
    Require.matrix("rope", "sin", sin, cos.shape().dim(0), cos.shape().dim(1));
    Require.rank2("rope", "x", x);
    Require.matrix("rope", "x", x, positions.length, x.shape().dim(1));
    if (x.shape().dim(1) % (2 * cos.shape().dim(1)) != 0) {
      throw new IllegalArgumentException(
          "rope: x is %s, which is no whole number of heads of %d"
              .formatted(x.shape(), 2 * cos.shape().dim(1)));
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
