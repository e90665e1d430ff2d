package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.format.PowerCut;
import llada.format.Safetensors;
import llada.tensor.DType;
import llada.tensor.Tensor;
import llada.train.RunFolder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** 'llada train' touches only what a run wrote, alone, and says what it does about damage. */
class RunSafetyTest {
  private static final String TINY =
      " --vocab 300 --dim 16 --layers 1 --heads 2 --ffn 24 --length 32 --batch 2 --backend vector"
          + " --threads 1 --lr 1e-2 --steps 4 --save-every 2 --sample-every 0 --validate-every 0"
          + " -q";

  @TempDir Path folder;

  @BeforeEach
  void corpus() throws IOException {
    Files.writeString(folder.resolve("corpus.txt"), "The cat sat on the mat. ".repeat(200));
  }

  private CliRun train(String args) {
    return CliRun.of(("train " + args).replace("DIR", folder.toString()).split(" "));
  }

  private void refused(String args, String message) {
    CliRun run = train(args);
    assertThat(run.code()).as(run.toString()).isIn(ExitCodes.USAGE, ExitCodes.BAD_FILE);
    assertThat(run.err()).contains(message);
  }

  @Test
  void foldersOfOthersAreLeftAlone() throws IOException {
    String fresh = "--data DIR/corpus.txt -o DIR/run" + TINY;
    Path run = Files.createDirectory(folder.resolve("run"));
    for (String name : List.of("thesis.tmp", ".old-photos", ".step-by-step", "notes.txt")) {
      Path file = Files.writeString(run.resolve(name), "mine");
      refused(fresh, "run: is no folder of a run, but holds " + name);
      assertThat(run).isDirectoryContaining("glob:**/" + name);
      Files.delete(file);
    }
    assertThat(train(fresh).code()).isZero();
    // In a folder of a run, too, only what the run wrote is touched.
    Path model = run.resolve("model");
    Path published = model.resolve("SHA256SUMS");
    String sums = Files.readString(published);
    Files.writeString(run.resolve("thesis.tmp"), "mine");
    Files.writeString(run.resolve(".old-photos"), "mine");
    assertThat(train("--resume -q --backend vector -o DIR/run").code()).isZero();
    Files.writeString(published, sums + "0");
    refused("--resume -q --backend vector -o DIR/run", "model: is there, but was not written by");
    assertThat(published).hasContent(sums + "0");
    assertThat(run.resolve("thesis.tmp")).hasContent("mine");
    assertThat(run.resolve(".old-photos")).hasContent("mine");
    new PowerCut(folder).deleteTree(run.resolve("step-00000002"));
    new PowerCut(folder).deleteTree(run.resolve("step-00000004"));
    refused(
        "--data DIR/corpus.txt --model DIR/run/model -o DIR/run" + TINY,
        "lies in the run's folder");
  }

  @Test
  void oneProcessAtATime() throws IOException {
    try (DiskLock _ = new RunFolder(folder.resolve("run")).open()) {
      refused("--data DIR/corpus.txt -o DIR/run" + TINY, "run: another process is training in it");
    }
    assertThat(train("--data DIR/corpus.txt -o DIR/run" + TINY).code()).isZero();
  }

  @Test
  void resumeFallsBackAndSaysSo() throws IOException {
    Path run = folder.resolve("run");
    assertThat(train("--data DIR/corpus.txt -o DIR/run" + TINY).code()).isZero();
    Map<String, Integer> whole = PowerCut.hashes(PowerCut.tree(run.resolve("model")));
    List<String> checked = new ArrayList<>();
    new RunFolder(run).verify((what, found) -> checked.add(what + " " + found));
    assertThat(checked)
        .containsExactly(
            "tokens SHA-256 as noted",
            "checkpoint step 2, sums and numbers",
            "checkpoint step 4, sums and numbers");
    Files.write(run.resolve("step-00000004/config.json"), new byte[0]);
    assertThatThrownBy(() -> new RunFolder(run).verify((_, _) -> {}))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("step-00000004/config.json: is damaged: its SHA-256");
    CliRun resumed = train("--resume --backend vector -o DIR/run");
    assertThat(resumed.code()).as(resumed.toString()).isZero();
    assertThat(resumed.err())
        .contains("config.json: is damaged", "the checkpoint is now step-00000004.damaged-")
        .contains("from " + run.resolve("step-00000002"));
    assertThat(PowerCut.hashes(PowerCut.tree(run.resolve("model")))).isEqualTo(whole);

    // A number that is none, in a checkpoint of an earlier version, which has no sums.
    Path last = run.resolve("step-00000004");
    Files.delete(last.resolve("SHA256SUMS"));
    try (Arena arena = Arena.ofConfined()) {
      Path state = last.resolve("optimizer.safetensors");
      Map<String, Tensor> tensors = new HashMap<>(Safetensors.open(state, arena).tensors());
      String name = tensors.keySet().iterator().next();
      Tensor spoiled = Tensor.allocate(arena, DType.F32, tensors.get(name).shape().toArray());
      spoiled.set(0, Float.NaN);
      tensors.put(name, spoiled);
      Safetensors.write(state, tensors, Map.of());
    }
    assertThatThrownBy(() -> llada.train.TrainingState.check(last))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("holds NaN at element 0");
    assertThat(train("--resume --backend vector -o DIR/run").code()).isZero();
    assertThat(PowerCut.hashes(PowerCut.tree(run.resolve("model")))).isEqualTo(whole);
  }
}
