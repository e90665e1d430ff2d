package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.format.PowerCut;
import llada.train.RunFolder;
import llada.train.Trainer;
import llada.train.TrainingConfig;
import llada.train.TrainingState;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Options of 'llada train' are settings of the library, and both know each other's names. */
class TrainSettingsTest {
  @TempDir Path folder;

  private static Map<String, String> parsed(String args) {
    TrainSettings settings = new TrainSettings();
    new CommandLine(settings).parseArgs(args.isEmpty() ? new String[0] : args.split(" "));
    return settings.values(_ -> true);
  }

  private static final String ALL_NEW =
      "--lr=1e-3 --lr-end=1e-6 --warmup=3 --dim=32 --layers=1 --heads=4 --kv-heads=2 --ffn=40"
          + " --context=300 --tied --vocab=300";

  @Test
  void everyOptionIsASettingAndEverySettingAnOption() {
    Map<String, String> all = new LinkedHashMap<>(TrainingConfig.of(parsed(ALL_NEW)).settings());
    all.putAll(TrainingConfig.of(parsed("--sft")).settings());
    Map<String, String> adapters = parsed("--lora-rank=2 --lora-alpha=3");
    adapters.put("model", "/base");
    all.putAll(TrainingConfig.of(adapters).settings());
    all.remove("model");
    Map<String, String> options = parsed(ALL_NEW + " --lora-rank=2 --lora-alpha=3");
    assertThat(options.keySet()).containsExactlyInAnyOrderElementsOf(all.keySet());
    for (String setting : all.keySet()) {
      assertThat(TrainSettings.option(setting)).as(setting).startsWith("--");
    }
    assertThat(TrainSettings.option("learning rate")).isEqualTo("--lr");
    assertThat(TrainSettings.option("gen_length")).isEqualTo("--gen-length");
    assertThat(TrainSettings.option("min frequency")).isEqualTo("min frequency");
  }

  @Test
  void whatIsNotSaidFollowsFromTheRest() {
    Map<String, String> settings =
        TrainingConfig.of(parsed("--steps=500 --lr=1e-3 --heads=4 --length=2000")).settings();
    assertThat(settings)
        .containsEntry("warmup", "10")
        .containsEntry("last learning rate", "1.0E-4")
        .containsEntry("key-value heads", "4")
        .containsEntry("longest sequence", "2000")
        .doesNotContainKey("vocabulary");
  }

  /** A run of the version before training.json held settings by name goes on to the same bits. */
  @Test
  void runsOfEarlierVersionsAreResumed() throws IOException {
    Path corpus = folder.resolve("corpus.txt");
    Files.writeString(corpus, "The cat sat on the mat. ".repeat(200));
    Path run = folder.resolve("run");
    String rest = "--backend vector --threads 1 -q -o " + run;
    CliRun whole =
        train(
            "--vocab 300 --dim 16 --layers 1 --heads 2 --ffn 24 --length 32 --batch 2 --lr 1e-2"
                + " --steps 4 --save-every 2 --sample-every 0 --validate-every 0 --data "
                + corpus
                + " "
                + rest);
    assertThat(whole.code()).as(whole.toString()).isZero();
    Map<String, Integer> expected = PowerCut.hashes(PowerCut.tree(run.resolve("model")));
    new PowerCut(folder).deleteTree(run.resolve("step-00000004"));
    Path first = run.resolve("step-00000002");
    Files.delete(first.resolve("SHA256SUMS"));
    TrainingState state = TrainingState.read(first);
    Files.writeString(
        first.resolve("training.json"),
        """
        {"step": 2, "data": "%s", "base": "", "settings": {"data": "%s", "--sft": "false",
        "--objective": "llada", "--steps": "4", "--batch": "2", "--accumulate": "1",
        "--length": "32", "--lr": "0.01", "--lr-end": "null", "--schedule": "wsd",
        "--warmup": "null", "--decay": "0.1", "--weight-decay": "0.1", "--decay-all": "false",
        "--beta1": "0.9", "--beta2": "0.95", "--clip": "1.0", "--ema": "0.0", "--eps": "0.001",
        "--stratified": "false", "--random-lengths": "0.01", "--full-padding": "0.0",
        "--skip-long": "false", "--validation": "0.02", "--validation-samples": "8",
        "--seed": "0", "--lora-rank": "0", "--lora-alpha": "null",
        "--lora-targets": "q_proj,v_proj", "--dim": "16", "--layers": "1", "--heads": "2",
        "--kv-heads": "null", "--ffn": "24", "--context": "null", "--tied": "false",
        "--vocab": "300", "random streams": "2"}}
        """
            .formatted(state.data(), corpus));
    CliRun other = train("--resume --ffn 32 --seed 0 " + rest);
    assertThat(other.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(other.err())
        .contains("step-00000002: feed-forward channels: the run has 24, asked was 32; ask for");
    CliRun strange = train("--resume --skip-long " + rest);
    assertThat(strange.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(strange.err()).contains("--skip-long means nothing to the run in " + first);
    CliRun resumed = train("--resume --save-every 2 --sample-every 0 --validate-every 0 " + rest);
    assertThat(resumed.code()).as(resumed.toString()).isZero();
    assertThat(PowerCut.hashes(PowerCut.tree(run.resolve("model")))).isEqualTo(expected);
    assertThat(TrainingState.read(new RunFolder(run).latest().orElseThrow()).settings())
        .containsEntry("learning rate", "0.01")
        .doesNotContainKey("--lr");
    assertThat(List.of(run.toFile().list())).contains("step-00000004");
  }

  @Test
  void aResumedRunKeepsItsSchedule() throws IOException {
    Path corpus = folder.resolve("corpus.txt");
    Files.writeString(corpus, "The cat sat on the mat. ".repeat(200));
    Path run = folder.resolve("run");
    CliRun whole =
        train(
            "--vocab 300 --dim 16 --layers 1 --heads 2 --ffn 24 --length 32 --batch 2 --steps 4"
                + " --save-every 1 --keep 9 --sample-every 0 --backend vector -q --data "
                + corpus
                + " -o "
                + run);
    assertThat(whole.code()).as(whole.toString()).isZero();
    for (int step = 2; step <= 4; step++) {
      new PowerCut(folder).deleteTree(run.resolve("step-0000000" + step));
    }
    assertThat(train("--resume --backend vector -q -o " + run).code()).isZero();
    assertThat(run.toFile().list((_, name) -> name.startsWith("step-"))).hasSize(4);
    TrainingState state = TrainingState.read(new RunFolder(run).latest().orElseThrow());
    assertThat(state.schedule()).contains(new Trainer.Schedule(1, 9, 1, 32, 0));
    Map<String, String> damaged = new LinkedHashMap<>(state.settings());
    damaged.replaceAll((name, value) -> name.startsWith("save") ? "1 2 x" : value);
    assertThat(new TrainingState(4, damaged, state.data(), "").schedule()).isEmpty();
  }

  private static CliRun train(String args) {
    return CliRun.of(("train " + args).split(" "));
  }
}
