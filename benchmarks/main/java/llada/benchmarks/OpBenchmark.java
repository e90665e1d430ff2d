package llada.benchmarks;

import java.lang.foreign.Arena;
import java.util.concurrent.TimeUnit;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.kernel.Kernels;
import llada.kernel.ScalarKernels;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What all benchmarks of kernels share: a backend, memory, and how they are run. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 2,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public abstract class OpBenchmark {
  static final Kernels REFERENCE = new ScalarKernels();

  /** Which kernels. */
  @Param("vector")
  public String backend = "vector";

  /** Workers. */
  @Param("2")
  public int threads = 2;

  final Arena arena = Arena.ofShared();
  private Backend chosen;

  Kernels kernels() {
    if (chosen == null) {
      chosen = Backends.choose(backend, threads);
    }
    return chosen.kernels();
  }

  /** Gives back memory and threads. */
  @TearDown
  public void close() {
    if (chosen != null) {
      chosen.close();
    }
    arena.close();
  }
}
