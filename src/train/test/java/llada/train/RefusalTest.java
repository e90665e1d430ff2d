package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import llada.checkpoint.HuggingFaceFolder;
import llada.experiments.Experiment;
import llada.experiments.Experiments;
import llada.experiments.Lab;
import llada.experiments.Size;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is not written: a number that is none, and into a folder that another process holds. */
class RefusalTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aCheckpointWithANumberThatIsNoneIsNotWritten(boolean inWeights) throws IOException {
    Path tokenizer = Files.createDirectories(folder.resolve("tokenizer"));
    Files.writeString(tokenizer.resolve("tokenizer.json"), "{}");
    RunFolder run = new RunFolder(folder.resolve("run"));
    try (DiskLock _ = run.open();
        Arena arena = Arena.ofShared();
        Network network = Runs.network(arena)) {
      Map<String, Tensor> weights = HuggingFaceFolder.byName(network.weights());
      Map<String, Tensor> optimizer = HuggingFaceFolder.byName(network.gradients());
      Path good = run.save(state(1), Runs.CONFIG, network.weights(), optimizer, tokenizer);
      String name = weights.keySet().iterator().next();
      (inWeights ? weights : optimizer).get(name).set(3, Float.NaN);
      assertThatThrownBy(
              () -> run.save(state(2), Runs.CONFIG, network.weights(), optimizer, tokenizer))
          .isInstanceOf(NonFiniteLossException.class)
          .hasMessageStartingWith("step 2: ")
          .hasMessageContaining(name)
          .hasMessageContaining("so no checkpoint is written; the last good one is " + good);
      assertThat(run.checkpoints()).containsExactly(good);
      assertThat(TrainingState.check(good).step()).isEqualTo(1);
    }
  }

  private static TrainingState state(long step) {
    return TrainingState.of(step, Runs.config(9, 0).settings(), "data", "");
  }

  @Test
  void anExperimentThatRunsElsewhereIsLeftAlone() throws IOException {
    Experiment experiment = Experiments.ALL.getFirst();
    Path own = Files.createDirectories(folder.resolve(experiment.name()));
    Lab lab =
        new Lab(
            folder,
            Size.TINY,
            1,
            1,
            Experiment.Inputs.NONE,
            1,
            () -> {
              throw new AssertionError("a job was begun");
            },
            _ -> {});
    try (DiskLock _ = DiskLock.take(own.resolve("results.lock")).orElseThrow()) {
      assertThatThrownBy(() -> lab.run(experiment))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(own + ": another process is running this experiment");
    }
    assertThat(own.resolve("results.csv")).doesNotExist();
  }
}
