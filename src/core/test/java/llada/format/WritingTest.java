package llada.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.HuggingFaceFolder;
import llada.evaluation.ResultsFile;
import llada.format.PowerCut.Unforced;
import llada.kernel.ScalarKernels;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written is there whole or not at all, and nothing of anybody else's is touched. */
class WritingTest {
  private static final List<Unforced> ALL =
      List.of(Unforced.LOST, Unforced.KEPT, Unforced.RANDOM, Unforced.RANDOM, Unforced.RANDOM);

  @TempDir Path folder;

  private interface Job {
    void run(Path in) throws Exception;
  }

  /** Cuts a job anywhere: its target is absent or whole, and done again nothing else is left. */
  private void wholeOrAbsent(String target, Job job) throws Exception {
    Path in = Files.createDirectory(folder.resolve("in"));
    PowerCut disk = new PowerCut(in);
    ScopedValue.where(Disk.CURRENT, disk)
        .call(
            () -> {
              job.run(in);
              return null;
            });
    Map<String, Integer> whole = PowerCut.hashes(PowerCut.tree(in));
    SplittableRandom random = new SplittableRandom(7);
    for (int n = 0; n <= disk.operations(); n++) {
      for (Unforced unforced : ALL) {
        Map<String, byte[]> left = disk.cut(n, unforced, random);
        Path again = folder.resolve("again");
        PowerCut.restore(left, again);
        if (left.containsKey(target)) {
          left.keySet().removeIf(name -> name.startsWith("."));
          assertThat(PowerCut.hashes(left)).as("%d %s", n, unforced).isEqualTo(whole);
        } else {
          assertThat(n).isLessThan(disk.operations());
          PowerCut fresh = new PowerCut(again);
          ScopedValue.where(Disk.CURRENT, fresh)
              .call(
                  () -> {
                    job.run(again);
                    return null;
                  });
          assertThat(PowerCut.hashes(PowerCut.tree(again)))
              .as("%d %s", n, unforced)
              .isEqualTo(whole);
        }
        new PowerCut(folder).deleteTree(again);
      }
    }
  }

  private static void write(Path folder) throws IOException {
    AtomicFile.requireSpace(folder.resolve("model"), 1);
    try (Checkpoint model = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"))) {
      HuggingFaceFolder.write(
          folder.resolve("model"), model.config(), model.weightsByName(), model.path());
    }
  }

  @Test
  void aModelFolder() throws Exception {
    wholeOrAbsent("model", WritingTest::write);
  }

  @Test
  void aGgufFile() throws Exception {
    wholeOrAbsent(
        "x.gguf",
        in ->
            new GgufWriter()
                .string("general.architecture", "llada")
                .tensor("a", DType.F32, Shape.of(4))
                .tensor("b", DType.F32, Shape.of(2, 4))
                .write(
                    in.resolve("x.gguf"),
                    (tensor, out) -> {
                      try (Arena arena = Arena.ofConfined()) {
                        int count = (int) tensor.shape().elements();
                        Tensor data = Tensor.allocate(arena, DType.F32, count);
                        for (int i = 0; i < count; i++) {
                          data.set(i, i + 1);
                        }
                        out.write(data.data());
                      }
                    }));
  }

  @Test
  void whatAWriterThatIsAliveHoldsStays() throws IOException {
    Path file = folder.resolve("x");
    Path left = folder.resolve(".x.0123456789abcdef.tmp");
    Path held = folder.resolve(".x.1123456789abcdef.tmp");
    Path other = folder.resolve(".y.0123456789abcdef.tmp");
    Path users = folder.resolve(".x.mine.tmp");
    for (Path path : List.of(left, other, users)) {
      Files.writeString(path, "?");
    }
    try (FileChannel channel = Disk.current().create(held)) {
      DiskLock.hold(channel);
      AtomicFile.requireSpace(file, 1);
      assertThat(left).doesNotExist();
      assertThat(held).exists();
    }
    AtomicFile.requireSpace(file, 1);
    assertThat(held).doesNotExist();
    assertThat(other).exists();
    assertThat(users).exists();
  }

  @Test
  void devicesAreRefusedAndLinksFollowed() throws IOException {
    assertThatThrownBy(() -> AtomicFile.write(Path.of("/dev/null"), new byte[1]))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("/dev/null: is a device");
    assertThatThrownBy(() -> ResultsFile.open(Path.of("/dev/null"), "s"))
        .hasMessageContaining("/dev/null: is a device");
    Path real = Files.writeString(folder.resolve("real"), "old");
    Path link = Files.createSymbolicLink(folder.resolve("link"), Path.of("real"));
    AtomicFile.write(link, "new".getBytes(StandardCharsets.UTF_8));
    assertThat(Files.isSymbolicLink(link)).isTrue();
    assertThat(real).hasContent("new");
    Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), Path.of("made"));
    AtomicFile.write(dangling, "new".getBytes(StandardCharsets.UTF_8));
    assertThat(folder.resolve("made")).hasContent("new");
    Path circle = Files.createSymbolicLink(folder.resolve("circle"), Path.of("circle"));
    assertThatThrownBy(() -> AtomicFile.write(circle, new byte[1]))
        .hasMessageContaining("circle of links");
  }

  private static String line(String id) {
    return "{\"id\":\"%s\",\"text\":\"%s\",\"settings\":\"s\"}".formatted(id, "x".repeat(50));
  }

  @Test
  void resultsThatWereAddedStay() throws Exception {
    Path in = Files.createDirectory(folder.resolve("in"));
    PowerCut disk = new PowerCut(in);
    List<Integer> added = new ArrayList<>();
    List<String> ids = List.of("a", "b", "c");
    ScopedValue.where(Disk.CURRENT, disk)
        .run(
            () -> {
              try (ResultsFile results = ResultsFile.open(in.resolve("r"), "s")) {
                for (String id : ids) {
                  results.add(id, line(id));
                  added.add(disk.operations());
                }
              }
            });
    byte[] whole = Files.readAllBytes(in.resolve("r"));
    SplittableRandom random = new SplittableRandom(3);
    for (int n = 0; n <= disk.operations(); n++) {
      for (int repeat = 0; repeat < 20; repeat++) {
        Path again = folder.resolve("again");
        PowerCut.restore(disk.cut(n, ALL.get(repeat % ALL.size()), random), again);
        try (ResultsFile results = ResultsFile.open(again.resolve("r"), "s")) {
          for (int i = 0; i < ids.size(); i++) {
            if (n >= added.get(i)) {
              assertThat(results.has(ids.get(i))).as("%d", n).isTrue();
            } else if (!results.has(ids.get(i))) {
              results.add(ids.get(i), line(ids.get(i)));
            }
          }
        }
        assertThat(Files.readAllBytes(again.resolve("r"))).isEqualTo(whole);
        new PowerCut(folder).deleteTree(again);
      }
    }
  }

  @Test
  void resultsAreAddedToFilesOfOursOnlyAndWhatIsCutIsKept() throws IOException {
    for (String text :
        List.of("my notes", "my notes\n", "one\ntwo", "{\"a\": 1}", "[1]", "{\"id\"", "7")) {
      Path notes = Files.writeString(folder.resolve("notes.txt"), text);
      if (text.equals("{\"id\"")) { // how a torn line of ours begins
        ResultsFile.open(notes, "s").close();
        assertThat(folder.resolve("notes.txt.torn")).hasContent(text);
        assertThat(notes).isEmptyFile();
        continue;
      }
      assertThatThrownBy(() -> ResultsFile.open(notes, "s")).isInstanceOf(FormatException.class);
      assertThat(notes).hasContent(text);
    }
    Path results = Files.writeString(folder.resolve("r"), line("a") + "\n" + "\0\0\0x}\n");
    try (ResultsFile opened = ResultsFile.open(results, "s")) {
      assertThat(opened.has("a")).isTrue();
    }
    assertThat(results).hasContent(line("a"));
    assertThat(Files.readAllBytes(folder.resolve("r.torn")))
        .isEqualTo("\0\0\0x}\n".getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void aModelThatIsCutShortIsNoticedBeforeAPass() throws IOException {
    Path copy = folder.resolve("model");
    PowerCut.restore(PowerCut.tree(Golden.resources().resolve("golden/tiny-llada")), copy);
    try (Checkpoint model = Checkpoint.open(copy);
        MaskPredictor predictor =
            new MaskPredictor(model.config(), model.weights(), new ScalarKernels(), 4)) {
      TokenBatch batch = TokenBatch.of(new int[][] {{1, 2, 3, 4}});
      float[] before = predictor.forward(batch, new int[] {0}).toArray();
      Path file = copy.resolve("model.safetensors");
      Path moved = folder.resolve("moved");
      byte[] bytes = Files.readAllBytes(file);
      Files.move(file, moved);
      Files.write(file, Arrays.copyOf(bytes, 9)); // another file of this name does no harm
      assertThat(predictor.forward(batch, new int[] {0}).toArray()).isEqualTo(before);
      Files.move(moved, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(bytes.length / 2);
      }
      assertThatThrownBy(() -> predictor.forward(batch, new int[] {0}))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(file + ": was written to while it was in use");
    }
  }
}
