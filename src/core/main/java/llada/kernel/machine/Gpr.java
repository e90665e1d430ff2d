package llada.kernel.machine;

import java.util.Locale;

/** The general registers, by the numbers that encode them. */
enum Gpr {
  RAX(0),
  RCX(1),
  RDX(2),
  RBX(3),
  RSP(4),
  RBP(5),
  RSI(6),
  RDI(7),
  R8(8),
  R9(9),
  R10(10),
  R11(11),
  R12(12),
  R13(13),
  R14(14),
  R15(15);

  private final int number;

  Gpr(int number) {
    this.number = number;
  }

  int number() {
    return number;
  }

  /** The upper bit of the number, which a prefix carries. */
  int high() {
    return number >> 3;
  }

  /** The lower three bits, which ModRM or SIB carries. */
  int low() {
    return number & 7;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The name of its lower 32 bits. */
  String lower() {
    return number < 8 ? "e" + toString().substring(1) : this + "d";
  }

  /** Memory at this register plus {@code offset} bytes. */
  Mem at(int offset) {
    return new Mem(this, offset, false);
  }

  /** One 32-bit number there, for every lane. */
  Mem all(int offset) {
    return new Mem(this, offset, true);
  }
}
