package llada.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import llada.backend.ThreadPool;
import llada.checkpoint.QuantizationMix;
import llada.checkpoint.SyntheticModel;
import llada.kernel.scalar.Exclusions;
import llada.kernel.scalar.GumbelMax;
import llada.kernel.scalar.SoftmaxStatistics;
import llada.model.ActivationCache;
import llada.model.Gradients;
import llada.model.LladaWeights;
import llada.model.MaskPredictor;
import llada.model.PartialPass;
import llada.model.TokenBatch;
import llada.model.TrainablePredictor;
import llada.tensor.DType;
import llada.tensor.NativeMemory;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/**
 * Threads that share a backend get bit for bit what each gets alone, and closing anything that is
 * in use ends in an exception.
 */
public interface SharingContract {
  int FEW = 8;

  /** Kernels of a new backend, as backends share them. */
  Kernels open(Parallel parallel);

  /** Passes of each thread. */
  default int passes() {
    return 50;
  }

  /** What a thread does. */
  enum Use {
    PREDICT,
    PREDICT_SOME,
    TRAIN
  }

  /** A thread with a model, which differ in size and type of weights. */
  record Client(int number, SyntheticModel model, Use use, LladaWeights weights) {
    static Client of(Arena arena, int number, int dim, QuantizationMix mix, Use use) {
      int heads = dim / 32;
      SyntheticModel.Sizes sizes =
          new SyntheticModel.Sizes(
              dim, 1 + number % 2, heads, use == Use.TRAIN ? heads : heads / 2, 2 * dim, 270, 32);
      SyntheticModel model = SyntheticModel.of(sizes, mix, Optional.empty(), number);
      return new Client(number, model, use, model.weights(arena, Parallel.SERIAL));
    }

    static List<Client> all(Arena arena) {
      return List.of(
          of(arena, 0, 64, QuantizationMix.F32, Use.PREDICT),
          of(arena, 1, 128, QuantizationMix.BF16, Use.PREDICT),
          of(arena, 2, 64, QuantizationMix.Q8_0, Use.PREDICT_SOME),
          of(arena, 3, 256, QuantizationMix.Q4_K, Use.PREDICT),
          of(arena, 4, 64, QuantizationMix.F32, Use.TRAIN),
          of(arena, 5, 128, QuantizationMix.F32, Use.TRAIN),
          of(arena, 6, 128, QuantizationMix.F32, Use.PREDICT_SOME),
          of(arena, 7, 256, QuantizationMix.Q6_K, Use.PREDICT));
    }

    private TokenBatch batch(int pass) {
      Random random = new Random(1000L * number + pass);
      int[][] ids = new int[1 + random.nextInt(2)][2 + random.nextInt(19)];
      boolean[][] visible = new boolean[ids.length][ids[0].length];
      for (int b = 0; b < ids.length; b++) {
        for (int t = 0; t < ids[b].length; t++) {
          ids[b][t] = random.nextInt(270);
          visible[b][t] = t == ids[b].length - 1 || random.nextInt(8) > 0;
        }
      }
      return new TokenBatch(ids, pass % 2 == 0 ? null : visible);
    }

    /** A number for each pass, in which every bit of its result counts. */
    int[] run(Kernels kernels, int passes) {
      return use == Use.TRAIN ? train(kernels, passes) : predict(kernels, passes);
    }

    private int[] predict(Kernels kernels, int passes) {
      int[] results = new int[passes];
      try (MaskPredictor predictor = new MaskPredictor(model.config(), weights, kernels, 2 * 20);
          ActivationCache cache = new ActivationCache(model.config(), DType.BF16, 2 * 20, false)) {
        for (int pass = 0; pass < passes; pass++) {
          TokenBatch batch = batch(pass);
          int[] rows = {batch.length() / 2, batch.length() - 1};
          Tensor logits = predictor.forward(batch, rows);
          int result = Arrays.hashCode(logits.toArray());
          if (use == Use.PREDICT_SOME) {
            predictor.forward(batch, PartialPass.refresh(batch, cache), rows);
            int[][] some = new int[batch.size()][];
            Arrays.fill(some, new int[] {batch.length() - 1});
            PartialPass last = new PartialPass(some, cache);
            int[] lastRow = {batch.length() - 1};
            logits = predictor.forward(batch, last, lastRow);
            result = 31 * result + Arrays.hashCode(logits.toArray());
          }
          results[pass] = 31 * result + propose(kernels, logits, pass);
        }
      }
      return results;
    }

    private int propose(Kernels kernels, Tensor logits, int seed) {
      int rows = logits.dim(0);
      Exclusions none = Exclusions.none(logits.dim(1));
      SoftmaxStatistics.Rows answers = new SoftmaxStatistics.Rows(rows);
      kernels.softmaxStatistics(answers, logits, none);
      int[] tokens = new int[rows];
      kernels.gumbelMax(
          tokens,
          logits,
          none,
          0.7,
          (u, row, first, count) -> {
            for (int i = 0; i < count; i++) {
              u[i] = GumbelMax.Noise.uniform(seed + 1000L * row + first + i);
            }
          });
      return 31 * Arrays.hashCode(tokens) + Arrays.hashCode(answers.entropy);
    }

    private int[] train(Kernels kernels, int passes) {
      int[] results = new int[passes];
      try (Arena arena = Arena.ofShared();
          TrainablePredictor predictor =
              new TrainablePredictor(
                  model.config(),
                  weights,
                  kernels,
                  2 * 20,
                  new TrainablePredictor.Options(number % 2 == 0, false))) {
        Gradients gradients = new Gradients(weights, arena);
        for (int pass = 0; pass < passes; pass++) {
          TokenBatch batch = batch(pass);
          int[] rows = {0, batch.length() - 1};
          double loss =
              predictor.lossAndGradients(
                  batch, rows, new int[] {pass, 7}, new double[] {1, 0.5}, gradients);
          results[pass] = 31 * Double.hashCode(loss) + Arrays.hashCode(gradients.flat().toArray());
        }
      }
      return results;
    }
  }

  /** Runs these at the same time, each in a thread of its own. */
  static <T> List<T> together(List<Callable<T>> clients) throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(clients.size())) {
      List<Future<T>> answers = threads.invokeAll(clients, 120, TimeUnit.SECONDS);
      List<T> results = new ArrayList<>();
      for (Future<T> answer : answers) {
        assertThat(answer.isCancelled()).as("a thread that never ends").isFalse();
        results.add(answer.get());
      }
      return results;
    }
  }

  @Test
  default void eachThreadGetsWhatItGetsAlone() throws Exception {
    try (Arena arena = Arena.ofShared();
        ThreadPool pool = new ThreadPool(3)) {
      Kernels kernels = open(pool);
      List<Client> clients = Client.all(arena);
      List<int[]> alone = clients.stream().map(client -> client.run(kernels, passes())).toList();
      List<Callable<int[]>> threads = new ArrayList<>();
      clients.forEach(client -> threads.add(() -> client.run(kernels, passes())));
      List<int[]> shared = together(threads);
      for (Client client : clients) {
        int[] expected = alone.get(client.number());
        assertThat(Arrays.stream(expected).distinct().count()).isGreaterThan(passes() / 2);
        assertThat(shared.get(client.number())).as("%s", client.use()).isEqualTo(expected);
      }
      ((AutoCloseable) kernels).close();
    }
  }

  /** One thread is interrupted, another makes mistakes: nobody else sees it, and none waits. */
  @Test
  default void failuresAndInterruptsStayWithTheirThread() throws Exception {
    try (Arena arena = Arena.ofShared();
        ThreadPool pool = new ThreadPool(2)) {
      Kernels kernels = open(pool);
      List<Client> clients = Client.all(arena).subList(0, 4);
      List<int[]> alone = clients.stream().map(client -> client.run(kernels, FEW)).toList();
      List<Callable<int[]>> threads = new ArrayList<>();
      threads.add(() -> clients.get(0).run(kernels, FEW));
      threads.add(
          () -> {
            Thread.currentThread().interrupt();
            int[] results = clients.get(1).run(kernels, FEW);
            assertThat(Thread.interrupted()).isTrue();
            return results;
          });
      threads.add(
          () -> {
            Tensor logits = Tensor.allocate(arena, DType.F32, 3, 50);
            Tensor wrong = Tensor.allocate(arena, DType.F32, 4, 49);
            for (int i = 0; i < FEW; i++) {
              assertThatThrownBy(() -> kernels.residual(logits, logits, wrong))
                  .isInstanceOf(IllegalArgumentException.class);
              assertThatThrownBy(
                      () ->
                          kernels.gumbelMax(
                              new int[3],
                              logits,
                              Exclusions.none(50),
                              1,
                              (u, row, first, count) -> {
                                throw new ArithmeticException("no noise");
                              }))
                  .isInstanceOf(ArithmeticException.class)
                  .hasMessage("no noise");
            }
            return clients.get(2).run(kernels, FEW);
          });
      threads.add(() -> clients.get(3).run(kernels, FEW));
      List<int[]> shared = together(threads);
      for (int i = 0; i < threads.size(); i++) {
        assertThat(shared.get(i)).isEqualTo(alone.get(i));
      }
      ((AutoCloseable) kernels).close();
    }
  }

  /** Runs passes in some threads until they fail, and closes something under them meanwhile. */
  private void closeInUse(String message, Closing closing) throws Exception {
    for (int repeat = 0; repeat < 5; repeat++) {
      Arena arena = Arena.ofShared();
      try (ThreadPool pool = new ThreadPool(2)) {
        Kernels kernels = open(pool);
        List<Client> clients = Client.all(arena).subList(0, 4);
        List<MaskPredictor> predictors =
            clients.stream()
                .map(c -> new MaskPredictor(c.model().config(), c.weights(), kernels, 2 * 20))
                .toList();
        CountDownLatch started = new CountDownLatch(clients.size());
        List<Callable<Throwable>> threads = new ArrayList<>();
        for (Client client : clients) {
          threads.add(
              () -> {
                for (int pass = 0; ; pass++) {
                  try {
                    predictors.get(client.number()).forward(client.batch(pass), new int[] {0});
                  } catch (IllegalStateException e) {
                    return e;
                  } finally {
                    started.countDown();
                  }
                }
              });
        }
        threads.add(
            () -> {
              started.await();
              Thread.sleep(5);
              closing.close(kernels, predictors, arena);
              return new IllegalStateException(message);
            });
        assertThat(together(threads)).allSatisfy(e -> assertThat(e).hasMessageContaining(message));
        assertThatThrownBy(() -> predictors.get(0).forward(clients.get(0).batch(0), new int[] {0}))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining(message);
        closing.close(kernels, predictors, arena); // again: nothing happens
        predictors.forEach(MaskPredictor::close);
        ((AutoCloseable) kernels).close();
      } finally {
        NativeMemory.free(arena);
      }
    }
  }

  /** What is closed. */
  interface Closing {
    void close(Kernels kernels, List<MaskPredictor> predictors, Arena weights) throws Exception;
  }

  @Test
  default void aBackendInUseIsClosed() throws Exception {
    closeInUse("the backend is closed", (kernels, _, _) -> ((AutoCloseable) kernels).close());
    Kernels kernels = open(Parallel.SERIAL);
    ((AutoCloseable) kernels).close();
    try (Arena arena = Arena.ofShared()) {
      Tensor x = Tensor.allocate(arena, DType.F32, 1, 16);
      assertThatThrownBy(() -> kernels.residual(x, x, x))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("residual: the backend is closed; close it after all that computes with it");
      Client client = Client.of(arena, 0, 64, QuantizationMix.F32, Use.PREDICT);
      assertThatThrownBy(
              () -> new MaskPredictor(client.model().config(), client.weights(), kernels, 8))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("the backend is closed");
    }
  }

  @Test
  default void predictorsInUseAreClosed() throws Exception {
    closeInUse("is freed", (_, predictors, _) -> predictors.forEach(MaskPredictor::close));
  }

  @Test
  default void weightsInUseAreFreed() throws Exception {
    closeInUse("is freed", (_, _, weights) -> NativeMemory.free(weights));
  }

  @Test
  default void nothingIsClosedFromWithinAnOperation() {
    Kernels kernels = open(Parallel.SERIAL);
    try (Arena arena = Arena.ofShared()) {
      Tensor logits = Tensor.allocate(arena, DType.F32, 1, 20);
      for (boolean memory : new boolean[] {false, true}) {
        assertThatThrownBy(
                () ->
                    kernels.gumbelMax(
                        new int[1],
                        logits,
                        Exclusions.none(20),
                        1,
                        (u, row, first, count) -> {
                          try {
                            if (memory) {
                              NativeMemory.free(arena);
                            }
                            ((AutoCloseable) kernels).close();
                          } catch (Exception e) {
                            throw new ArithmeticException(e.getMessage());
                          }
                        }))
            .isInstanceOf(ArithmeticException.class)
            .hasMessageContaining("from within an operation");
      }
      kernels.residual(logits, logits, logits);
    }
  }
}
