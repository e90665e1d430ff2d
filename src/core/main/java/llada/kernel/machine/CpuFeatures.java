package llada.kernel.machine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * What the processor has and the system lets programs use, asked by CPUID and XGETBV.
 *
 * @param avx2 256-bit vectors with multiply-add and float16 conversion
 * @param avxVnni vpdpbusd at 256 bits without AVX-512
 * @param avx512 512-bit vectors (F, BW, DQ, VL)
 * @param avx512Vnni vpdpbusd at 512 bits
 * @param avx512Bf16 vdpbf16ps at 512 bits
 */
record CpuFeatures(
    boolean avx2, boolean avxVnni, boolean avx512, boolean avx512Vnni, boolean avx512Bf16) {
  private static final int YMM_STATE = 0b110;
  private static final int ZMM_STATE = 0b1110_0110;

  private static Optional<CpuFeatures> here = Optional.empty();

  /**
   * Asks this machine, once in a process.
   *
   * @throws MachineException where no machine code can run
   */
  static synchronized CpuFeatures detect() {
    if (here.isEmpty()) {
      here = Optional.of(ask());
    }
    return here.get();
  }

  private static CpuFeatures ask() {
    CodePage.Code cpuid = CodePage.map(cpuidCode());
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment block = arena.allocate(4 * Integer.BYTES, 8);
      int[] highest = cpuid(cpuid, block, 0, 0);
      int[] one = cpuid(cpuid, block, 1, 0);
      boolean saves = bit(one[2], 27); // OSXSAVE: XGETBV may be used
      if (!saves || highest[0] < 7) {
        return new CpuFeatures(false, false, false, false, false);
      }
      CodePage.map(xgetbvCode()).run(block);
      int state = block.get(ValueLayout.JAVA_INT, 0);
      int[] seven = cpuid(cpuid, block, 7, 0);
      int[] more = seven[0] >= 1 ? cpuid(cpuid, block, 7, 1) : new int[4];
      boolean ymm = (state & YMM_STATE) == YMM_STATE;
      boolean zmm = (state & ZMM_STATE) == ZMM_STATE;
      boolean avx2 = ymm && bit(one[2], 12) && bit(one[2], 29) && bit(seven[1], 5);
      boolean avx512 =
          avx2
              && zmm
              && bit(seven[1], 16)
              && bit(seven[1], 17)
              && bit(seven[1], 30)
              && bit(seven[1], 31);
      return new CpuFeatures(
          avx2,
          avx2 && bit(more[0], 4),
          avx512,
          avx512 && bit(seven[2], 11),
          avx512 && bit(more[0], 5));
    }
  }

  private static boolean bit(int word, int number) {
    return (word >>> number & 1) == 1;
  }

  /** EAX, EBX, ECX, EDX. */
  private static int[] cpuid(CodePage.Code code, MemorySegment block, int leaf, int subleaf) {
    block.set(ValueLayout.JAVA_INT, 0, leaf);
    block.set(ValueLayout.JAVA_INT, 4, subleaf);
    code.run(block);
    return block.toArray(ValueLayout.JAVA_INT);
  }

  private static Assembler cpuidCode() {
    Assembler a = new Assembler();
    a.push(Gpr.RBX); // callee-saved, and CPUID writes to it
    a.mov32(Gpr.RAX, Gpr.RDI.at(0));
    a.mov32(Gpr.RCX, Gpr.RDI.at(4));
    a.cpuid();
    a.mov32(Gpr.RDI.at(0), Gpr.RAX);
    a.mov32(Gpr.RDI.at(4), Gpr.RBX);
    a.mov32(Gpr.RDI.at(8), Gpr.RCX);
    a.mov32(Gpr.RDI.at(12), Gpr.RDX);
    a.pop(Gpr.RBX);
    a.ret();
    return a;
  }

  private static Assembler xgetbvCode() {
    Assembler a = new Assembler();
    a.mov(Gpr.RCX, 0);
    a.xgetbv();
    a.mov32(Gpr.RDI.at(0), Gpr.RAX);
    a.ret();
    return a;
  }
}
