package llada.kernel.machine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalDouble;
import llada.kernel.Parallel;

/**
 * The limits of the instructions that the Vector API does not reach, measured on all workers: the
 * best of several rounds of {@link PeakCode}, since whatever else runs can only slow one down.
 */
public final class MachinePeak {
  private static final int ROUNDS = 12;
  private static final int PIECES_PER_WORKER = 16;

  /** About a millisecond a piece. */
  private static final int STEPS = 1 << 16;

  private MachinePeak() {}

  /** vpdpbusd, in 10^9 operations a second, a multiply-add being two; empty if there is none. */
  public static OptionalDouble vnniGops(Parallel parallel) {
    return measure(parallel, Op.VPDPBUSD, 4);
  }

  /** vdpbf16ps, in GFLOP/s; empty if there is none. */
  public static OptionalDouble bf16Gflops(Parallel parallel) {
    return measure(parallel, Op.VDPBF16PS, 2);
  }

  private static OptionalDouble measure(Parallel parallel, Op op, int pairs) {
    try (Arena arena = Arena.ofShared()) {
      Program program = Program.of(CpuFeatures.detect());
      if (!(op == Op.VPDPBUSD ? program.vnni() : program.bf16())) {
        return OptionalDouble.empty();
      }
      CodePage.Code code = program.code(Program.peak(op));
      MemorySegment arguments = arena.allocate(PeakCode.ARGUMENTS, 8);
      Block.set(arguments, PeakCode.ROUNDS, STEPS);
      int pieces = PIECES_PER_WORKER * parallel.workers();
      long shortest = Long.MAX_VALUE;
      for (int round = 0; round < ROUNDS; round++) {
        long before = System.nanoTime();
        parallel.forEach(pieces, (index, worker) -> code.run(arguments));
        shortest = Math.min(shortest, System.nanoTime() - before);
      }
      double lanes = program.bits() / 32.0;
      double operations =
          2.0 * pairs * lanes * PeakCode.instructions(program.bits()) * STEPS * pieces;
      return OptionalDouble.of(operations / shortest);
    } catch (MachineException e) {
      return OptionalDouble.empty();
    }
  }
}
