package llada.kernel.machine;

/**
 * A vector register.
 *
 * @param number 0 to 31; 0 to 15 where instructions are VEX-encoded
 * @param bits 128, 256 or 512
 */
record Vec(int number, int bits) {
  static Vec xmm(int number) {
    return new Vec(number, 128);
  }

  static Vec ymm(int number) {
    return new Vec(number, 256);
  }

  static Vec zmm(int number) {
    return new Vec(number, 512);
  }

  /** The same register at another width. */
  Vec as(int width) {
    return new Vec(number, width);
  }

  @Override
  public String toString() {
    return (bits == 512 ? "zmm" : bits == 256 ? "ymm" : "xmm") + number;
  }
}
