package llada.backend;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Consumer;
import llada.kernel.Parallel;
import llada.kernel.Precision;
import llada.kernel.machine.MachinePeak;
import llada.kernel.simd.PeakLoop;
import llada.tensor.DType;

/**
 * The limits of this machine, measured on all threads of a pool, in 10^9 operations or bytes a
 * second. What cannot be measured is missing. Not thread-safe.
 */
public final class Peaks {
  /** Far beyond the last-level cache. */
  private static final long MEMORY_BYTES = 512L << 20;

  private final Map<Limit, Double> values = new EnumMap<>(Limit.class);
  private final Set<Limit> raised = EnumSet.noneOf(Limit.class);

  /** What limits a kernel. */
  public enum Limit {
    /** Float32 multiply-adds at the widest vectors. */
    FMA("FMA", "GFLOP/s", "peak_fma_gflops"),
    /** The same at 256 bits, where there are wider ones. */
    FMA_256("FMA at 256 bits", "GFLOP/s", "peak_fma_256_gflops"),
    /** Products of bytes by vpmaddubsw, added in 16 bits. */
    MADD("vpmaddubsw", "GOP/s", "peak_madd_gops"),
    /** Products of bytes by vpdpbusd. */
    VNNI("VNNI", "GOP/s", "peak_vnni_gops"),
    /** Products of bfloat16 numbers by vdpbf16ps. */
    BF16("BF16", "GFLOP/s", "peak_bf16_gflops"),
    /** Reading memory. */
    MEMORY("memory", "GB/s", "memory_gbps"),
    /** The same by one thread. */
    MEMORY_CORE("memory of one thread", "GB/s", "memory_core_gbps");

    /** For people. */
    public final String title;

    /** Of the figure. */
    public final String unit;

    /** In JSON. */
    public final String key;

    Limit(String title, String unit, String key) {
      this.title = title;
      this.unit = unit;
      this.key = key;
    }
  }

  /**
   * Known limits.
   *
   * @param values in billions a second
   */
  public Peaks(Map<Limit, Double> values) {
    this.values.putAll(values);
  }

  /**
   * Measures them all, in about three seconds and with half a gigabyte of memory.
   *
   * @param listener hears of each limit before it is measured
   */
  public static Peaks measure(Parallel parallel, Consumer<Limit> listener) {
    Peaks peaks = new Peaks(Map.of());
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
      return peaks;
    }
    for (Limit limit : Limit.values()) {
      listener.accept(limit);
      measure(limit, parallel).ifPresent(value -> peaks.values.put(limit, value));
    }
    return peaks;
  }

  /** The higher of machine code and the Vector API, where both can measure it. */
  private static OptionalDouble measure(Limit limit, Parallel parallel) {
    return switch (limit) {
      case FMA -> {
        OptionalDouble machine = MachinePeak.fmaGflops(parallel, true);
        yield machine.isPresent() ? machine : OptionalDouble.of(PeakLoop.fmaGflops(parallel));
      }
      case FMA_256 -> MachinePeak.fmaGflops(parallel, false);
      case MADD -> MachinePeak.maddGops(parallel);
      case VNNI -> MachinePeak.vnniGops(parallel);
      case BF16 -> MachinePeak.bf16Gflops(parallel);
      case MEMORY -> memory(parallel);
      case MEMORY_CORE -> memory(Parallel.SERIAL);
    };
  }

  private static OptionalDouble memory(Parallel parallel) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(MEMORY_BYTES, 64).fill((byte) 1);
      double vector = PeakLoop.readGbps(parallel, memory);
      return OptionalDouble.of(
          Math.max(vector, MachinePeak.readGbps(parallel, memory).orElse(vector)));
    }
  }

  /** A limit, unless it could not be measured. */
  public OptionalDouble value(Limit limit) {
    Double value = values.get(limit);
    return value == null ? OptionalDouble.empty() : OptionalDouble.of(value);
  }

  /** Limits that a kernel of the same run passed, whose value is that kernel's speed. */
  public Set<Limit> raised() {
    return Collections.unmodifiableSet(raised);
  }

  /**
   * Takes notice of what a kernel reached. If it is more than the limit, the machine was slower
   * when that was measured: it is measured again, and raised if that does not help.
   *
   * @param found in billions a second
   */
  public void reached(Limit limit, double found, Parallel parallel) {
    if (found > value(limit).orElse(Double.MAX_VALUE)) {
      double again = measure(limit, parallel).orElse(found);
      values.put(limit, Math.max(again, found));
      if (again < found) {
        raised.add(limit);
      }
    }
  }

  /**
   * The limit of a matrix product: the machine tier multiplies quantised weights as int8 and those
   * of 16 bits as bfloat16, everything else is float32.
   *
   * @param backend name of the backend
   * @param precision what it may round activations to
   * @param weights their type
   */
  public Limit matmul(String backend, Precision precision, DType weights) {
    if (!backend.equals("machine") || precision == Precision.EXACT) {
      return Limit.FMA;
    }
    if (weights.blockLength() > 1) {
      return values.containsKey(Limit.VNNI) ? Limit.VNNI : Limit.MADD;
    }
    boolean bf16 = weights == DType.BF16 || weights == DType.F16 || precision == Precision.BF16;
    return bf16 && values.containsKey(Limit.BF16) ? Limit.BF16 : Limit.FMA;
  }
}
