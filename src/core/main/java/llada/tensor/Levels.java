package llada.tensor;

/** What the codes of four bits stand for in the types whose steps are not even. */
public final class Levels {
  static final byte[] IQ4 = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  /** Twice the values of a float with one bit of fraction and two of exponent (E2M1). */
  static final byte[] FP4 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

  private Levels() {}

  /** The 16 levels of IQ4_NL, IQ4_XS or MXFP4, to be multiplied by a scale. */
  public static byte[] of(DType dtype) {
    return switch (dtype) {
      case IQ4_NL, IQ4_XS -> IQ4.clone();
      case MXFP4 -> FP4.clone();
      default -> throw new IllegalArgumentException(dtype + " has even steps");
    };
  }

  /** MXFP4's scale of {@link #FP4}: 2^(exponent - 128), half of what E8M0 means. */
  public static float halfE8M0(int exponent) {
    return Float.intBitsToFloat(exponent < 2 ? 0x0020_0000 << exponent : exponent - 1 << 23);
  }

  /** The levels {@code low} to {@code low + count - 1}. */
  static byte[] even(int low, int count) {
    byte[] levels = new byte[count];
    for (int code = 0; code < count; code++) {
      levels[code] = (byte) (low + code);
    }
    return levels;
  }
}
