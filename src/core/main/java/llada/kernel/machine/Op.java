package llada.kernel.machine;

import java.util.Locale;

/**
 * The vector instructions in use, with what their encoding needs: map and prefix (written as the
 * manuals do), opcode, and the digit in ModRM of those that take an immediate count.
 *
 * <p>Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2. VEX and EVEX
 * forms share these; the few that EVEX names otherwise (vpandd for vpand) have the same opcode.
 */
enum Op {
  VMOVUPS(Map.M0F, Prefix.NONE, 0x10, 0),
  VMOVUPS_STORE(Map.M0F, Prefix.NONE, 0x11, 0),
  VMOVSS_STORE(Map.M0F, Prefix.F3, 0x11, 4),
  VMOVDQU(Map.M0F, Prefix.F3, 0x6F, 0),
  VMOVDQU_STORE(Map.M0F, Prefix.F3, 0x7F, 0),
  VBROADCASTSS(Map.M0F38, Prefix.P66, 0x18, 4),
  VPBROADCASTD(Map.M0F38, Prefix.P66, 0x58, 4),
  VADDPS(Map.M0F, Prefix.NONE, 0x58, 0),
  VSUBPS(Map.M0F, Prefix.NONE, 0x5C, 0),
  VMINPS(Map.M0F, Prefix.NONE, 0x5D, 0),
  VMAXPS(Map.M0F, Prefix.NONE, 0x5F, 0),
  VMULPS(Map.M0F, Prefix.NONE, 0x59, 0),
  VDIVPS(Map.M0F, Prefix.NONE, 0x5E, 0),
  VFMADD213PS(Map.M0F38, Prefix.P66, 0xA8, 0),
  VFMADD231PS(Map.M0F38, Prefix.P66, 0xB8, 0),
  VFNMADD213PS(Map.M0F38, Prefix.P66, 0xAC, 0),
  VFNMADD231PS(Map.M0F38, Prefix.P66, 0xBC, 0),
  VCVTDQ2PS(Map.M0F, Prefix.NONE, 0x5B, 0),
  VCVTPS2DQ(Map.M0F, Prefix.P66, 0x5B, 0),
  VCVTPH2PS(Map.M0F38, Prefix.P66, 0x13, -2),
  VCVTNEPS2BF16(Map.M0F38, Prefix.F3, 0x72, 0),
  VDPBF16PS(Map.M0F38, Prefix.F3, 0x52, 0),
  VPDPBUSD(Map.M0F38, Prefix.P66, 0x50, 0),
  VPMADDUBSW(Map.M0F38, Prefix.P66, 0x04, 0),
  VPSIGNB(Map.M0F38, Prefix.P66, 0x08, 0), // VEX only
  VPABSB(Map.M0F38, Prefix.P66, 0x1C, 0),
  VPMADDWD(Map.M0F, Prefix.P66, 0xF5, 0),
  VPADDW(Map.M0F, Prefix.P66, 0xFD, 0),
  VPSUBW(Map.M0F, Prefix.P66, 0xF9, 0),
  VPADDD(Map.M0F, Prefix.P66, 0xFE, 0),
  VPSUBD(Map.M0F, Prefix.P66, 0xFA, 0),
  VPMULLD(Map.M0F38, Prefix.P66, 0x40, 0),
  VPMAXUD(Map.M0F38, Prefix.P66, 0x3F, 0),
  VPAND(Map.M0F, Prefix.P66, 0xDB, 0),
  VPOR(Map.M0F, Prefix.P66, 0xEB, 0),
  VPXOR(Map.M0F, Prefix.P66, 0xEF, 0),
  VPSRLVD(Map.M0F38, Prefix.P66, 0x45, 0),
  VPROLVD(Map.M0F38, Prefix.P66, 0x15, 0),
  VBROADCASTI32X4(Map.M0F38, Prefix.P66, 0x5A, 16),
  VPERMT2Q(Map.M0F38, Prefix.P66_W, 0x7E, 0),
  VBROADCASTI32X8(Map.M0F38, Prefix.P66, 0x5B, 32),
  VPSLLD(Map.M0F, Prefix.P66, 0x72, 0, 6),
  VPSRLD(Map.M0F, Prefix.P66, 0x72, 0, 2),
  VPSRAD(Map.M0F, Prefix.P66, 0x72, 0, 4),
  VPSLLW(Map.M0F, Prefix.P66, 0x71, 0, 6),
  VPSRAW(Map.M0F, Prefix.P66, 0x71, 0, 4),
  VPSRLW(Map.M0F, Prefix.P66, 0x71, 0, 2),
  VPMOVZXBD(Map.M0F38, Prefix.P66, 0x31, -4),
  VPMOVSXBD(Map.M0F38, Prefix.P66, 0x21, -4),
  VPMOVZXWD(Map.M0F38, Prefix.P66, 0x33, -2),
  VUNPCKLPS(Map.M0F, Prefix.NONE, 0x14, 0),
  VUNPCKHPS(Map.M0F, Prefix.NONE, 0x15, 0),
  VSHUFPS(Map.M0F, Prefix.NONE, 0xC6, 0),
  VSHUFF32X4(Map.M0F3A, Prefix.P66, 0x23, 0),
  VPERM2F128(Map.M0F3A, Prefix.P66, 0x06, 0),
  VPMOVDW(Map.M0F38, Prefix.F3, 0x33, -2), // to memory
  VPINSRW(Map.M0F, Prefix.P66, 0xC4, 2), // a word from memory
  VINSERTI128(Map.M0F3A, Prefix.P66, 0x38, 16);

  /** Opcode maps by their number in VEX and EVEX. */
  static final class Map {
    static final int M0F = 1;
    static final int M0F38 = 2;
    static final int M0F3A = 3;

    private Map() {}
  }

  /** Mandatory prefixes by their number in VEX and EVEX. */
  static final class Prefix {
    static final int NONE = 0;
    static final int P66 = 1;
    static final int F3 = 2;
    static final int F2 = 3;
    static final int P66_W = 0x81; // and the bit W beside it

    private Prefix() {}
  }

  final int map;
  final int prefix;
  final int opcode;
  final int digit;
  private final int memory;
  private final String mnemonic;

  Op(int map, int prefix, int opcode, int memory) {
    this(map, prefix, opcode, memory, -1);
  }

  /**
   * An instruction.
   *
   * @param memory bytes of a memory operand; 0 for a whole vector, -n for an n-th of one
   * @param digit what ModRM holds in the place of a register, or -1
   */
  Op(int map, int prefix, int opcode, int memory, int digit) {
    this.map = map;
    this.prefix = prefix;
    this.opcode = opcode;
    this.memory = memory;
    this.mnemonic = name().toLowerCase(Locale.ROOT).replace("_store", "");
    this.digit = digit;
  }

  /** Bytes of a memory operand beside vectors of this width: EVEX counts short offsets in them. */
  int memoryBytes(int bits, boolean broadcast) {
    if (broadcast) {
      return 4;
    }
    return memory > 0 ? memory : bits / 8 / (memory == 0 ? 1 : -memory);
  }

  String mnemonic(boolean evex) {
    String plain = mnemonic;
    return evex
        ? switch (this) {
          case VPAND, VPOR, VPXOR -> plain.concat("d");
          case VINSERTI128 -> "vinserti32x4";
          case VMOVDQU, VMOVDQU_STORE -> plain.concat("32");
          default -> plain;
        }
        : plain;
  }
}
