package llada.kernel.simd;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.DoubleAdder;
import jdk.incubator.vector.FloatVector;
import llada.kernel.Parallel;

/**
 * What the machine can do at most, by loops that do nothing else: the measure of all kernels.
 * Results are of the best of several rounds, since whatever else runs can only slow a round down.
 */
public final class PeakLoop {
  private static final int MOST_ROUNDS = 24;
  private static final int LEAST_ROUNDS = 3;
  private static final long ROUNDS_NANOS = 600_000_000;
  private static final int SUMS = 8;

  /** About two milliseconds of one core. */
  private static final int STEPS = 1 << 18;

  private static final int WARM_STEPS = 1 << 8;
  private static final int MOST_WARM_LOOPS = 20_000;
  private static final long FAST_NANOS = 10_000;
  private static final int PIECES_PER_WORKER = 16;

  /** Bytes that one task reads: small, so that no worker waits long for the last one. */
  private static final long SLICE = 4L << 20;

  private PeakLoop() {}

  /**
   * Float32 multiply-adds in registers on all workers.
   *
   * @return GFLOP/s, a multiply-add being two operations
   */
  public static double fmaGflops(Parallel parallel) {
    int pieces = PIECES_PER_WORKER * parallel.workers();
    double flop = 2.0 * pieces * SUMS * Lanes.COUNT * STEPS;
    DoubleAdder sink = new DoubleAdder();
    compile(sink);
    return best(flop, () -> parallel.forEach(pieces, (_, _) -> sink.add(multiplyAdd(STEPS))), sink);
  }

  /** Short loops until they are fast: compiled, they take a microsecond, and before hundreds. */
  private static void compile(DoubleAdder sink) {
    int fast = 0;
    for (int i = 0; i < MOST_WARM_LOOPS && fast < 3; i++) {
      long before = System.nanoTime();
      sink.add(multiplyAdd(WARM_STEPS));
      fast = System.nanoTime() - before < FAST_NANOS ? fast + 1 : 0;
    }
  }

  /** Eight sums hide the latency of the instruction; all of them tend to 1. */
  private static float multiplyAdd(int steps) {
    FloatVector factor = FloatVector.broadcast(Lanes.F32, 0.75f);
    FloatVector rest = FloatVector.broadcast(Lanes.F32, 0.25f);
    FloatVector s0 = FloatVector.broadcast(Lanes.F32, 0.5f);
    FloatVector s1 = s0.add(0.01f);
    FloatVector s2 = s0.add(0.02f);
    FloatVector s3 = s0.add(0.03f);
    FloatVector s4 = s0.add(0.04f);
    FloatVector s5 = s0.add(0.05f);
    FloatVector s6 = s0.add(0.06f);
    FloatVector s7 = s0.add(0.07f);
    for (int i = 0; i < steps; i++) {
      s0 = s0.fma(factor, rest);
      s1 = s1.fma(factor, rest);
      s2 = s2.fma(factor, rest);
      s3 = s3.fma(factor, rest);
      s4 = s4.fma(factor, rest);
      s5 = s5.fma(factor, rest);
      s6 = s6.fma(factor, rest);
      s7 = s7.fma(factor, rest);
    }
    FloatVector a = s0.add(s1).add(s2.add(s3)).add(s4.add(s5).add(s6.add(s7)));
    return Lanes.sum(a);
  }

  /**
   * Reading memory on all workers.
   *
   * @param memory float32 numbers, far more than the caches hold
   * @return GB/s, a GB being 10^9 bytes
   */
  public static double readGbps(Parallel parallel, MemorySegment memory) {
    int slices = Math.toIntExact(memory.byteSize() / SLICE);
    if (slices == 0) {
      throw new IllegalArgumentException(
          "%d bytes are too few to measure; give at least %d".formatted(memory.byteSize(), SLICE));
    }
    DoubleAdder sink = new DoubleAdder();
    return best(
        (double) slices * SLICE,
        () -> parallel.forEach(slices, (i, _) -> sink.add(sum(memory.asSlice(i * SLICE, SLICE)))),
        sink);
  }

  private static float sum(MemorySegment slice) {
    long bytes = 4L * Lanes.F32.vectorByteSize();
    FloatVector s0 = FloatVector.zero(Lanes.F32);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    for (long at = 0; at < SLICE; at += bytes) {
      s0 = s0.add(load(slice, at));
      s1 = s1.add(load(slice, at + bytes / 4));
      s2 = s2.add(load(slice, at + bytes / 2));
      s3 = s3.add(load(slice, at + 3 * bytes / 4));
    }
    return Lanes.sum(s0.add(s1).add(s2.add(s3)));
  }

  private static FloatVector load(MemorySegment segment, long at) {
    return FloatVector.fromMemorySegment(Lanes.F32, segment, at, Lanes.ORDER);
  }

  /** Billions of {@code work} a second in the fastest round. */
  private static double best(double work, Runnable round, DoubleAdder sink) {
    long shortest = Long.MAX_VALUE;
    long begin = System.nanoTime();
    for (int i = 0;
        i < LEAST_ROUNDS || i < MOST_ROUNDS && System.nanoTime() - begin < ROUNDS_NANOS;
        i++) {
      long before = System.nanoTime();
      round.run();
      shortest = Math.min(shortest, System.nanoTime() - before);
    }
    if (Double.isNaN(sink.sum())) { // never so; but the loops must not be compiled away
      throw new IllegalStateException("the loop's sum is no number");
    }
    return work / Math.max(1, shortest);
  }
}
