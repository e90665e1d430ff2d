package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.PublishedShape;
import llada.diffusion.SettingException;
import llada.model.WeightTable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training that several processes share; the processes are threads here. */
class SharedTrainingTest {
  private static final long STEPS = 10;
  private static final Set<String> TARGETS = Set.of("q_proj", "v_proj");

  /** Sums in another order differ by less; what another batch gives, by far more. */
  private static final double ROUNDING = 1e-5;

  @TempDir Path folder;

  /** What the first process saw: losses by step, and the numbers that were trained. */
  private record Made(Map<Long, Double> losses, List<float[]> trained) {}

  private Made train(
      String name, int processes, boolean adapters, Optional<Path> from, long killedAt)
      throws Exception {
    CyclicBarrier meeting = new CyclicBarrier(processes);
    Object[] brought = new Object[processes];
    try (ExecutorService pool = Executors.newFixedThreadPool(processes)) {
      List<Future<Made>> made = new ArrayList<>();
      for (int rank = 0; rank < processes; rank++) {
        Processes one = new TrainerTest.Threads(rank, processes, meeting, brought);
        Path run = Files.createDirectory(folder.resolve(name + rank));
        made.add(pool.submit(() -> one(run, one, adapters, from, killedAt)));
      }
      for (Future<Made> one : made) {
        one.get(60, TimeUnit.SECONDS);
      }
      return made.getFirst().get();
    }
  }

  private static Made one(
      Path run, Processes processes, boolean adapters, Optional<Path> from, long killedAt)
      throws Exception {
    Map<Long, Double> losses = new TreeMap<>();
    try (Arena arena = Arena.ofShared();
        Network network = adapters ? Runs.adapted(arena, 2, TARGETS) : Runs.network(arena)) {
      Trained trained = adapters ? new Lora(network, 4, 7, arena) : Trained.AllWeights.of(network);
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void step(Step step) {
              losses.put(step.step(), step.loss());
              if (step.step() == killedAt) {
                throw new IllegalStateException("killed");
              }
            }
          };
      TrainingConfig config = Runs.config(STEPS, 4, 0, 1e-2);
      TrainingData data = Runs.data(run, 500, arena);
      try (Trainer trainer =
          Runs.trainer(run, config, network, trained, data, processes, listener)) {
        from.ifPresent(trainer::resume);
        trainer.run();
      }
      return new Made(losses, trained.parameters().stream().map(p -> p.value().toArray()).toList());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theBatchIsTheSameInAnyNumberOfProcesses(boolean adapters) throws Exception {
    Made expected = train("one", 1, adapters, Optional.empty(), -1);
    for (long step = 2; step <= STEPS; step++) {
      double difference = expected.losses.get(step) - expected.losses.get(step - 1);
      assertThat(Math.abs(difference))
          .as("another batch is noticed, step %d", step)
          .isGreaterThan(100 * ROUNDING);
    }
    // Of a batch of 4 the three processes have 1, 1 and 2 sequences.
    requireSame(expected, train("three", 3, adapters, Optional.empty(), -1));
    assertThatThrownBy(() -> train("killed", 2, adapters, Optional.empty(), 6))
        .isInstanceOf(ExecutionException.class)
        .hasRootCauseMessage("killed");
    Optional<Path> checkpoint = new RunFolder(folder.resolve("killed0")).latest();
    assertThat(checkpoint.orElseThrow().getFileName()).hasToString("step-00000004");
    for (int processes : new int[] {1, 3, 4}) {
      Made found = train("on" + processes, processes, adapters, checkpoint, -1);
      assertThat(found.losses.keySet()).containsExactly(5L, 6L, 7L, 8L, 9L, 10L);
      requireSame(expected, found);
    }
  }

  private static void requireSame(Made expected, Made found) {
    found.losses.forEach(
        (step, loss) ->
            assertThat(loss)
                .as("step %d", step)
                .isCloseTo(expected.losses.get(step), within(ROUNDING)));
    assertThat(found.trained).hasSameSizeAs(expected.trained);
    for (int t = 0; t < expected.trained.size(); t++) {
      assertThat(found.trained.get(t))
          .usingComparatorWithPrecision(1e-4f)
          .containsExactly(expected.trained.get(t));
    }
  }

  /** A process for itself that counts what it would send. */
  private static final class Counting implements Processes {
    private long bytes;

    @Override
    public int rank() {
      return 0;
    }

    @Override
    public int size() {
      return 1;
    }

    @Override
    public void sum(MemorySegment floats) {
      bytes += floats.byteSize();
    }

    @Override
    public double sum(double value) {
      bytes += Double.BYTES;
      return value;
    }

    @Override
    public void barrier() {}

    @Override
    public void close() {}
  }

  @Test
  void aStepSendsFourBytesForEachNumberThatIsTrained() throws Exception {
    Counting all = new Counting();
    one(Files.createDirectory(folder.resolve("all")), all, false, Optional.empty(), -1);
    assertThat(all.bytes).isEqualTo(STEPS * (4 * WeightTable.parameters(Runs.CONFIG) + 48));
    Counting adapters = new Counting();
    one(Files.createDirectory(folder.resolve("adapters")), adapters, true, Optional.empty(), -1);
    assertThat(adapters.bytes)
        .isEqualTo(STEPS * (4 * adapters(WeightTable.of(Runs.CONFIG), 2) + 48));
    // The figure of scaling.md.
    List<WeightTable.Row> published = WeightTable.of(PublishedShape.LLADA_8B.config(32));
    assertThat(4 * adapters(published, 8) + 48).isEqualTo(16_777_264);
  }

  /** Numbers of adapters on q and v: rank (K + N) of each matrix (N, K). */
  private static long adapters(List<WeightTable.Row> table, int rank) {
    return table.stream()
        .filter(row -> row.layer() >= 0)
        .filter(row -> TARGETS.stream().anyMatch(target -> row.huggingFace().contains(target)))
        .mapToLong(row -> rank * (row.shape().dim(0) + row.shape().dim(1)))
        .sum();
  }

  @Test
  void eachProcessNeedsASequence() {
    Processes five = new TrainerTest.Threads(0, 5, new CyclicBarrier(5), new Object[5]);
    Backend backend = Backends.choose("scalar", 1);
    TrainingRun run =
        new TrainingRun(
            Runs.config(STEPS, 4, 0, 1e-2),
            new TrainingRun.Places(List.of(), Optional.empty(), folder),
            new TrainingRun.Conduct(Trainer.Schedule.usual(STEPS), "", false, false),
            backend,
            five,
            Optional.empty(),
            new TrainingListener() {});
    assertThatThrownBy(run::train)
        .isInstanceOf(SettingException.class)
        .hasMessage(
            "batch is 4, too few for a sequence to each of 5 processes: give a larger batch, or"
                + " start fewer");
    backend.close();
  }
}
