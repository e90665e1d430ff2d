package llada.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import llada.kernel.Kernels;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Any number of threads gives the same, also far more of them than there are processors. */
class OversubscribedPoolTest {
  private static final int TOKENS = 33;
  private static final int IN = 256;
  private static final int OUT = 96;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8, 16})
  void productsHaveTheSameBits(int threads) {
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.allocate(arena, DType.F32, TOKENS, IN);
      Tensor weight = Tensor.allocate(arena, DType.F32, OUT, IN);
      Random random = new Random(1);
      for (Tensor tensor : List.of(x, weight)) {
        for (long i = 0; i < tensor.shape().elements(); i++) {
          tensor.set(i, (float) random.nextGaussian());
        }
      }
      assertThat(product(arena, threads, x, weight)).isEqualTo(product(arena, 1, x, weight));
    }
  }

  private static float[] product(Arena arena, int threads, Tensor x, Tensor weight) {
    try (Backend backend = Backends.choose("auto", threads)) {
      assertThat(backend.pool().workers()).isEqualTo(threads);
      Kernels kernels = backend.kernels();
      Tensor out = Tensor.allocate(arena, DType.F32, TOKENS, OUT);
      for (int repeat = 0; repeat < 20; repeat++) {
        kernels.matmul(out, x, weight);
      }
      return out.toArray();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8, 16})
  void callersAtOnceGetAllOfTheirPieces(int threads) throws InterruptedException {
    try (ThreadPool pool = new ThreadPool(threads)) {
      AtomicReference<Throwable> failure = new AtomicReference<>();
      List<Thread> callers = new ArrayList<>();
      for (int caller = 0; caller < 4; caller++) {
        callers.add(
            Thread.ofPlatform()
                .uncaughtExceptionHandler((_, e) -> failure.set(e))
                .start(() -> callOften(pool)));
      }
      for (Thread caller : callers) {
        caller.join();
      }
      assertThat(failure.get()).isNull();
    }
  }

  private static void callOften(ThreadPool pool) {
    for (int round = 0; round < 200; round++) {
      AtomicIntegerArray runs = new AtomicIntegerArray(37);
      pool.forEach(
          runs.length(),
          (index, worker) -> {
            assertThat(worker).isBetween(0, pool.workers() - 1);
            runs.incrementAndGet(index);
          });
      for (int i = 0; i < runs.length(); i++) {
        assertThat(runs.get(i)).isEqualTo(1);
      }
    }
  }

  @Test
  void processorsThatShareACoreCountOnce(@TempDir Path folder) throws IOException {
    assertThat(Cores.usable(folder.resolve("missing"), 3)).isEqualTo(3);
    assertThat(Cores.usable(folder, 3)).as("the system does not tell").isEqualTo(3);
    String[] siblings = {"0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"};
    for (int i = 0; i < siblings.length; i++) {
      Path topology = Files.createDirectories(folder.resolve("cpu" + i + "/topology"));
      Files.writeString(topology.resolve("thread_siblings_list"), siblings[i] + "\n");
    }
    Files.createDirectory(folder.resolve("cpufreq"));
    assertThat(Cores.usable(folder, 8)).isEqualTo(4);
    assertThat(Cores.usable(folder, 2)).as("the process may use two").isEqualTo(2);
  }
}
