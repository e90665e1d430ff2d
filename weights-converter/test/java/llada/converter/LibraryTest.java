package llada.converter;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import llada.Golden;
import llada.api.RequestException;
import llada.api.Setup;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.format.FormatException;
import llada.format.Gguf;
import llada.tensor.DType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The converter from Java, without a command line. */
final class LibraryTest {
  private static final Path SOURCE = Golden.resources().resolve("checkpoints/shakespeare-llada");
  private static final Setup SCALAR = Setup.DEFAULT.backend("scalar").threads(2);

  @TempDir Path temp;

  @AfterEach
  void noInterruptIsLeft() {
    Thread.interrupted();
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }

  private static Verification.Settings against(Path original) {
    return new Verification.Settings(Optional.of(original), Optional.empty(), 1, SCALAR);
  }

  @Test
  void convertQuantiseCompareVerify() throws IOException {
    Path text = Files.writeString(temp.resolve("text.txt"), "Now is the winter. ".repeat(400));
    Path gguf = temp.resolve("model.gguf");
    List<Long> heard = new ArrayList<>();
    QuantizationMix mix =
        Converter.convert(
            SOURCE,
            gguf,
            Converter.Settings.DEFAULT,
            (done, total) -> {
              assertThat(done).isBetween(heard.isEmpty() ? 0 : heard.getLast(), total);
              heard.add(done);
            });
    assertThat(mix).isEqualTo(QuantizationMix.BF16);
    try (Checkpoint source = Checkpoint.open(SOURCE)) {
      assertThat(heard).startsWith(0L).endsWith(Converter.bytes(source));
    }
    assertThat(Difference.between(SOURCE, gguf, SCALAR, Progress.NONE))
        .hasSize(39)
        .allMatch(d -> d.maxError() == 0 && d.cosine() > 0.999_999);

    Importance importance =
        Importance.measure(gguf, text, new Importance.Settings(32, 3, 0, SCALAR), Progress.NONE);
    assertThat(importance.weights()).isEqualTo(29);
    Path matrix = temp.resolve("imatrix.gguf");
    importance.write(matrix);
    Path again = temp.resolve("again.gguf");
    Importance.read(matrix).write(again);
    assertThat(Files.mismatch(matrix, again)).isEqualTo(-1);

    Path small = temp.resolve("small.gguf");
    Converter.Settings settings =
        Converter.Settings.of(QuantizationMix.Q4_0).importance(importance).head(DType.Q8_0);
    Quantizer.quantize(gguf, small, settings, Progress.NONE);
    Path fromFile = temp.resolve("from-file.gguf");
    Quantizer.quantize(
        gguf, fromFile, settings.importance(Importance.read(matrix)).threads(1), Progress.NONE);
    assertThat(Files.mismatch(small, fromFile)).isEqualTo(-1);

    List<String> passed = new ArrayList<>();
    Verification found =
        Verification.of(
            small,
            new Verification.Settings(Optional.of(SOURCE), Optional.of(text), 1, SCALAR),
            Progress.NONE,
            (check, what) -> passed.add(check));
    assertThat(passed)
        .containsExactly("structure", "shapes", "tokenizer", "numbers", "distance", "forward");
    assertThat(found.format()).isEqualTo("GGUF v3");
    assertThat(found.tensors()).isEqualTo(39);
    assertThat(found.weights()).isEqualTo(2_164_416);
    assertThat(found.tokens()).isEqualTo(1024);
    assertThat(found.logits()).isBetween(1.0, 100.0);
    assertThat(found.bound().orElseThrow().nats()).isBetween(1.0, 20.0);
    assertThat(found.differences())
        .isEqualTo(Difference.between(SOURCE, small, SCALAR, Progress.NONE))
        .anyMatch(d -> d.typeB().equals("Q4_0") && d.relativeRmse() > 0.01)
        .filteredOn(d -> d.name().equals("model.transformer.ff_out.weight"))
        .singleElement()
        .matches(d -> d.typeB().equals("Q8_0"));
  }

  @Test
  void aModelThatIsNotOfTheOriginalIsRefused() throws IOException {
    Path whole = temp.resolve("whole.gguf");
    Converter.convert(SOURCE, whole, Converter.Settings.of(QuantizationMix.F32), Progress.NONE);
    byte[] bytes = Files.readAllBytes(whole);
    // One tensor's numbers are turned end to end: all finite, all in place, and another matrix.
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = Gguf.open(whole, arena);
      long size = gguf.entries().get("output.weight").bytes();
      int begin = bytes.length - (int) size;
      for (int a = begin, b = bytes.length - 4; a < b; a += 4, b -= 4) {
        for (int i = 0; i < 4; i++) {
          byte kept = bytes[a + i];
          bytes[a + i] = bytes[b + i];
          bytes[b + i] = kept;
        }
      }
    }
    Path turned = Files.write(temp.resolve("turned.gguf"), bytes);
    assertThatThrownBy(
            () -> Verification.of(turned, against(SOURCE), Progress.NONE, (check, what) -> {}))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("turned.gguf", "ff_out.weight is 1.", "at most 0.5");
    Verification.of(whole, against(SOURCE), Progress.NONE, (check, what) -> {});
  }

  @Test
  void settingsAreChecked() {
    Path target = temp.resolve("x.gguf");
    Converter.Settings settings = Converter.Settings.of(QuantizationMix.Q4_0);
    assertThatThrownBy(() -> settings.threads(0))
        .isInstanceOf(RequestException.class)
        .hasMessage("threads is 0; it must be at least 1");
    assertThatThrownBy(() -> settings.head(DType.Q2_K))
        .isInstanceOf(RequestException.class)
        .hasMessageContainingAll("head is Q2_K", "Q8_0");
    assertThatThrownBy(() -> Quantizer.quantize(SOURCE, temp.resolve("x"), settings, Progress.NONE))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining(".gguf");
    assertThatThrownBy(
            () -> Quantizer.quantize(SOURCE, target, Converter.Settings.DEFAULT, Progress.NONE))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("mixture");
    assertThatThrownBy(
            () ->
                Converter.convert(
                    SOURCE,
                    temp.resolve("x"),
                    Converter.Settings.of(QuantizationMix.F16).head(DType.F32),
                    Progress.NONE))
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("one type for all");
    assertThatThrownBy(() -> new Importance.Settings(0, 1, 0, SCALAR))
        .isInstanceOf(RequestException.class);
    assertThatThrownBy(
            () -> new Verification.Settings(Optional.empty(), Optional.empty(), 0, SCALAR))
        .isInstanceOf(RequestException.class);
    assertThat(temp).isEmptyDirectory();
  }

  /** Whenever the interrupt comes: from the first call of the listener to the last but one. */
  @Test
  void anInterruptLeavesNothing() throws IOException {
    Path text = Files.writeString(temp.resolve("text.txt"), "Now is the winter. ".repeat(400));
    Path old = Files.writeString(temp.resolve("old.gguf"), "what was there before");
    Converter.Settings settings = Converter.Settings.of(QuantizationMix.F16).threads(2);
    for (int n : new int[] {0, 1, 5, 38}) {
      for (String target : List.of("old.gguf", "new.gguf", "folder")) {
        interrupted(
            n, progress -> Converter.convert(SOURCE, temp.resolve(target), settings, progress));
      }
      interrupted(n, progress -> Difference.between(SOURCE, SOURCE, SCALAR, progress));
      interrupted(
          n,
          progress ->
              Verification.of(
                  SOURCE, Verification.Settings.DEFAULT, progress, (check, what) -> {}));
      interrupted(
          Math.min(n, 2),
          progress ->
              Importance.measure(
                  SOURCE, text, new Importance.Settings(32, 4, 0, SCALAR), progress));
      assertThat(names(temp)).containsExactly("old.gguf", "text.txt");
      assertThat(old).hasContent("what was there before");
    }
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> Importance.NONE.write(temp.resolve("new.gguf")))
        .isInstanceOf(CancellationException.class);
    assertThat(Thread.interrupted()).isTrue();
  }

  private interface Work {
    void run(Progress progress);
  }

  private static void interrupted(int call, Work job) {
    int[] calls = {0};
    assertThatThrownBy(
            () ->
                job.run(
                    (done, total) -> {
                      if (calls[0]++ == call) {
                        Thread.currentThread().interrupt();
                      }
                    }))
        .isInstanceOf(CancellationException.class)
        .hasMessage("interrupted");
    assertThat(Thread.interrupted()).as("the interrupt is still there").isTrue();
  }

  @Test
  void whatAListenerThrowsEndsTheJob() throws IOException {
    assertThatThrownBy(
            () ->
                Converter.convert(
                    SOURCE,
                    temp.resolve("x.gguf"),
                    Converter.Settings.DEFAULT,
                    (done, total) -> {
                      if (done > total / 2) {
                        throw new IllegalStateException("enough");
                      }
                    }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("enough");
    assertThat(names(temp)).isEmpty();
  }

  /** With llada-core alone on the class path nothing else can be found. */
  @Test
  void theLibraryNeedsTheCoreAlone() throws URISyntaxException {
    Path compiled = Path.of(Converter.class.getResource("Converter.class").toURI()).getParent();
    JavaClasses all = new ClassFileImporter().importPath(compiled);
    classes()
        .that()
        .resideInAPackage("llada.converter")
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage(
            "java..",
            "llada.converter",
            "llada.api",
            "llada.backend",
            "llada.checkpoint",
            "llada.diffusion",
            "llada.format",
            "llada.kernel",
            "llada.kernel.scalar",
            "llada.model",
            "llada.tensor",
            "llada.tokenizer")
        .check(all);
    noClasses()
        .that()
        .resideOutsideOfPackage("llada.converter.cli")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("picocli..", "llada.cli..", "llada.train..")
        .check(all);
    assertThat(all.containPackage("llada.converter.cli")).isTrue();
  }
}
