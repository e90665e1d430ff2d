package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.cli.ExitCodes;
import llada.cli.Main;
import llada.kernel.ScalarKernels;
import llada.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CommandsTest {
  private static final Path SHAKESPEARE =
      Golden.resources().resolve("checkpoints/shakespeare-llada");

  @TempDir Path temp;

  record Run(int code, String out, String err) {
    static Run of(Object... args) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      String[] words = Arrays.stream(args).map(Object::toString).toArray(String[]::new);
      int code = Main.run(words, new ByteArrayInputStream(new byte[0]), out, err);
      return new Run(
          code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
  }

  @Test
  void quantiseCompareVerify() throws IOException, NoSuchAlgorithmException {
    Path file = temp.resolve("s.gguf");
    Run quantised =
        Run.of("quantize", SHAKESPEARE, file, "--type", "q4_0", "--head", "Q4_0", "--threads", 2);
    assertThat(quantised.err()).contains("s.gguf: q4_0, read 4.1 MiB in ").contains("MB/s");
    assertThat(quantised.code()).isZero();
    Run diff = Run.of("diff", SHAKESPEARE, file);
    assertThat(diff.code()).isZero();
    assertThat(diff.out())
        .contains("9 of 39 tensors equal; worst relative rmse ")
        .containsPattern("transformer\\.ff_out\\.weight +BF16 +Q4_0 ");
    String sum =
        HexFormat.of()
            .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    Path list = Files.writeString(temp.resolve("SUMS"), sum + "  s.gguf\n");
    Run verify = Run.of("verify", file, "--sha256", sum, "--checksums", list);
    assertThat(verify.out())
        .contains("checksum   ok", "checksums  ok: 1 files", "structure  ok: GGUF v3")
        .contains("numbers    ok: all finite", "forward    ok: logits of 16 tokens finite");
    assertThat(verify.code()).isZero();
    Run wrong = Run.of("verify", file, "--sha256", "0".repeat(64));
    assertThat(wrong.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(wrong.err()).contains("its SHA-256 is " + sum);
    Files.writeString(list, sum + "  ../s.gguf\n");
    assertThat(Run.of("verify", file, "--checksums", list).err())
        .contains("'../s.gguf' is no file in");
  }

  @Test
  void verifyChecksTheFolderOfARun() throws IOException {
    Path data = Files.writeString(temp.resolve("t.txt"), "The cat sat on the mat. ".repeat(99));
    Path run = temp.resolve("run");
    String shape = "--vocab 300 --dim 16 --layers 1 --heads 2 --ffn 24 --length 32 --batch 2";
    List<Object> train = new ArrayList<>(List.of("train", "--data", data, "-o", run, "-q"));
    train.addAll(List.of((shape + " --steps 2 --backend scalar").split(" ")));
    assertThat(Run.of(train.toArray()).code()).isZero();
    Run verify = Run.of("verify", run, "--backend", "scalar");
    assertThat(verify.out())
        .contains("tokens", "step 2, sums and numbers", "model      ok: " + run);
    assertThat(verify.code()).isZero();
    Files.writeString(run.resolve("model/config.json"), "{}");
    verify = Run.of("verify", run, "--backend", "scalar");
    assertThat(verify.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(verify.err()).contains("config.json: is damaged: its SHA-256 is not the one in");
  }

  @Test
  void verifyFindsTheNumberThatIsNone() throws IOException {
    Path file = temp.resolve("s.gguf");
    ConvertTest.convert(SHAKESPEARE, file, QuantizationMix.F32);
    byte[] bytes = Files.readAllBytes(file);
    Arrays.fill(bytes, bytes.length - 4096, bytes.length - 4092, (byte) 0xFF);
    Files.write(file, bytes);
    Run verify = Run.of("verify", file);
    assertThat(verify.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(verify.err()).contains("model.transformer.ff_out.weight holds NaN at element");
  }

  @Test
  void modelsThatAreNotTheSame() {
    Run diff = Run.of("diff", SHAKESPEARE, Golden.resources().resolve("golden/tiny-llada"));
    assertThat(diff.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(diff.err()).contains("are no versions of one model").contains("blocks.2");
  }

  @ParameterizedTest
  @ValueSource(strings = {"q3_k", "F64", ""})
  void typesThatAreNone(String type) {
    Run run = Run.of("convert", SHAKESPEARE, temp.resolve("x.gguf"), "--type", type);
    assertThat(run.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(run.err()).contains("--type is " + type + "; it must be f32, f16, bf16, q8_0");
  }

  @Test
  void argumentsThatDoNotFit() {
    assertThat(Run.of("quantize", SHAKESPEARE, temp.resolve("x"), "--type", "q4_0").err())
        .contains("whose names end in .gguf");
    assertThat(Run.of("convert", SHAKESPEARE, temp.resolve("x"), "--head", "q4_0").err())
        .contains("--head goes with a GGUF target");
    assertThat(Run.of("convert", SHAKESPEARE, temp.resolve("x"), "--threads", "0").err())
        .contains("--threads is 0; it must be at least 1");
    assertThat(Run.of("convert", temp.resolve("none"), temp.resolve("x")).err())
        .contains("there is no such file or folder");
    assertThat(Run.of("convert", SHAKESPEARE, temp.resolve("no/such.gguf")).err())
        .contains("folder does not exist");
  }

  /** The statistics are those of the definition, and lower the error where they say it counts. */
  @Test
  void importanceMatrix() throws IOException {
    Path corpus = temp.resolve("text.txt");
    SplittableRandom random = new SplittableRandom(2);
    StringBuilder text = new StringBuilder();
    while (text.length() < 6000) {
      text.append((char) ('a' + random.nextInt(26))).append(random.nextInt(5) == 0 ? "\n" : "");
    }
    Files.writeString(corpus, text);
    Path matrix = temp.resolve("imatrix.gguf");
    Run made =
        Run.of(
            "imatrix",
            "-m",
            SHAKESPEARE,
            "--corpus",
            corpus,
            "-o",
            matrix,
            "--length",
            64,
            "--pieces",
            3,
            "--backend",
            "scalar");
    assertThat(made.code()).as(made.err()).isZero();
    assertThat(made.err()).contains("29 weights, 3 pieces of 64 tokens");
    Importance importance = Importance.read(matrix);
    try (Checkpoint model = Checkpoint.open(SHAKESPEARE)) {
      float[] columns = importance.of(model.namedWeights().get(2), 192);
      double sum = 0;
      for (float column : columns) {
        assertThat(column).isPositive();
        sum += column;
      }
      assertThat(sum / 192).isBetween(0.999, 1.001);
      assertThat(importance.of(model.namedWeights().getFirst(), 192)).isNull(); // the embedding
      HeldOutBound bound =
          HeldOutBound.of(
              model,
              new ScalarKernels(),
              MaskedText.read(corpus, model, 32),
              32,
              2,
              new Job(Progress.NONE, 0));
      assertThat(bound.nats()).isBetween(1.0, 20.0);
    }
    Path with = temp.resolve("with.gguf");
    Run quantised =
        Run.of("quantize", SHAKESPEARE, with, "--type", "q4_0", "--imatrix", matrix, "-q");
    assertThat(quantised.code()).as(quantised.err()).isZero();
    Path plain = temp.resolve("plain.gguf");
    ConvertTest.convert(SHAKESPEARE, plain, QuantizationMix.Q4_0);
    assertThat(Files.size(with)).isEqualTo(Files.size(plain));
    assertThat(weightedError(with, importance)).isLessThan(weightedError(plain, importance));
    Path tiny = Golden.resources().resolve("golden/tiny-llada");
    Run other =
        Run.of("quantize", tiny, temp.resolve("t.gguf"), "--type", "q4_0", "--imatrix", matrix);
    assertThat(other.code()).isEqualTo(ExitCodes.BAD_FILE);
    assertThat(other.err()).contains("it is of another model");
    assertThat(
            Run.of("quantize", tiny, temp.resolve("t.gguf"), "--type", "q4_0", "--imatrix", plain)
                .err())
        .contains("general.type is not 'imatrix'");
  }

  private static double weightedError(Path quantised, Importance importance) {
    double sum = 0;
    try (Checkpoint a = Checkpoint.open(SHAKESPEARE);
        Checkpoint b = Checkpoint.open(quantised)) {
      for (int i = 0; i < a.namedWeights().size(); i++) {
        int columns = a.namedWeights().get(i).tensor().dim(-1);
        float[] weights = importance.of(a.namedWeights().get(i), columns);
        if (weights != null && b.namedWeights().get(i).tensor().dtype() == DType.Q4_0) {
          // Rows of q and k differ in order, so only the others are compared.
          String name = a.namedWeights().get(i).ggufName();
          if (!name.contains("attn_q") && !name.contains("attn_k")) {
            float[] x = a.namedWeights().get(i).tensor().toArray();
            float[] y = b.namedWeights().get(i).tensor().toArray();
            for (int k = 0; k < x.length; k++) {
              double off = x[k] - y[k];
              sum += weights[k % columns] * off * off;
            }
          }
        }
      }
    }
    return sum;
  }
}
