package llada.converter;

import java.nio.file.Files;
import java.nio.file.Path;
import llada.Golden;
import llada.cli.HostileInput;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The formats that only the converter's commands read, damaged by the hundred. */
final class HostileInputTest {
  private static final int CASES = 60;

  @TempDir Path folder;
  private String model;

  @BeforeEach
  void copyModel() throws Exception {
    Path file = Golden.resources().resolve("gguf/tiny-llada-F32.gguf");
    model = Files.copy(file, folder.resolve("m.gguf")).toString();
  }

  @Test
  void importanceMatrix() throws Exception {
    Path text =
        Files.writeString(folder.resolve("text.txt"), "The cat sat on the mat. ".repeat(40));
    Path matrix = folder.resolve("imatrix.gguf");
    HostileInput.run(
        "imatrix -m %s --corpus %s --length 16 --pieces 2 --backend scalar -o %s"
            .formatted(model, text, matrix));
    HostileInput.file(
            "imatrix",
            matrix,
            "quantize",
            model,
            folder.resolve("out.gguf").toString(),
            "--type",
            "q4_0",
            "--threads",
            "1",
            "-q",
            "--imatrix",
            matrix.toString())
        .check(CASES);
  }

  @Test
  void text() throws Exception {
    Path text =
        Files.writeString(folder.resolve("text.txt"), "The cat sat on the mat. ".repeat(40));
    HostileInput.file(
            "text",
            text,
            "imatrix -m %s --corpus %s --length 16 --pieces 1 --backend scalar -o %s"
                .formatted(model, text, folder.resolve("i.gguf"))
                .split(" "))
        .check(CASES / 2);
  }

  @Test
  void checksums() throws Exception {
    Path list = folder.resolve("SUMS");
    Files.writeString(list, llada.format.Sha256.of(Path.of(model)) + "  m.gguf\n");
    HostileInput.file(
            "checksums",
            list,
            "verify",
            model,
            "--backend",
            "scalar",
            "--checksums",
            list.toString())
        .check(CASES / 2);
  }
}
