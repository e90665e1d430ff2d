package llada.converter;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.QuantizationMix;
import llada.cli.Main;
import llada.tensor.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a written folder names lies in it, and what is rounded on the way is said. */
final class FolderFilesTest {
  @TempDir Path temp;

  private static String err(Object... args) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    String[] words = Arrays.stream(args).map(Object::toString).toArray(String[]::new);
    int code =
        Main.run(words, new ByteArrayInputStream(new byte[0]), new ByteArrayOutputStream(), err);
    assertThat(code).as(err.toString(StandardCharsets.UTF_8)).isZero();
    return err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void codeThatLiesBesideComesAlongAndOnlyThenIsNamed() throws IOException {
    Path source = Files.createDirectory(temp.resolve("source"));
    BadModelTest.copy(Golden.resources().resolve("golden/tiny-llada"), source);
    ConvertTest.convert(source, temp.resolve("without"), QuantizationMix.F32);
    assertThat(temp.resolve("without/config.json")).content().doesNotContain("auto_map", ".py");
    for (String name : new String[] {"configuration_llada.py", "modeling_llada.py"}) {
      Files.writeString(source.resolve(name), "# " + name);
    }
    ConvertTest.convert(source, temp.resolve("with"), QuantizationMix.F32);
    assertThat(temp.resolve("with/config.json"))
        .content()
        .contains("auto_map", "modeling_llada.LLaDAModelLM", "configuration_llada.LLaDAConfig");
    assertThat(temp.resolve("with/modeling_llada.py")).hasContent("# modeling_llada.py");
    assertThat(temp.resolve("with/configuration_llada.py")).exists();
  }

  @Test
  void aQuantisedFileIsRoundedAgainOnlyWithAWord() {
    Path gguf = Golden.resources().resolve("gguf/tiny-llada-Q8_0.gguf");
    assertThat(err("convert", gguf, temp.resolve("half")))
        .contains(
            "is quantised (Q8_0) and is rounded again to bf16; --type f32 keeps every number");
    assertThat(err("convert", gguf, temp.resolve("float"), "--type", "f32"))
        .doesNotContain("rounded");
    assertThat(err("convert", gguf, temp.resolve("quiet"), "-q")).isEmpty();
  }

  @Test
  void withoutATypeNoFloatIsRounded() {
    Path mixed = Golden.resources().resolve("golden/tiny-llada");
    err("convert", mixed, temp.resolve("f32"));
    err("convert", Golden.resources().resolve("variants/gqa-f16"), temp.resolve("f16"));
    for (DType type : new DType[] {DType.F32, DType.F16}) {
      try (Checkpoint model =
          Checkpoint.open(temp.resolve(type.name().toLowerCase(java.util.Locale.ROOT)))) {
        assertThat(model.weights().blocks().getFirst().qProj().dtype()).isEqualTo(type);
      }
    }
  }
}
