package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import llada.checkpoint.HuggingFaceFolder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The loop learns, stops where it must, and goes on as if it had never stopped. */
class TrainerTest {
  @TempDir Path folder;

  /** Stops a run in the middle, as a kill would: nothing after it is executed. */
  private static final class Killed extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private static TrainingListener killAt(long step) {
    return new TrainingListener() {
      @Override
      public void step(Step done) {
        if (done.step() == step) {
          throw new Killed();
        }
      }
    };
  }

  private Trained trained(String kind, Network network, Arena arena) {
    return kind.equals("lora") ? new Lora(network, 4, 5, arena) : Trained.AllWeights.of(network);
  }

  /** Runs to the end, killed after each of these steps and resumed. */
  private Path run(String name, String kind, double ema, long... kills) throws IOException {
    Path run = folder.resolve(name);
    new RunFolder(run).open().close();
    for (int part = 0; part <= kills.length; part++) {
      try (Arena arena = Arena.ofShared();
          Network network =
              kind.equals("lora")
                  ? Runs.adapted(arena, 2, Set.of("q_proj", "ff_out"))
                  : Runs.network(arena)) {
        TrainingListener listener =
            part < kills.length ? killAt(kills[part]) : new TrainingListener() {};
        try (Trainer trainer =
            Runs.trainer(
                run,
                Runs.config(10, ema),
                network,
                trained(kind, network, arena),
                Runs.data(folder, 500, arena),
                listener)) {
          new RunFolder(run).latest().ifPresent(trainer::resume);
          trainer.run();
          trainer.publish();
        } catch (Killed e) {
          // The next part goes on from what is on the disk.
        }
      }
    }
    return run;
  }

  @ParameterizedTest
  @ValueSource(strings = {"all", "ema", "lora"})
  void aResumedRunEndsWithTheSameBits(String kind) throws IOException {
    double ema = kind.equals("ema") ? 0.9 : 0;
    Path whole = run("whole", kind, ema);
    Path cut = run("cut", kind, ema, 1, 3, 4, 9);
    assertThat(Runs.bytes(cut.resolve("step-00000010")))
        .isEqualTo(Runs.bytes(whole.resolve("step-00000010")));
    String made = kind.equals("lora") ? "adapter" : "model";
    assertThat(Runs.bytes(cut.resolve(made))).isEqualTo(Runs.bytes(whole.resolve(made)));
    assertThat(new RunFolder(cut).checkpoints())
        .extracting(p -> p.getFileName().toString())
        .containsExactly("step-00000008", "step-00000010");
    if (kind.equals("lora")) {
      assertThat(cut.resolve("adapter/adapter_model.safetensors")).exists();
      assertThat(Files.readString(cut.resolve("adapter/adapter_config.json")))
          .contains(
              "\"r\" : 2", "\"lora_alpha\" : 4", "blocks\\\\.\\\\d+\\\\.ff_out|", "CAUSAL_LM");
      assertThat(cut.resolve("model")).doesNotExist();
      assertThat(cut.resolve("step-00000010/model.safetensors")).doesNotExist();
    }
  }

  @Test
  void whatAKillLeavesHalfWrittenIsPassedOverAndRemoved() throws IOException {
    Path run = run("run", "all", 0);
    Path half = Files.createDirectories(run.resolve(".step-00000012.0123456789abcdef.tmp"));
    Files.writeString(half.resolve("config.json"), "{");
    Path old = Files.createDirectories(run.resolve(".step-00000002.fedcba9876543210.tmp"));
    RunFolder again = new RunFolder(run);
    assertThat(again.latest()).hasValue(run.resolve("step-00000010"));
    again.open().close();
    assertThat(half).doesNotExist();
    assertThat(old).doesNotExist();
    assertThat(run.resolve("step-00000010/optimizer.safetensors")).exists();
  }

  @Test
  void theLossFalls() throws IOException {
    List<Double> losses = new ArrayList<>();
    List<Double> bounds = new ArrayList<>();
    try (Arena arena = Arena.ofShared();
        Network network = Runs.network(arena);
        Trainer trainer =
            Runs.trainer(
                folder,
                Runs.config(400, 0),
                network,
                Trained.AllWeights.of(network),
                Runs.data(folder, 4000, arena),
                new TrainingListener() {
                  @Override
                  public void step(Step step) {
                    losses.add(step.loss());
                  }

                  @Override
                  public void validated(long step, Validation validation) {
                    bounds.add(validation.nats());
                  }
                })) {
      trainer.run();
    }
    assertThat(bounds.getFirst()).isBetween(2.0, 3.2); // ln 20 is 3.0
    assertThat(bounds.getLast()).isLessThan(0.75 * bounds.getFirst());
    assertThat(losses.subList(350, 400).stream().mapToDouble(d -> d).average().orElseThrow())
        .isLessThan(
            0.8 * losses.subList(0, 20).stream().mapToDouble(d -> d).average().orElseThrow());
  }

  @Test
  void aLossThatIsNoNumberStopsWithTheDataAndTheLastGoodCheckpoint() throws IOException {
    try (Arena arena = Arena.ofShared();
        Network network = new Runs.Broken(Runs.network(arena), 10);
        Trainer trainer =
            Runs.trainer(
                folder,
                Runs.config(10, 0),
                network,
                Trained.AllWeights.of(network),
                Runs.data(folder, 500, arena),
                new TrainingListener() {})) {
      assertThatThrownBy(trainer::run)
          .isInstanceOf(NonFiniteLossException.class)
          .hasMessageContaining("step 6: the loss is NaN")
          .hasMessageContaining("of the corpus and the rest of the batch (written to ")
          .hasMessageContaining("The last good checkpoint is " + folder.resolve("step-00000004"));
    }
    assertThat(Files.readAllLines(folder.resolve("non-finite-step-6.txt")))
        .hasSize(4)
        .allSatisfy(line -> assertThat(line).matches("tokens \\d+ to \\d+ of the corpus: \\[.*]"));
  }

  @Test
  void otherSettingsOrDataAreRefused() throws IOException {
    run("run", "all", 0);
    Path run = folder.resolve("run");
    try (Arena arena = Arena.ofShared();
        Network network = Runs.network(arena)) {
      Trained all = Trained.AllWeights.of(network);
      try (Trainer trainer =
          Runs.trainer(
              run,
              Runs.config(11, 2, 0, 2e-2),
              network,
              all,
              Runs.data(folder, 500, arena),
              new TrainingListener() {})) {
        assertThatThrownBy(() -> trainer.resume(run.resolve("step-00000010")))
            .isInstanceOf(ResumeException.class)
            .hasMessageContaining(
                ": steps: the run has 10, asked was 11; learning rate: the run has")
            .hasMessageContaining("has 0.01, asked was 0.02; ask for the same to go on with");
      }
      Files.delete(folder.resolve("tokens.cache"));
      try (Trainer trainer =
          Runs.trainer(
              run,
              Runs.config(10, 0),
              network,
              all,
              Runs.data(folder, 501, arena),
              new TrainingListener() {})) {
        assertThatThrownBy(() -> trainer.resume(run.resolve("step-00000010")))
            .isInstanceOf(ResumeException.class)
            .hasMessageContaining("the run was started on other data");
      }
    }
  }

  /** The numbers of version 1 are not made any more, so a run that began with them cannot go on. */
  @Test
  void runsWithOtherRandomStreamsAreRefused() throws IOException {
    run("run", "all", 0);
    Path checkpoint = folder.resolve("run/step-00000010");
    assertThat(TrainingState.read(checkpoint).settings()).containsEntry("random streams", "2");
    Path file = checkpoint.resolve("training.json");
    String before = Files.readString(file);
    String old = before.replaceFirst(",\\s*\"random streams\" : \"2\"", "");
    assertThat(old).isNotEqualTo(before);
    Files.writeString(file, old);
    try (Arena arena = Arena.ofShared();
        Network network = Runs.network(arena);
        Trainer trainer =
            Runs.trainer(
                folder.resolve("run"),
                Runs.config(10, 0),
                network,
                Trained.AllWeights.of(network),
                Runs.data(folder, 500, arena),
                new TrainingListener() {})) {
      assertThatThrownBy(() -> trainer.resume(checkpoint))
          .isInstanceOf(ResumeException.class)
          .hasMessage(
              checkpoint
                  + ": the run was started by a version whose random numbers are others (random"
                  + " streams 1, here 2); finish it with that version, or choose another output"
                  + " folder for a new run");
    }
  }

  /** Processes that are threads: sums in the order of ranks, after all have brought their part. */
  record Threads(int rank, int size, CyclicBarrier meeting, Object[] brought) implements Processes {
    @Override
    public void sum(MemorySegment floats) {
      brought[rank] = floats.toArray(ValueLayout.JAVA_FLOAT);
      barrier();
      float[] sum = new float[((float[]) brought[0]).length];
      for (Object part : brought) {
        for (int i = 0; i < sum.length; i++) {
          sum[i] += ((float[]) part)[i];
        }
      }
      barrier();
      MemorySegment.copy(sum, 0, floats, ValueLayout.JAVA_FLOAT, 0, sum.length);
    }

    @Override
    public double sum(double value) {
      brought[rank] = value;
      barrier();
      double sum = Arrays.stream(brought).mapToDouble(part -> (double) part).sum();
      barrier();
      return sum;
    }

    @Override
    public void barrier() {
      try {
        meeting.await();
      } catch (InterruptedException | BrokenBarrierException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public void close() {}
  }

  /** Trains with 4 sequences a forward pass in all, and gives weights and losses. */
  private void train(Processes processes, Path run, List<Double> losses, List<float[]> weights)
      throws IOException {
    try (Arena arena = Arena.ofShared();
        Network network = Runs.network(arena);
        Trainer trainer =
            Runs.trainer(
                run,
                Runs.config(10, 4, 0, 1e-2),
                network,
                Trained.AllWeights.of(network),
                Runs.data(run, 500, arena),
                processes,
                new TrainingListener() {
                  @Override
                  public void step(Step step) {
                    losses.add(step.loss());
                  }
                })) {
      trainer.run();
      HuggingFaceFolder.byName(network.weights()).values().forEach(t -> weights.add(t.toArray()));
    }
  }

  @Test
  void processesAreOneWithALargerBatch() throws Exception {
    List<Double> expectedLosses = new ArrayList<>();
    List<float[]> expected = new ArrayList<>();
    train(Processes.ALONE, Files.createDirectory(folder.resolve("one")), expectedLosses, expected);
    CyclicBarrier meeting = new CyclicBarrier(2);
    Object[] brought = new Object[2];
    try (ExecutorService pool = Executors.newFixedThreadPool(2)) {
      List<Future<List<float[]>>> found = new ArrayList<>();
      for (int rank = 0; rank < 2; rank++) {
        Processes processes = new Threads(rank, 2, meeting, brought);
        Path run = Files.createDirectory(folder.resolve("rank" + rank));
        found.add(
            pool.submit(
                () -> {
                  List<Double> losses = new ArrayList<>();
                  List<float[]> weights = new ArrayList<>();
                  train(processes, run, losses, weights);
                  for (int s = 0; s < 10; s++) {
                    assertThat(losses.get(s)).isCloseTo(expectedLosses.get(s), within(1e-5));
                  }
                  return weights;
                }));
      }
      List<float[]> first = found.get(0).get(60, TimeUnit.SECONDS);
      List<float[]> second = found.get(1).get(60, TimeUnit.SECONDS);
      for (int t = 0; t < expected.size(); t++) {
        assertThat(first.get(t)).isEqualTo(second.get(t)).hasSize(expected.get(t).length);
        assertThat(first.get(t))
            .usingComparatorWithPrecision(1e-4f)
            .containsExactly(expected.get(t));
      }
    }
    assertThat(new RunFolder(folder.resolve("rank0")).latest()).isPresent();
    assertThat(new RunFolder(folder.resolve("rank1")).latest()).isEmpty();
  }

  @Test
  void accumulatingIsALargerBatch() throws IOException {
    // The same four sequences in one batch of four and in two of two: gradients equal to rounding.
    try (Arena arena = Arena.ofShared();
        Network one = Runs.network(arena);
        Network two = Runs.network(arena)) {
      int[][] x0 = new int[4][8];
      for (int b = 0; b < 4; b++) {
        for (int i = 0; i < 8; i++) {
          x0[b][i] = (3 * b + i) % 15;
        }
      }
      float[] t = {0.2f, 0.5f, 0.7f, 0.9f};
      float[][] u = new float[4][8];
      for (int i = 0; i < 32; i++) {
        u[i / 8][i % 8] = i * 0.37f % 1;
      }
      var process = llada.diffusion.ForwardProcess.llada(19);
      double whole = one.lossAndGradients(process.noise(x0, null, t, u));
      double parts = 0;
      for (int a = 0; a < 2; a++) {
        var noisy =
            process.noise(
                new int[][] {x0[2 * a], x0[2 * a + 1]},
                null,
                new float[] {t[2 * a], t[2 * a + 1]},
                new float[][] {u[2 * a], u[2 * a + 1]});
        double[] half = Arrays.stream(noisy.weights()).map(w -> w / 2).toArray();
        parts +=
            two.lossAndGradients(
                new llada.diffusion.NoisyBatch(
                    noisy.xt(), noisy.rows(), noisy.targets(), half, noisy.pMask(), false));
      }
      assertThat(parts).isCloseTo(whole, within(1e-6));
      float[] a = Runs.numbers(one.gradients().embedding());
      float[] b = Runs.numbers(two.gradients().embedding());
      for (int i = 0; i < a.length; i++) {
        assertThat(a[i]).isCloseTo(b[i], within(1e-5f));
      }
    }
  }

  /** Data whose sequences count twice. */
  private record Twice(TrainingData once) implements TrainingData {
    @Override
    public Batch batch(long first, int count, SplittableRandom random) {
      Batch batch = once.batch(first, count, random);
      Arrays.setAll(batch.weights(), b -> 2 * batch.weights()[b]);
      return batch;
    }

    @Override
    public int sequences() {
      return once.sequences();
    }

    @Override
    public int validationSequences() {
      return once.validationSequences();
    }

    @Override
    public Batch validation(int i) {
      return once.validation(i);
    }

    @Override
    public String digest() {
      return once.digest();
    }
  }

  @Test
  void aSequenceCountsByItsWeight() throws IOException {
    List<TrainingListener.Step> steps = new ArrayList<>();
    TrainingListener first =
        new TrainingListener() {
          @Override
          public void step(Step done) {
            steps.add(done);
            throw new Killed();
          }
        };
    for (boolean twice : new boolean[] {false, true}) {
      try (Arena arena = Arena.ofShared();
          Network network = Runs.network(arena)) {
        TrainingData once = Runs.data(folder, 500, arena);
        try (Trainer trainer =
            Runs.trainer(
                folder.resolve("run" + twice),
                Runs.config(10, 0),
                network,
                Trained.AllWeights.of(network),
                twice ? new Twice(once) : once,
                first)) {
          assertThatThrownBy(trainer::run).isInstanceOf(Killed.class);
        }
      }
    }
    assertThat(steps.getLast().loss()).isEqualTo(2 * steps.getFirst().loss());
    assertThat(steps.getLast().gradientNorm()).isEqualTo(2 * steps.getFirst().gradientNorm());
  }
}
