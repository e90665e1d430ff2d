package llada.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import llada.diffusion.NoisyBatch;
import llada.kernel.Parallel;
import llada.kernel.simd.VectorKernels;
import llada.model.LladaWeights;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The checkpoint with the lowest bound stays, and is what is published, wherever a run was cut. */
class BestCheckpointTest {
  private static final int STEPS = 10;

  @TempDir Path folder;

  /** A network whose validation bounds after steps 2, 4, 6 and so on are given. */
  record Judged(Network network, AtomicLong step, double... bounds) implements Network {
    @Override
    public LladaWeights weights() {
      return network.weights();
    }

    @Override
    public LladaWeights gradients() {
      return network.gradients();
    }

    @Override
    public double lossAndGradients(double[] losses, NoisyBatch batch) {
      return network.lossAndGradients(losses, batch);
    }

    @Override
    public double loss(NoisyBatch batch) {
      return bounds[step.intValue() / 2 - 1];
    }

    @Override
    public void close() {
      network.close();
    }
  }

  private static final class Killed extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** What a run told. */
  private record Ran(Path folder, long published, List<String> warned) {
    List<String> checkpoints() {
      return new RunFolder(folder)
          .checkpoints().stream().map(path -> path.getFileName().toString()).toList();
    }
  }

  /** Runs to the end, killed after the validation of these steps and resumed each time. */
  private Ran run(String kind, double[] bounds, long... kills) throws IOException {
    Path run = Files.createTempDirectory(folder, "run");
    new RunFolder(run).open().close();
    Path tokenizer = Files.createDirectories(run.resolve("tokenizer"));
    Files.writeString(tokenizer.resolve("tokenizer.json"), "{}");
    List<String> warned = new ArrayList<>();
    long published = -1;
    for (int part = 0; part <= kills.length; part++) {
      long kill = part < kills.length ? kills[part] : -1;
      AtomicLong now = new AtomicLong();
      TrainingListener listener =
          new TrainingListener() {
            @Override
            public void step(Step step) {
              now.set(step.step());
            }

            @Override
            public void validated(long step, Validation found) {
              if (step == kill) {
                throw new Killed();
              }
            }

            @Override
            public void warned(String line) {
              warned.add(line);
            }
          };
      try (Arena arena = Arena.ofShared();
          Network network =
              new Judged(
                  kind.equals("lora")
                      ? Runs.adapted(arena, 2, Set.of("q_proj"))
                      : Runs.network(arena),
                  now,
                  bounds);
          Trainer trainer =
              new Trainer(
                  Runs.config(STEPS, kind.equals("ema") ? 0.9 : 0),
                  new Trainer.Schedule(2, 1, 2, 1, 0),
                  new Trainer.Learner(
                      Runs.CONFIG,
                      network,
                      kind.equals("lora")
                          ? new Lora(network, 4, 5, arena)
                          : Trained.AllWeights.of(network),
                      new VectorKernels(Parallel.SERIAL)),
                  Runs.data(folder, 500, arena),
                  new Trainer.Output(new RunFolder(run), tokenizer, Map.of("data", "somewhere")),
                  Processes.ALONE,
                  listener)) {
        new RunFolder(run).latest().ifPresent(trainer::resume);
        trainer.run();
        trainer.best();
        trainer.publish();
        published = trainer.step();
      } catch (Killed e) {
        // The next part goes on from what is on the disk.
      }
    }
    return new Ran(run, published, warned);
  }

  @ParameterizedTest
  @ValueSource(strings = {"all", "ema", "lora"})
  void theBestStaysAndIsPublished(String kind) throws IOException {
    double[] bounds = {3, 1.5, 2, 5, 4};
    Ran whole = run(kind, bounds);
    assertThat(whole.published()).isEqualTo(4);
    assertThat(whole.checkpoints()).containsExactly("step-00000004", "step-00000010");
    String made = kind.equals("lora") ? "adapter" : "model";
    Path model = whole.folder().resolve(made);
    assertThat(Files.readString(model.resolve("training.json")))
        .contains("\"step\" : 4", "\"validation bound\" : \"1.5\"")
        .doesNotContain("somewhere");
    if (!kind.equals("ema")) { // which publishes the average in place of the weights
      String weights = kind.equals("lora") ? "adapter_model.safetensors" : "model.safetensors";
      assertThat(model.resolve(weights))
          .hasSameBinaryContentAs(whole.folder().resolve("step-00000004").resolve(weights));
    }
    Ran cut = run(kind, bounds, 2, 4, 6, 10);
    assertThat(cut.checkpoints()).isEqualTo(whole.checkpoints());
    assertThat(Runs.bytes(cut.folder().resolve(made))).isEqualTo(Runs.bytes(model));
    for (String checkpoint : whole.checkpoints()) {
      assertThat(Runs.bytes(cut.folder().resolve(checkpoint)))
          .isEqualTo(Runs.bytes(whole.folder().resolve(checkpoint)));
    }
  }

  @Test
  void theLastIsTheBestIfNothingWasMeasuredOrTheBoundFellToTheEnd() throws IOException {
    Ran fell = run("all", new double[] {5, 4, 3, 2, 1});
    assertThat(fell.checkpoints()).containsExactly("step-00000010");
    assertThat(fell.published()).isEqualTo(10);
    double none = Double.NaN;
    Ran unknown = run("all", new double[] {none, none, none, none, none});
    assertThat(unknown.checkpoints()).containsExactly("step-00000010");
    assertThat(unknown.published()).isEqualTo(10);
    assertThat(unknown.warned()).isEmpty();
  }

  /** Damage to the best one: the last weights are published, and that is told. */
  @Test
  void aDamagedBestIsPassedOver() throws IOException {
    Ran ran = run("all", new double[] {1, 2, 3, 4, 5});
    Path best = ran.folder().resolve("step-00000002");
    byte[] bytes = Files.readAllBytes(best.resolve("model.safetensors"));
    bytes[bytes.length - 1] ^= 1;
    Files.write(best.resolve("model.safetensors"), bytes);
    List<String> warned = new ArrayList<>();
    try (Arena arena = Arena.ofShared();
        Network network = Runs.network(arena);
        Trainer trainer =
            Runs.trainer(
                ran.folder(),
                Runs.config(STEPS, 0),
                network,
                Trained.AllWeights.of(network),
                Runs.data(folder, 500, arena),
                new TrainingListener() {
                  @Override
                  public void warned(String line) {
                    warned.add(line);
                  }
                })) {
      trainer.resume(ran.folder().resolve("step-00000010"));
      assertThat(trainer.bound()).hasValue(5.0);
      trainer.best();
      assertThat(trainer.step()).isEqualTo(10);
    }
    assertThat(warned)
        .singleElement()
        .asString()
        .contains("model.safetensors", "the last weights are taken in its place");
    Files.writeString(best.resolve("training.json"), "{");
    assertThat(new RunFolder(ran.folder()).best()).hasValue(ran.folder().resolve("step-00000010"));
  }
}
