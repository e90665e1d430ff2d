package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.format.Safetensors;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Everything that a user can get wrong is one line on standard error and its own exit code. */
class BadInputTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          generate --step 3 hi               | unknown option --step; did you mean --steps
          generate --steps x hi              | 'x' is not a whole number
          generate --steps 0 hi              | --steps is 0; it must be a positive multiple
          generate --steps -4 hi             | --steps is -4; it must be a positive multiple
          generate --steps                   | Missing required parameter for option '--steps'
          generate --steps 99999999999 hi    | is not a whole number
          generate --gen-length 0 hi         | --gen-length is 0; it must be at least 1
          generate --gen-length -1 hi        | --gen-length is -1
          generate --block-length 3 hi       | --gen-length, 128, is no multiple of block_length, 3
          generate --temperature NaN hi      | --temperature is NaN; it must be 0 or more
          generate --temperature -1 hi       | --temperature is -1.0; it must be 0 or more
          generate --temperature Infinity hi | --temperature is Infinity
          generate --cfg-scale -1 hi         | --cfg-scale is -1.0
          generate --top-k -1 hi             | --top-k is -1
          generate --top-p 0 hi              | --top-p is 0.0
          generate --top-p 1.5 hi            | --top-p is 1.5
          generate --remasking foo hi        | 'foo' is none of low_confidence, random, entropy, margin
          generate --mode foo hi             | 'foo' is none of intended, published
          generate --seed x hi               | --seed
          generate --threads 0 hi            | --threads is 0; it must be at least 1
          generate --raw --chat hi           | --raw and --chat exclude each other
          generate --raw --system x hi       | --system needs --chat
          generate a b                       | unexpected argument b; put a text of several words in quotes
          generate --prompt-file f hi        | the text is given twice
          score --output x hi                | --output needs --input, a file of texts
          score --input f hi                 | --input brings the texts
          score --form q hi                  | --form is 'q'; it must be l or t
          score --mc-num 0 hi                | --mc-num is 0; it must be a positive multiple
          score --mc-num 3 --antithetic hi   | antithetic copies come in pairs, so it must be even
          score --cfg-scale -1 hi            | --cfg-scale is -1.0
          infill hi                          | the text has no gap
          infill --longest-gap 0 {}          | --longest-gap and --steps must be at least 1
          infill --temperature -1 {}         | --temperature is -1.0
          infill --remasking foo {}          | 'foo' is none of
          chat --raw --system x              | --system needs a chat template
          tokenize --decode --chat 1         | --decode and --chat exclude each other
          synth --shape llada-8b             | -o is missing; pass -o FILE
          synth -o x.gguf                    | --shape is missing
          synth -o x.gguf --shape foo        | --shape is 'foo'; it must be one of llada-8b, illada-8b, llada-1b, llada2-mini, llada-moe, llama3-8b, custom
          synth -o x --shape llada-8b --type x | --type is 'x'; it must be one of f32, f16, bf16, q8_0, q4_0, q4_k, q4_k_m
          synth -o x --shape llada-8b --head x | --head is 'x'; it must be one of f32
          synth -o x --shape llada-8b --layers 0 | --layers is 0; it must be at least 1
          synth -o x --shape llada-8b --dim 64 | --dim needs --shape custom; the sizes of llada-8b are fixed
          synth -o x --shape custom --dim 64 | --heads is missing; --shape custom needs
          synth -o x --shape custom --dim 64 --heads 3 --ffn 9 --vocab 300 --layers 1 | d_model is 64, which is no multiple of n_heads, 3
          synth -o x --shape custom --dim 64 --heads 4 --ffn 9 --vocab 9 --layers 1 | a vocabulary of 9 cannot hold
          synth -o x --shape llada-8b --threads 0 | --threads is 0; it must be at least 1
          bench --shape llada-8b --model x   | --model and --shape exclude each other
          bench --layers 3                   | --layers needs --shape
          bench --tokens 0                   | --tokens is 0; it must be at least 1
          bench --repeat 0                   | --repeat is 0; it must be at least 1
          bench --warmup -1                  | --warmup is -1; it must be at least 0
          train --data x                     | -o is missing; pass -o DIR
          train -o none/run                  | --data is missing
          train -o r --data x --resume       | --resume: r holds no checkpoint
          train -o r --recipe x              | --recipe is 'x'; there is demo
          train -o r --recipe demo --data x  | --recipe brings its own data
          train -o r --recipe demo --recipe-scale 0 | --recipe-scale is 0.0; it must be above 0
          train --lr x -o r --data x         | 'x' is not a double
          tokenizer train -o x               | --data is missing; pass --data PATH
          tokenizer train --data x           | -o is missing
          bench train --batch 0              | --batch and --repeat must be at least 1
          gen                                | unknown command gen; did you mean generate
          --nope                             | unknown option --nope
          """)
  void wrongOptions(String args, String message) {
    CliRun run = CliRun.of(args.strip().split(" +"));
    assertOneLine(run, ExitCodes.USAGE, message);
  }

  @Test
  void aPromptThatIsTooLongIsAnsweredWithTheNumbers() {
    CliRun run = CliRun.onModel("generate", "--gen-length", "1020", "To be, or not to be, that");
    assertOneLine(run, ExitCodes.USAGE, "together 10");
    assertThat(run.err())
        .contains("at most 1024 (max_sequence_length): ask for an answer of at most 10");
    CliRun longer = CliRun.onModel("generate", "x ".repeat(2000));
    assertOneLine(longer, ExitCodes.USAGE, "shorten the prompt by");
  }

  @Test
  void aBenchLongerThanTheModelIsRefused() {
    assertOneLine(
        CliRun.onModel("bench", "--tokens", "1025"),
        ExitCodes.USAGE,
        "--tokens is 1025; the model takes at most 1024 (max_sequence_length)");
  }

  @Test
  void aNanWeightIsNamed() throws IOException {
    for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
      Files.copy(CliRun.model().resolve(name), folder.resolve(name));
    }
    try (Arena arena = Arena.ofShared()) {
      Map<String, Tensor> tensors =
          new LinkedHashMap<>(
              Safetensors.open(CliRun.model().resolve("model.safetensors"), arena).tensors());
      String name = "model.transformer.blocks.2.up_proj.weight";
      Tensor damaged = Tensor.allocate(arena, DType.BF16, 512, 192);
      damaged.data().copyFrom(tensors.get(name).data());
      damaged.data().setAtIndex(ValueLayout.JAVA_SHORT, 1000, (short) 0x7FC0);
      tensors.put(name, damaged);
      Safetensors.write(folder.resolve("model.safetensors"), tensors, Map.of());
      assertOneLine(
          CliRun.of("generate", "--model", folder.toString(), "--gen-length", "4", "x"),
          ExitCodes.BAD_FILE,
          folder + ": tensor " + name + " holds NaN at element 1000");
    }
  }

  @Test
  void idsOutOfRangeAreRefused() {
    assertOneLine(
        CliRun.onModel("tokenize", "--decode", "5 1024"),
        ExitCodes.USAGE,
        "id 1024 is out of range; this model's ids are 0 to 1023");
    assertOneLine(
        CliRun.onModel("tokenize", "--decode", "five"), ExitCodes.USAGE, "'five' is no token id");
  }

  @Test
  void missingFilesAreNamed() {
    assertOneLine(CliRun.of("info", "--model", "no/such"), ExitCodes.BAD_FILE, "no/such");
    assertOneLine(
        CliRun.onModel("generate", "--prompt-file", "no/such.txt"),
        ExitCodes.BAD_FILE,
        "no/such.txt: no such file or folder");
    assertOneLine(
        CliRun.onModel("generate", "--prompt-file", folder.toString()),
        ExitCodes.BAD_FILE,
        folder + ": is a folder");
  }

  @Test
  void malformedFilesAreNamed() throws IOException {
    Files.writeString(folder.resolve("config.json"), "{\"d_model\": ");
    assertOneLine(
        CliRun.of("info", "--model", folder.toString()), ExitCodes.BAD_FILE, "config.json");
    Path gguf = Files.writeString(folder.resolve("x.gguf"), "GGUFnonsense");
    assertOneLine(CliRun.of("info", "--model", gguf.toString()), ExitCodes.BAD_FILE, "x.gguf");
  }

  @Test
  void inputMustBeUtf8() {
    byte[] latin1 = "Verg\u00e4nglich".getBytes(StandardCharsets.ISO_8859_1);
    CliRun run = CliRun.withInput(latin1, "generate", "--model", CliRun.model().toString());
    assertOneLine(run, ExitCodes.BAD_FILE, "standard input: is not UTF-8");
  }

  @Test
  void aBackendOfAnUnknownNameIsAWrongOption() {
    String there = "backend quantum is unknown; there are auto, scalar, vector, machine, cuda";
    for (CliRun run :
        List.of(
            CliRun.onModel("generate", "--backend", "quantum", "hi"),
            CliRun.of("bench", "--backend=quantum"),
            CliRun.of("experiments", "masking", "-o", "x", "--backend=quantum"))) {
      assertOneLine(run, ExitCodes.USAGE, there);
    }
  }

  @Test
  void aClosedOutputEndsQuietlyAndAFullDiskDoesNot() {
    assertThat(failing("Broken pipe")).isEqualTo(new CliRun(ExitCodes.OUTPUT_CLOSED, "", ""));
    assertOneLine(
        failing("No space left on device"),
        ExitCodes.BAD_FILE,
        "cannot write to standard output: No space left on device");
  }

  private static CliRun failing(String reason) {
    OutputStream broken =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException(reason);
          }
        };
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int code =
        Main.run(
            new String[] {
              "generate", "--gen-length", "2", "--model", CliRun.model().toString(), "hi"
            },
            new ByteArrayInputStream(new byte[0]),
            broken,
            err);
    return new CliRun(code, "", err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void faultsOfTheProgramAreShortUnlessAskedFor() {
    ErrorReport fault = ErrorReport.of(new IllegalStateException("a\n  b"));
    assertThat(fault.exitCode()).isEqualTo(ExitCodes.INTERNAL);
    assertThat(fault.message())
        .isEqualTo("internal error: IllegalStateException: a b; --verbose shows the stack trace");
    CliRun run = CliRun.of("info", "--model", "no/such", "--verbose");
    assertThat(run.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(run.err()).contains("\tat llada.");
  }

  @Test
  void outOfMemoryNamesTheNeedAndTheWaysOut() {
    ErrorReport report = ErrorReport.of(new OutOfMemoryError("9 GiB of buffers"));
    assertThat(report.exitCode()).isEqualTo(ExitCodes.OUT_OF_MEMORY);
    assertThat(report.message())
        .contains("9 GiB of buffers", "LLADA_JAVA_OPTS=-Xmx", "--gen-length");
  }

  private static void assertOneLine(CliRun run, int code, String message) {
    assertThat(run.code()).as(run.toString()).isEqualTo(code);
    assertThat(run.out()).isEmpty();
    List<String> lines = run.err().lines().toList();
    assertThat(lines).hasSize(1);
    assertThat(lines.getFirst()).startsWith("llada: ").contains(message);
  }
}
