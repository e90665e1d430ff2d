package llada.kernel.machine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * A small x86-64 assembler: every method appends one instruction, and its text to the listing.
 *
 * <p>A vector instruction is VEX-encoded where its registers are at most 256 bits wide and EVEX
 * where they have 512. Both say the same: which opcode map, which of 16 or 32 registers, how wide.
 * EVEX adds the upper 16 registers, broadcasts of a memory operand, and one-byte offsets counted in
 * operands instead of bytes. Source: Intel SDM volume 2, chapter 2.
 *
 * <p>Only what the kernels need is here: addresses are a base register and an offset.
 */
final class Assembler {
  /** What a jump asks of the last comparison, by its number in the opcode. */
  enum Condition {
    NOT_EQUAL("jne", 5),
    ABOVE("ja", 7);

    final String mnemonic;
    final int code;

    Condition(String mnemonic, int code) {
      this.mnemonic = mnemonic;
      this.code = code;
    }
  }

  /** An instruction's place and the parts of its text, joined only when someone asks. */
  private record Line(int at, Object[] parts) {}

  private byte[] code = new byte[1024];
  private int size;
  private final List<Line> listing = new ArrayList<>();
  private final List<Label> labels = new ArrayList<>();

  // ---- vector instructions ----

  /** dst = op(a, b). */
  void op(Op op, Vec dst, Vec a, Vec b) {
    note(op, dst, a, ", ", b);
    vector(op, dst.bits(), dst.number(), a.number(), b.number(), null);
  }

  /** dst = op(a, memory). */
  void op(Op op, Vec dst, Vec a, Mem b) {
    note(op, dst, a, ", ", b);
    vector(op, dst.bits(), dst.number(), a.number(), -1, b);
  }

  /** dst = op(memory) in the elements that a mask register names; the others stay. EVEX only. */
  void masked(Op op, Vec dst, int mask, Mem a) {
    note(op, dst, "k" + mask, ", ", a);
    vector(op, dst.bits(), dst.number(), 0, -1, a, mask);
  }

  /** dst = op(a, b, immediate). */
  void op(Op op, Vec dst, Vec a, Vec b, int immediate) {
    note(op, dst, a, ", ", b, ", ", immediate);
    vector(op, dst.bits(), dst.number(), a.number(), b.number(), null);
    emit(immediate);
  }

  /** dst = op(a, memory, immediate). */
  void op(Op op, Vec dst, Vec a, Mem b, int immediate) {
    note(op, dst, a, ", ", b, ", ", immediate);
    vector(op, dst.bits(), dst.number(), a.number(), -1, b);
    emit(immediate);
  }

  /** dst = op(a). Where the two differ in width, the wider one says how wide op is. */
  void op(Op op, Vec dst, Vec a) {
    note(op, dst, a);
    vector(op, Math.max(dst.bits(), a.bits()), dst.number(), 0, a.number(), null);
  }

  /** dst = op(memory): a load. */
  void op(Op op, Vec dst, Mem a) {
    note(op, dst, a);
    vector(op, dst.bits(), dst.number(), 0, -1, a);
  }

  /** dst = op(a, immediate): a shift. */
  void shift(Op op, Vec dst, Vec a, int count) {
    note(op, dst, a, ", ", count);
    vector(op, dst.bits(), op.digit, dst.number(), a.number(), null);
    emit(count);
  }

  /** memory = a. */
  void store(Op op, Mem to, Vec a) {
    line(op.mnemonic(a.bits() == 512), " ", to, ", ", a);
    vector(op, a.bits(), a.number(), 0, -1, to);
  }

  /** dst = the lower 32 bits of a; the rest 0. */
  void vmovd(Vec dst, Gpr a) {
    line("vmovd ", dst, ", ", a.lower());
    vex(1, 1, 0, 128, dst.number(), 0, a.number(), null);
    emit(0x6E);
    emit(0xC0 | (dst.number() & 7) << 3 | a.low());
  }

  /** dst = a; the rest 0. */
  void vmovq(Vec dst, Gpr a) {
    line("vmovq ", dst, ", ", a);
    vex(1, 1, 1, 128, dst.number(), 0, a.number(), null);
    emit(0x6E);
    emit(0xC0 | (dst.number() & 7) << 3 | a.low());
  }

  /** A mask register = a. */
  void kmov(int mask, Gpr a) {
    line("kmovq k", mask, ", ", a);
    vex(1, Op.Prefix.F2, 1, 128, mask, 0, a.number(), null);
    emit(0x92);
    emit(0xC0 | mask << 3 | a.low());
  }

  void vzeroupper() {
    line("vzeroupper");
    emit(0xC5, 0xF8, 0x77);
  }

  private void note(Op op, Vec dst, Object... operands) {
    Object[] parts = new Object[4 + operands.length];
    parts[0] = op.mnemonic(dst.bits() == 512);
    parts[1] = " ";
    parts[2] = dst;
    parts[3] = ", ";
    System.arraycopy(operands, 0, parts, 4, operands.length);
    line(parts);
  }

  /** Prefix, opcode and operands; rm is a register number, or -1 for memory. */
  private void vector(Op op, int bits, int reg, int second, int rm, Mem memory) {
    vector(op, bits, reg, second, rm, memory, 0);
  }

  private void vector(Op op, int bits, int reg, int second, int rm, Mem memory, int mask) {
    boolean evex = bits == 512;
    if (!evex && memory != null && memory.broadcast()) {
      throw new IllegalArgumentException(op + " at " + bits + " bits has no broadcast operand");
    }
    if (evex) {
      evex(op, reg, second, rm, memory, mask);
    } else {
      vex(op.map, op.prefix, 0, bits, reg, second, rm, memory);
    }
    emit(op.opcode);
    if (memory == null) {
      emit(0xC0 | (reg & 7) << 3 | rm & 7);
    } else {
      address(reg, memory, evex ? op.memoryBytes(bits, memory.broadcast()) : 1);
    }
  }

  /** The three bytes of VEX; register bits are stored inverted. */
  private void vex(int map, int prefix, int w, int bits, int reg, int second, int rm, Mem memory) {
    if (reg > 15 || second > 15 || rm > 15) {
      throw new IllegalArgumentException("VEX reaches registers 0 to 15 only");
    }
    int base = memory == null ? rm >> 3 & 1 : memory.base().high();
    emit(0xC4);
    emit((~reg >> 3 & 1) << 7 | 1 << 6 | (1 - base) << 5 | map);
    emit(w << 7 | (~second & 15) << 3 | (bits == 256 ? 1 << 2 : 0) | prefix);
  }

  /** The four bytes of EVEX at 512 bits; mask 0 is none. */
  private void evex(Op op, int reg, int second, int rm, Mem memory, int mask) {
    int base = memory == null ? rm >> 3 & 1 : memory.base().high();
    int upper = memory == null ? rm >> 4 & 1 : 0;
    emit(0x62);
    emit((~reg >> 3 & 1) << 7 | (1 - upper) << 6 | (1 - base) << 5 | (~reg >> 4 & 1) << 4 | op.map);
    emit((~second & 15) << 3 | 1 << 2 | op.prefix);
    int broadcast = memory != null && memory.broadcast() ? 1 : 0;
    emit(2 << 5 | broadcast << 4 | (~second >> 4 & 1) << 3 | mask);
  }

  /** ModRM, SIB and offset; a one-byte offset counts {@code unit} bytes. */
  private void address(int reg, Mem memory, int unit) {
    int low = memory.base().low();
    int offset = memory.offset();
    boolean shortOffset = offset % unit == 0 && offset / unit == (byte) (offset / unit);
    // Register 5 (rbp, r13) without an offset would mean something else.
    int mode = offset == 0 && low != 5 ? 0 : shortOffset ? 1 : 2;
    emit(mode << 6 | (reg & 7) << 3 | low);
    if (low == 4) {
      emit(0x24); // rsp and r12 are only reached through SIB
    }
    if (mode == 1) {
      emit(offset / unit);
    } else if (mode == 2) {
      emit32(offset);
    }
  }

  // ---- general registers, 64 bits ----

  void mov(Gpr dst, Gpr a) {
    line("mov ", dst, ", ", a);
    registers(0x89, a, dst);
  }

  /** dst = a 32-bit number without sign. */
  void mov(Gpr dst, int value) {
    line("mov ", dst.lower(), ", ", Integer.toUnsignedString(value));
    if (dst.high() == 1) {
      emit(0x41);
    }
    emit(0xB8 | dst.low());
    emit32(value);
  }

  /** dst = the 64 bits there. */
  void mov(Gpr dst, Mem a) {
    line("mov ", dst, ", ", a);
    emit(0x48 | dst.high() << 2 | a.base().high());
    emit(0x8B);
    address(dst.low(), a, 1);
  }

  /** a goes to memory. */
  void mov(Mem to, Gpr a) {
    line("mov ", to, ", ", a);
    emit(0x48 | a.high() << 2 | to.base().high());
    emit(0x89);
    address(a.low(), to, 1);
  }

  /** The lower 32 bits of a go to memory. */
  void mov32(Mem to, Gpr a) {
    line("mov dword ", to, ", ", a.lower());
    emit(0x40 | a.high() << 2 | to.base().high());
    emit(0x89);
    address(a.low(), to, 1);
  }

  /** dst = the 32 bits there, the rest 0. */
  void mov32(Gpr dst, Mem a) {
    line("mov ", dst.lower(), ", dword ", a);
    emit(0x40 | dst.high() << 2 | a.base().high());
    emit(0x8B);
    address(dst.low(), a, 1);
  }

  /** dst = the 16 bits there, the rest 0. */
  void movzx16(Gpr dst, Mem a) {
    line("movzx ", dst, ", word ", a);
    emit(0x48 | dst.high() << 2 | a.base().high());
    emit(0x0F, 0xB7);
    address(dst.low(), a, 1);
  }

  void add(Gpr dst, Gpr a) {
    line("add ", dst, ", ", a);
    registers(0x01, a, dst);
  }

  void add(Gpr dst, int value) {
    line("add ", dst, ", ", value);
    immediate(0, dst, value);
  }

  /** dst += the 64 bits there. */
  void add(Gpr dst, Mem a) {
    line("add ", dst, ", ", a);
    emit(0x48 | dst.high() << 2 | a.base().high());
    emit(0x03);
    address(dst.low(), a, 1);
  }

  void sub(Gpr dst, int value) {
    line("sub ", dst, ", ", value);
    immediate(5, dst, value);
  }

  void sub(Gpr dst, Gpr a) {
    line("sub ", dst, ", ", a);
    registers(0x29, a, dst);
  }

  void and(Gpr dst, int value) {
    line("and ", dst, ", ", value);
    immediate(4, dst, value);
  }

  void or(Gpr dst, Gpr a) {
    line("or ", dst, ", ", a);
    registers(0x09, a, dst);
  }

  void cmp(Gpr a, int value) {
    line("cmp ", a, ", ", value);
    immediate(7, a, value);
  }

  void shl(Gpr dst, int count) {
    line("shl ", dst, ", ", count);
    emit(0x48 | dst.high(), 0xC1, 0xC0 | 4 << 3 | dst.low(), count);
  }

  void shr(Gpr dst, int count) {
    line("shr ", dst, ", ", count);
    emit(0x48 | dst.high(), 0xC1, 0xC0 | 5 << 3 | dst.low(), count);
  }

  /** The line there to the cache of a level, 1 or 2; an address that is none is no error. */
  void prefetch(Mem a, int level) {
    line("prefetcht", level - 1, " ", a);
    if (a.base().high() == 1) {
      emit(0x41);
    }
    emit(0x0F, 0x18);
    address(level, a, 1);
  }

  void push(Gpr a) {
    line("push ", a);
    if (a.high() == 1) {
      emit(0x41);
    }
    emit(0x50 | a.low());
  }

  void pop(Gpr a) {
    line("pop ", a);
    if (a.high() == 1) {
      emit(0x41);
    }
    emit(0x58 | a.low());
  }

  void ret() {
    line("ret");
    emit(0xC3);
  }

  void cpuid() {
    line("cpuid");
    emit(0x0F, 0xA2);
  }

  void xgetbv() {
    line("xgetbv");
    emit(0x0F, 0x01, 0xD0);
  }

  private void registers(int opcode, Gpr reg, Gpr rm) {
    emit(0x48 | reg.high() << 2 | rm.high(), opcode, 0xC0 | reg.low() << 3 | rm.low());
  }

  private void immediate(int digit, Gpr dst, int value) {
    boolean small = value == (byte) value;
    emit(0x48 | dst.high(), small ? 0x83 : 0x81, 0xC0 | digit << 3 | dst.low());
    if (small) {
      emit(value);
    } else {
      emit32(value);
    }
  }

  // ---- jumps ----

  /** The next instruction is where {@code label} points to. */
  void bind(Label label) {
    label.at = size;
    labels.add(label);
    line(label.name, ":");
  }

  void jump(Condition condition, Label label) {
    line(condition.mnemonic, " ", label.name);
    emit(0x0F, 0x80 | condition.code);
    label.uses.add(size);
    labels.add(label);
    emit32(0);
  }

  void jump(Label label) {
    line("jmp ", label.name);
    emit(0xE9);
    label.uses.add(size);
    labels.add(label);
    emit32(0);
  }

  // ---- result ----

  /** The code, with all jumps resolved. */
  byte[] toBytes() {
    for (Label label : labels) {
      if (label.at < 0) {
        throw new IllegalStateException("label " + label.name + " was never bound");
      }
      for (int use : label.uses) {
        int distance = label.at - (use + 4);
        for (int i = 0; i < 4; i++) {
          code[use + i] = (byte) (distance >> 8 * i);
        }
      }
    }
    return Arrays.copyOf(code, size);
  }

  /** Offset, bytes and text of each instruction. */
  String listing() {
    byte[] bytes = toBytes();
    StringBuilder text = new StringBuilder();
    HexFormat hex = HexFormat.ofDelimiter(" ");
    for (int i = 0; i < listing.size(); i++) {
      Line line = listing.get(i);
      int end = i + 1 < listing.size() ? listing.get(i + 1).at() : size;
      if (end > line.at()) { // a label takes no bytes
        text.append("%6x  %-34s ".formatted(line.at(), hex.formatHex(bytes, line.at(), end)));
      }
      for (Object part : line.parts()) {
        text.append(part);
      }
      text.append(System.lineSeparator());
    }
    return text.toString();
  }

  private void line(Object... parts) {
    listing.add(new Line(size, parts));
  }

  private void emit(int... bytes) {
    for (int b : bytes) {
      if (size == code.length) {
        code = Arrays.copyOf(code, 2 * size);
      }
      code[size++] = (byte) b;
    }
  }

  private void emit32(int value) {
    emit(value, value >> 8, value >> 16, value >> 24);
  }
}
