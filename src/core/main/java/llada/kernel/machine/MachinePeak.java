package llada.kernel.machine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalDouble;
import llada.kernel.Parallel;

/**
 * The limits of the machine by {@link PeakCode}, measured on all workers: the best of several
 * rounds, since whatever else runs can only slow one down. What this processor or system cannot run
 * is empty.
 */
public final class MachinePeak {
  private static final int ROUNDS = 64;
  private static final int PIECES_PER_WORKER = 16;

  /** A fraction of a millisecond a piece. */
  private static final int STEPS = 1 << 16;

  /** Bytes that a piece reads. */
  private static final long SLICE = 4L << 20;

  private MachinePeak() {}

  /**
   * Float32 multiply-adds, in GFLOP/s, each being two operations.
   *
   * @param widest whether at the widest vectors, or else at 256 bits of a machine with wider ones
   */
  public static OptionalDouble fmaGflops(Parallel parallel, boolean widest) {
    return measure(parallel, Op.VFMADD231PS, 1, widest);
  }

  /** vpmaddubsw and the 16-bit addition of its sums, in 10^9 operations a second. */
  public static OptionalDouble maddGops(Parallel parallel) {
    return measure(parallel, Op.VPMADDUBSW, 4, true);
  }

  /** vpdpbusd, in 10^9 operations a second, a multiply-add being two. */
  public static OptionalDouble vnniGops(Parallel parallel) {
    return measure(parallel, Op.VPDPBUSD, 4, true);
  }

  /** vdpbf16ps, in GFLOP/s. */
  public static OptionalDouble bf16Gflops(Parallel parallel) {
    return measure(parallel, Op.VDPBF16PS, 2, true);
  }

  private static OptionalDouble measure(Parallel parallel, Op op, int pairs, boolean widest) {
    try (Arena arena = Arena.ofShared()) {
      Program program = Program.of(CpuFeatures.detect());
      int bits = widest ? program.bits() : 256;
      if (op == Op.VPDPBUSD && !program.vnni()
          || op == Op.VDPBF16PS && !program.bf16()
          || !widest && program.bits() == bits) {
        return OptionalDouble.empty();
      }
      CodePage.Code code = program.code(Program.peak(op, bits));
      MemorySegment arguments = arena.allocate(PeakCode.ARGUMENTS, 8);
      Block.set(arguments, PeakCode.ROUNDS, STEPS);
      int pieces = PIECES_PER_WORKER * parallel.workers();
      double operations =
          2.0 * pairs * bits / 32 * PeakCode.instructions(bits) * STEPS * (double) pieces;
      return best(operations, () -> parallel.forEach(pieces, (_, _) -> code.run(arguments)));
    } catch (MachineException _) {
      return OptionalDouble.empty();
    }
  }

  /**
   * Reading memory, in GB/s of 10^9 bytes.
   *
   * @param memory native, written to, and far more than the caches hold
   */
  public static OptionalDouble readGbps(Parallel parallel, MemorySegment memory) {
    try (Arena arena = Arena.ofShared()) {
      CodePage.Code code = Program.of(CpuFeatures.detect()).code(Program.READ);
      int slices = Math.toIntExact(memory.byteSize() / SLICE);
      MemorySegment all = arena.allocate((long) slices * PeakCode.ARGUMENTS, 8);
      MemorySegment[] arguments = new MemorySegment[slices];
      for (int i = 0; i < slices; i++) {
        arguments[i] = all.asSlice((long) i * PeakCode.ARGUMENTS, PeakCode.ARGUMENTS);
        Block.set(arguments[i], PeakCode.ROUNDS, SLICE / PeakCode.READ);
        Block.set(arguments[i], PeakCode.ADDRESS, memory.address() + i * SLICE);
      }
      return best(
          (double) slices * SLICE,
          () -> parallel.forEach(slices, (index, _) -> code.run(arguments[index])));
    } catch (MachineException _) {
      return OptionalDouble.empty();
    }
  }

  /** Billions of {@code work} a second in the fastest round. */
  private static OptionalDouble best(double work, Runnable round) {
    long shortest = Long.MAX_VALUE;
    long begin = System.nanoTime();
    for (int i = 0; i < ROUNDS && (i < 8 || System.nanoTime() - begin < 500_000_000); i++) {
      long before = System.nanoTime();
      round.run();
      shortest = Math.min(shortest, System.nanoTime() - before);
    }
    return OptionalDouble.of(work / Math.max(1, shortest));
  }
}
