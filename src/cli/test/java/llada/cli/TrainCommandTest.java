package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole runs of 'llada train', and what a user can get wrong. */
class TrainCommandTest {
  private static final String TINY =
      " --vocab 300 --dim 16 --layers 1 --heads 2 --ffn 24 --length 32 --batch 4 --backend vector"
          + " --threads 2 --lr 1e-2";

  @TempDir Path folder;

  private Path corpus() throws IOException {
    Path file = folder.resolve("corpus.txt");
    if (Files.notExists(file)) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < 400; i++) {
        text.append(
            "The %s cat number %d sat on the mat.\n".formatted(i % 3 == 0 ? "red" : "big", i));
      }
      Files.writeString(file, text);
    }
    return file;
  }

  private CliRun train(String args) {
    return CliRun.of(("train " + args).replace("DIR", folder.toString()).split(" "));
  }

  @Test
  void fromTextToAModelThatGenerates() throws IOException {
    corpus();
    CliRun run =
        train("--data DIR/corpus.txt -o DIR/run --steps 40 --ema 0.9 --sample-prompt The" + TINY);
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    assertThat(run.out()).matches(folder + "/run/model: validation bound \\d.*\n");
    assertThat(run.err())
        .contains("tokenizer: ", "step 40/40  loss ", "tokens/s  ETA 0:00")
        .contains("step 40  validation bound", "step 40  saved ", "sample: The");
    assertThat(Files.readAllLines(folder.resolve("run/loss.csv"))).hasSize(41);
    assertThat(folder.resolve("run/loss.svg")).exists();
    assertThat(folder.resolve("run/samples.txt")).content().contains("--- step 40");
    CliRun text =
        CliRun.of(
            "generate", "-m", folder.resolve("run/model").toString(), "--gen-length", "8", "The");
    assertThat(text.code()).as(text.toString()).isEqualTo(ExitCodes.OK);

    assertThat(train("--data DIR/corpus.txt -o DIR/run" + TINY))
        .satisfies(r -> assertThat(r.code()).isEqualTo(ExitCodes.USAGE))
        .satisfies(r -> assertThat(r.err()).contains("holds a run already, at step-00000040"));
    CliRun other = train("--resume -o DIR/run --lr 0.5");
    assertThat(other.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(other.err()).contains("learning rate: the run has 0.01, asked was 0.5");
    assertThat(train("--resume -o DIR/run --backend vector").code()).isEqualTo(ExitCodes.OK);
  }

  @Test
  void chatsAdaptersAndTheOtherObjectives() throws IOException {
    corpus();
    Path chats = folder.resolve("chats.jsonl");
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 30; i++) {
      lines.append("{\"prompt\": \"What is %d?\", \"response\": \"A cat.\"}\n".formatted(i));
    }
    Files.writeString(chats, lines);
    assertThat(train("--data DIR/corpus.txt -o DIR/base --steps 4 -q" + TINY).code()).isZero();
    String more = " --length 96 --batch 4 --backend vector --steps 4 -q --model DIR/base/model";
    CliRun sft = train("--sft --data DIR/chats.jsonl -o DIR/sft" + more);
    assertThat(sft.code()).as(sft.toString()).isZero();
    CliRun lora =
        train(
            "--sft --lora-rank 2 --lora-targets q_proj,ff_out --data DIR/chats.jsonl -o DIR/lora"
                + more);
    assertThat(lora.code()).as(lora.toString()).isZero();
    assertThat(folder.resolve("lora/adapter/adapter_model.safetensors")).exists();
    assertThat(train("--resume -o DIR/lora -q --backend vector").code()).isZero();
    for (String objective : List.of("bert15", "maskgit", "ar")) {
      CliRun run =
          train(
              "--data DIR/corpus.txt -o DIR/%s --objective %s --steps 3 -q"
                      .formatted(objective, objective)
                  + TINY);
      assertThat(run.code()).as(run.toString()).isZero();
    }
    CliRun text = train("--sft --data DIR/corpus.txt -o DIR/x" + more);
    assertThat(text.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(text.err()).contains("corpus.txt: line 1: is a text; fine-tuning needs chats");
    CliRun tooLong = train("--sft --data DIR/chats.jsonl -o DIR/y" + more.replace("96", "20"));
    assertThat(tooLong.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(tooLong.err()).contains("chats.jsonl: line 1: prompt and answer have");
    Files.writeString(chats, lines + "{\"prompt\": 5}\n");
    CliRun broken = train("--sft --data DIR/chats.jsonl -o DIR/z" + more);
    assertThat(broken.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(broken.err()).contains("chats.jsonl: line 31: prompt is 5").hasLineCount(1);
  }

  @Test
  void badInputIsOneLine() throws IOException {
    corpus();
    Files.writeString(folder.resolve("empty.txt"), "\n \n");
    String[][] wrong = {
      {"--data DIR/empty.txt -o DIR/r" + TINY, "the corpus is empty"},
      {"--data DIR/none.txt -o DIR/r" + TINY, "none.txt: there is no such file or folder"},
      {"--data DIR/corpus.txt -o DIR/corpus.txt" + TINY, "cannot be made"},
      {
        "--data DIR/corpus.txt -o DIR/r --context 16" + TINY,
        "--length is 32; the model takes at most 16"
      },
      {
        "--data DIR/corpus.txt -o DIR/r --schedule x" + TINY,
        "--schedule is 'x'; it must be one of wsd"
      },
      {"--data DIR/corpus.txt -o DIR/r --objective x" + TINY, "--objective is 'x'"},
      {"--data DIR/corpus.txt -o DIR/r --lora-rank 2" + TINY, "--lora-rank needs a model"},
      {
        "--data DIR/corpus.txt -o DIR/r --validation 2" + TINY,
        "--validation is 2.0; it must be from 0 to 1"
      },
      {"--data DIR/corpus.txt -o DIR/r --vocab 20", "--vocab is 20; it must be at least 266"},
      {"--data DIR/corpus.txt -o DIR/r --tokenizer DIR", "holds no tokenizer.json"},
    };
    for (String[] one : wrong) {
      CliRun run = train(one[0]);
      assertThat(run.code()).as(run.toString()).isIn(ExitCodes.USAGE, ExitCodes.BAD_FILE);
      assertThat(run.err()).contains(one[1]);
      assertThat(run.err().lines().filter(line -> line.startsWith("llada: "))).hasSize(1);
    }
  }

  @Test
  void tokenizerTrainingIsRepeatable() throws IOException {
    corpus();
    for (String name : List.of("a", "b")) {
      CliRun run =
          CliRun.of(
              "tokenizer",
              "train",
              "--data",
              folder.resolve("corpus.txt").toString(),
              "--vocab",
              "400",
              "-o",
              folder.resolve(name).toString());
      assertThat(run.code()).as(run.toString()).isZero();
      assertThat(run.err()).contains("tokens, fewer than --vocab");
    }
    for (String file :
        List.of("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")) {
      assertThat(folder.resolve("a").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("b").resolve(file));
    }
  }

  @Test
  void benchTrainSaysWhatItMeasured() {
    CliRun run =
        CliRun.of(
            "bench",
            "train",
            "--batch",
            "1",
            "--repeat",
            "1",
            "--warmup",
            "0",
            "--json",
            "--backend",
            "vector",
            "--threads",
            "2");
    assertThat(run.code()).as(run.toString()).isZero();
    Json json = Json.parse(run.out().getBytes(StandardCharsets.UTF_8), "output");
    assertThat(json.get("tokens_per_second").number()).isPositive();
    assertThat(json.get("peak_rss_mb").number()).isPositive();
    assertThat(json.get("dtype").string()).isEqualTo("float32");
    assertThat(json.get("threads").integer()).isEqualTo(2);
    assertThat(json.get("parameters").integer()).isEqualTo(9_014_528);
  }

  /** A process of its own is killed without warning, again and again, at whatever it is doing. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void killedAtAnyMomentNothingIsLost(boolean adapters) throws IOException, InterruptedException {
    corpus();
    String shape = TINY;
    if (adapters) {
      assertThat(train("--data DIR/corpus.txt -o DIR/base --steps 4 -q" + TINY).code()).isZero();
      shape =
          " --model DIR/base/model --lora-rank 2 --lora-targets q_proj,ff_out --length 32"
              + " --batch 4 --backend vector --threads 2 --lr 1e-2";
    }
    String args =
        "--data DIR/corpus.txt --steps 60 --save-every 3 --validate-every 7 --sample-every 0 -q"
            + shape;
    assertThat(train(args + " -o DIR/whole").code()).isZero();
    Path run = folder.resolve("cut");
    long before = -1;
    int kills = 0;
    for (int start = 0; start < 5; start++) {
      boolean resume = !new llada.train.RunFolder(run).checkpoints().isEmpty();
      Process process =
          process(resume ? "--resume -o DIR/cut -q --backend vector" : args + " -o DIR/cut");
      // From the moment when the first new checkpoint is there, some milliseconds more each time.
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (process.isAlive() && newest(run) <= before && System.nanoTime() < deadline) {
        Thread.sleep(1);
      }
      if (!process.waitFor(11L * start + 3, TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
        kills++;
      }
      if (newest(run) >= 0) {
        assertThat(newest(run)).isGreaterThanOrEqualTo(before);
        before = newest(run);
      }
      if (before == 60) {
        break;
      }
    }
    assertThat(kills).isGreaterThan(2);
    CliRun end = train("--resume -o DIR/cut -q --backend vector");
    assertThat(end.code()).as(end.toString()).isZero();
    String made = adapters ? "adapter" : "model";
    String weights = adapters ? "adapter_model.safetensors" : "model.safetensors";
    for (String file :
        List.of(
            "step-00000060/tokenizer.json",
            made + "/tokenizer_config.json",
            "step-00000060/" + weights,
            "step-00000060/optimizer.safetensors",
            made + "/" + weights)) {
      assertThat(run.resolve(file)).hasSameBinaryContentAs(folder.resolve("whole").resolve(file));
    }
    try (var files = Files.list(run)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .noneMatch(name -> name.startsWith("."));
    }
  }

  private static long newest(Path run) {
    return new llada.train.RunFolder(run)
        .latest()
        .map(f -> Long.parseLong(f.getFileName().toString().substring(5)))
        .orElse(-1L);
  }

  private Process process(String args) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "--add-modules",
            "jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:TieredStopAtLevel=4",
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            "llada.cli.Main",
            "train"));
    command.addAll(List.of(args.replace("DIR", folder.toString()).split(" ")));
    File log = folder.resolve("process.log").toFile();
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log))
        .start();
  }
}
