package llada.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicIntegerArray;
import llada.kernel.SharingContract;
import org.junit.jupiter.api.Test;

/** A pool with several callers at a time, callers within pieces, and callers after its end. */
final class ThreadPoolSharingTest {
  private static final int CALLERS = 8;

  @Test
  void everyCallersPiecesRunOnceWithOneWorkerEach() throws Exception {
    try (ThreadPool pool = new ThreadPool(3)) {
      List<Callable<Boolean>> callers = new ArrayList<>();
      for (int caller = 0; caller < CALLERS; caller++) {
        callers.add(
            () -> {
              for (int round = 0; round < 200; round++) {
                AtomicIntegerArray runs = new AtomicIntegerArray(round + 1);
                AtomicIntegerArray busy = new AtomicIntegerArray(3);
                pool.forEach(
                    round,
                    (i, worker) -> {
                      assertThat(busy.incrementAndGet(worker)).isEqualTo(1);
                      runs.incrementAndGet(i);
                      busy.decrementAndGet(worker);
                    });
                for (int i = 0; i < round; i++) {
                  assertThat(runs.get(i)).isEqualTo(1);
                }
              }
              return true;
            });
      }
      assertThat(SharingContract.together(callers)).hasSize(CALLERS);
    }
  }

  @Test
  void piecesMayCallAndFail() throws Exception {
    try (ThreadPool pool = new ThreadPool(3)) {
      List<Callable<Boolean>> callers = new ArrayList<>();
      for (int caller = 0; caller < CALLERS; caller++) {
        callers.add(
            () -> {
              for (int round = 0; round < 50; round++) {
                AtomicIntegerArray runs = new AtomicIntegerArray(25);
                pool.forEach(
                    5, (i, _) -> pool.forEach(5, (j, _) -> runs.incrementAndGet(5 * i + j)));
                for (int i = 0; i < 25; i++) {
                  assertThat(runs.get(i)).isEqualTo(1);
                }
                assertThatThrownBy(
                        () ->
                            pool.forEach(
                                5,
                                (i, _) ->
                                    pool.forEach(
                                        5,
                                        (j, _) -> {
                                          throw new ArithmeticException("piece");
                                        })))
                    .isInstanceOf(ArithmeticException.class)
                    .hasMessage("piece");
              }
              return true;
            });
      }
      assertThat(SharingContract.together(callers)).hasSize(CALLERS);
    }
  }

  @Test
  void aPoolThatIsClosedMeanwhileStillRunsEveryPiece() {
    ThreadPool pool = new ThreadPool(3);
    AtomicIntegerArray runs = new AtomicIntegerArray(100);
    pool.forEach(
        100,
        (i, _) -> {
          if (i == 3) {
            pool.close();
          }
          runs.incrementAndGet(i);
        });
    pool.forEach(100, (i, _) -> runs.incrementAndGet(i));
    for (int i = 0; i < 100; i++) {
      assertThat(runs.get(i)).isEqualTo(2);
    }
  }
}
