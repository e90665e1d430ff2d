package llada.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

final class ThreadPoolTest {
  @Test
  void everyTaskRunsExactlyOnce() {
    try (ThreadPool pool = new ThreadPool(4)) {
      for (int tasks = 0; tasks < 200; tasks++) {
        AtomicIntegerArray runs = new AtomicIntegerArray(tasks + 1);
        pool.forEach(tasks, (i, worker) -> runs.incrementAndGet(i));
        for (int i = 0; i < tasks; i++) {
          assertThat(runs.get(i)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void aFailureReachesTheCallerAndThePoolLivesOn() {
    try (ThreadPool pool = new ThreadPool(2)) {
      for (int repeat = 0; repeat < 100; repeat++) {
        assertThatThrownBy(
                () ->
                    pool.forEach(
                        8,
                        (i, worker) -> {
                          throw new IllegalStateException("task " + i);
                        }))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageStartingWith("task ");
        int[] sum = new int[2];
        pool.forEach(2, (i, worker) -> sum[i] = i + 1);
        assertThat(sum).containsExactly(1, 2);
      }
    }
  }

  @Test
  void workersHaveDistinctNumbers() {
    try (ThreadPool pool = new ThreadPool(3)) {
      pool.forEach(1000, (i, worker) -> assertThat(worker).isBetween(0, 2));
    }
  }
}
