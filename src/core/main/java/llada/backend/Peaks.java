package llada.backend;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalDouble;
import llada.kernel.Parallel;
import llada.kernel.machine.MachinePeak;
import llada.kernel.simd.PeakLoop;
import llada.tensor.DType;

/**
 * The limits of this machine, measured on all threads of a pool. What cannot be measured is empty.
 *
 * @param fmaGflops float32 multiply-adds, in GFLOP/s
 * @param vnniGops int8 dot products (AVX-512 VNNI), in 10^9 operations a second
 * @param bf16Gflops bfloat16 dot products (AVX-512 BF16), in GFLOP/s
 * @param memoryGbps reading memory, in 10^9 bytes a second
 */
public record Peaks(
    OptionalDouble fmaGflops,
    OptionalDouble vnniGops,
    OptionalDouble bf16Gflops,
    OptionalDouble memoryGbps) {
  /** Far beyond the last-level cache. */
  private static final long MEMORY_BYTES = 512L << 20;

  /** No limit is known. */
  public static Peaks unknown() {
    OptionalDouble none = OptionalDouble.empty();
    return new Peaks(none, none, none, none);
  }

  /** Measures them, in about two seconds and with half a gigabyte of memory. */
  public static Peaks measure(Parallel parallel) {
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return unknown();
    }
    double fma = PeakLoop.fmaGflops(parallel);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(MEMORY_BYTES, 64);
      double gbps = PeakLoop.readGbps(parallel, memory);
      return new Peaks(
          OptionalDouble.of(fma),
          MachinePeak.vnniGops(parallel),
          MachinePeak.bf16Gflops(parallel),
          OptionalDouble.of(gbps));
    }
  }

  /**
   * The limit of a matrix product: the machine tier multiplies quantised weights as int8 and those
   * of 16 bits as bfloat16, everything else is float32.
   *
   * @param backend name of the backend
   * @param weights their type
   */
  public OptionalDouble matmul(String backend, DType weights) {
    if (backend.equals("machine")) {
      OptionalDouble special =
          weights.blockLength() > 1
              ? vnniGops
              : weights == DType.BF16 || weights == DType.F16 ? bf16Gflops : OptionalDouble.empty();
      if (special.isPresent()) {
        return special;
      }
    }
    return fmaGflops;
  }
}
