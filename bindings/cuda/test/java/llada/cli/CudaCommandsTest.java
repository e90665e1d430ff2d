package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import llada.cuda.Emulator;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole commands with {@code --backend cuda}, on the emulator. */
final class CudaCommandsTest {
  private static final String TINY =
      " --vocab 300 --dim 16 --layers 1 --heads 2 --ffn 24 --length 16 --batch 2 -q";

  /** A model that the emulator, which runs every thread of a GPU by itself, gets through. */
  @TempDir static Path shared;

  @TempDir Path folder;

  @BeforeAll
  static void model() throws IOException {
    Emulator.load();
    Files.writeString(shared.resolve("corpus.txt"), "The red cat sat on the mat.\n".repeat(300));
    CliRun run = train("--data SHARED/corpus.txt -o SHARED/base --steps 1 --backend vector" + TINY);
    assertThat(run.code()).as(run.toString()).isZero();
  }

  @BeforeEach
  void reset() {
    Emulator.reset();
  }

  private static CliRun run(String command) {
    return CliRun.of(command.replace("SHARED", shared.toString()).split(" "));
  }

  private static CliRun generate(String more) {
    return run(
        "generate -m SHARED/base/model --gen-length 8 --block-length 8 --steps 4 --exact --seed 3 "
            + more);
  }

  private static CliRun train(String args) {
    return run("train " + args);
  }

  @Test
  void generatesWhatTheProcessorGenerates() {
    for (String temperature : new String[] {"0", "0.8"}) {
      CliRun cuda = generate("--backend cuda --temperature " + temperature + " The");
      CliRun vector = generate("--backend vector --temperature " + temperature + " The");
      assertThat(cuda.code()).as(cuda.err()).isEqualTo(ExitCodes.OK);
      assertThat(cuda.out()).isEqualTo(vector.out()).isNotBlank();
    }
    assertThat(Emulator.liveAllocations()).isZero();
  }

  @Test
  void trainsAndResumes() throws IOException {
    String common = "--data SHARED/corpus.txt --steps 3 --ema 0.9 -o " + folder;
    CliRun run = train(common + "/run --backend cuda" + TINY);
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    assertThat(train("--resume --backend cuda -q -o " + folder + "/run").code()).isZero();
    assertThat(train(common + "/cpu --backend vector" + TINY).code()).isZero();
    double[] losses = losses("run");
    double[] wanted = losses("cpu");
    assertThat(losses).hasSameSizeAs(wanted).isNotEmpty();
    for (int i = 0; i < losses.length; i++) {
      assertThat(losses[i])
          .isCloseTo(wanted[i], org.assertj.core.api.Assertions.withinPercentage(0.01));
    }
  }

  private double[] losses(String run) throws IOException {
    return Files.readAllLines(folder.resolve(run).resolve("loss.csv")).stream()
        .skip(1)
        .mapToDouble(line -> Double.parseDouble(line.split(",")[1]))
        .toArray();
  }

  @Test
  void adaptersAreTrainedToo() throws IOException {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 10; i++) {
      lines.append("{\"prompt\": \"What is %d?\", \"response\": \"A cat.\"}\n".formatted(i));
    }
    Files.writeString(folder.resolve("chats.jsonl"), lines);
    CliRun lora =
        train(
            "--sft --lora-rank 2 --model SHARED/base/model --length 64 --batch 2 --steps 2 -q"
                + " --backend cuda --data %s/chats.jsonl -o %s/lora".formatted(folder, folder));
    assertThat(lora.code()).as(lora.toString()).isZero();
    assertThat(folder.resolve("lora/adapter/adapter_model.safetensors")).exists();
  }

  @Test
  void benchesAPass() {
    CliRun run = run("bench -m SHARED/base/model --backend cuda --tokens 8 --repeat 2 --warmup 1");
    assertThat(run.code()).as(run.toString()).isEqualTo(ExitCodes.OK);
    assertThat(run.out() + run.err()).contains("matmul", "attention");
  }

  @Test
  void devicesAreShown() {
    CliRun run = CliRun.of("info", "--devices");
    assertThat(run.code()).isEqualTo(ExitCodes.OK);
    assertThat(run.out()).contains("GPU 0: ", "sm_90", "driver for CUDA 13", "NVRTC 13");
    assertThat(CliRun.of("info", "--devices", "--json").out()).startsWith("{\"cuda\":[\"GPU 0:");
  }

  @Test
  void withoutADeviceCudaIsAnErrorAndAutoGoesOn() {
    Emulator.set("devices", 0);
    CliRun named = generate("--backend cuda The");
    assertThat(named.code()).isEqualTo(ExitCodes.NO_BACKEND);
    assertThat(named.err()).startsWith("llada: backend cuda: ").hasLineCount(1);
    assertThat(generate("--backend auto The").code()).isEqualTo(ExitCodes.OK);
    CliRun auto = run("bench -m SHARED/base/model --backend auto --tokens 8 --repeat 1 --warmup 0");
    assertThat(auto.code()).as(auto.err()).isEqualTo(ExitCodes.OK);
    assertThat(auto.out().lines().filter(line -> line.contains("no cuda: "))).hasSize(1);
  }

  @Test
  void aModelThatDoesNotFitIsOneMessage() {
    Emulator.set("memory", (33L << 20) + 4096); // workspace and scratch, and little more
    CliRun run = generate("--backend cuda The");
    assertThat(run.code()).isEqualTo(ExitCodes.NO_BACKEND);
    assertThat(run.err()).contains("are missing").hasLineCount(1);
  }

  @Test
  void aLostDeviceIsOneMessage() {
    Emulator.set("lose_device_at", 20);
    CliRun run = generate("--backend cuda The");
    assertThat(run.code()).isEqualTo(ExitCodes.NO_BACKEND);
    assertThat(run.err().lines().filter(line -> line.contains("CUDA_ERROR_"))).hasSize(1);
    assertThat(run.err()).doesNotContain("\tat ");
  }
}
