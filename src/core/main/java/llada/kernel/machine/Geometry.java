package llada.kernel.machine;

/**
 * The sizes on which all kernels of a machine agree. They are constants in the code, so that
 * addresses need one register.
 *
 * @param bits width of a vector register
 * @param vectors vectors of tokens in a panel, 1 or 2; a panel is multiplied in one go
 */
record Geometry(int bits, int vectors) {
  /** Channels that are multiplied before the next are expanded: quantised weights. */
  static final int INT8_DEPTH = 512;

  /** The same for float32 and bfloat16 weights. */
  static final int FLOAT_DEPTH = 256;

  /** Channels that share one scale of an activation. */
  static final int CHUNK = 256;

  /** Bytes from one expanded row of 8-bit weights to the next. */
  static final int INT8_STRIDE = INT8_DEPTH;

  /** The most bytes from one row of scales to the next; {@link WeightForm#scaleStride} has each. */
  static final int SCALE_STRIDE = 256;

  /** Tokens in a vector. */
  int lanes() {
    return bits / 32;
  }

  /** Tokens in a panel. */
  int width() {
    return lanes() * vectors;
  }

  /** Bytes of one number for each token of a panel. */
  int step() {
    return 4 * width();
  }

  boolean wide() {
    return bits == 512;
  }

  /** Weight rows of an 8-bit tile: as many as leave room for integer and float sums. */
  int int8Rows() {
    return (wide() ? 14 : 6) / vectors;
  }

  /** Weight rows of a float tile, which has one set of sums. */
  int floatRows() {
    return (wide() ? 28 : 12) / vectors;
  }

  /** Weight rows in a block: whole tiles of either kind, and whole squares to transpose. */
  int blockRows() {
    return wide() ? 112 : 96;
  }

  Vec vec(int number) {
    return new Vec(number, bits);
  }
}
