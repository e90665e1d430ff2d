package llada.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import llada.format.Disk;
import llada.format.PowerCut;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Items that several processes share; the processes are threads here. */
final class SharedItemsTest {
  private static final int ITEMS = 11;
  private static final ItemLoop.Listener DEAF =
      new ItemLoop.Listener() {
        @Override
        public void begins(int done, int size) {}

        @Override
        public void result(String json) {}

        @Override
        public void progress(ItemLoop.Progress progress) {}
      };

  @TempDir Path folder;

  private final List<Integer> worked = Collections.synchronizedList(new ArrayList<>());
  private int mortal = -1; // the item whose process dies of it
  private byte[] expected;
  private Map<String, Proportion> shares;

  /** Items of which a third is right; couplets come to one of two measures in the same way. */
  private final class Task implements ItemTask {
    @Override
    public int size() {
      return ITEMS;
    }

    @Override
    public String id(int item) {
      return "n" + item;
    }

    @Override
    public List<Result> work(List<Integer> items) {
      if (items.contains(mortal)) {
        throw new IllegalStateException("killed");
      }
      worked.addAll(items);
      return items.stream()
          .map(
              item ->
                  new Result(
                      json -> json.writeStringField("text", "ä".repeat(item)),
                      Map.of(item % 2 == 1 ? "forward" : "reversal", item % 3 == 0)))
          .toList();
    }
  }

  @BeforeEach
  void oneProcess() throws Exception {
    shares = run(folder.resolve("one"), 1, 1);
    expected = Files.readAllBytes(folder.resolve("one"));
    assertThat(Files.readAllLines(folder.resolve("one")))
        .hasSize(ITEMS)
        .element(4)
        .isEqualTo(
            "{\"id\":\"n4\",\"text\":\"ääää\",\"right\":{\"reversal\":false},\"settings\":\"s\"}");
    worked.clear();
  }

  private Map<String, Proportion> run(Path file, int processes, int batch) throws Exception {
    return run(Collections.nCopies(processes, file), batch);
  }

  /** A process for each file; where all is well, that is the same one. */
  private Map<String, Proportion> run(List<Path> files, int batch) throws Exception {
    CyclicBarrier meeting = new CyclicBarrier(files.size());
    try (ExecutorService pool = Executors.newFixedThreadPool(files.size())) {
      List<Future<Map<String, Proportion>>> found = new ArrayList<>();
      for (int i = 0; i < files.size(); i++) {
        ItemLoop.Share share = new ItemLoop.Share(i, files.size(), () -> meet(meeting));
        Path file = files.get(i);
        found.add(
            pool.submit(
                () -> {
                  try {
                    return ItemLoop.run(new Task(), file, "s", batch, share, DEAF);
                  } catch (RuntimeException e) {
                    Thread.currentThread().interrupt();
                    assertThatThrownBy(() -> meet(meeting)); // breaks it: the others end, too
                    throw e;
                  }
                }));
      }
      RuntimeException first = null;
      for (Future<Map<String, Proportion>> one : found) {
        try {
          one.get(60, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
          if (!(e.getCause().getCause() instanceof BrokenBarrierException)) {
            first = (RuntimeException) e.getCause();
          }
        }
      }
      if (first != null) {
        throw first;
      }
      return found.getFirst().get();
    }
  }

  private static void meet(CyclicBarrier meeting) {
    try {
      meeting.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new IllegalStateException(e);
    }
  }

  private void requireSame(Path file, Map<String, Proportion> found) throws IOException {
    assertThat(Files.readAllBytes(file)).isEqualTo(expected);
    assertThat(found).isEqualTo(shares);
    assertThat(found.keySet()).containsExactlyElementsOf(shares.keySet());
    try (var left = Files.list(file.toAbsolutePath().getParent())) {
      assertThat(left.map(Path::toString)).noneMatch(name -> name.matches(".*[.]part-[0-9]+"));
    }
  }

  @Test
  void anyNumberOfProcessesWritesTheSameBytes() throws Exception {
    for (int processes = 1; processes <= ITEMS + 1; processes++) {
      for (int batch = 1; batch <= 3; batch++) {
        worked.clear();
        Path file = folder.resolve("r%d-%d".formatted(processes, batch));
        requireSame(file, run(file, processes, batch));
        assertThat(worked)
            .containsExactlyInAnyOrderElementsOf(IntStream.range(0, ITEMS).boxed().toList());
      }
    }
  }

  @Test
  void itGoesOnInAnotherNumberOfProcesses() throws Exception {
    for (int before = 1; before <= 3; before++) {
      for (int after = 1; after <= 3; after++) {
        for (int dead = 0; dead < ITEMS; dead++) {
          Path file = folder.resolve("r%d-%d-%d".formatted(before, after, dead));
          worked.clear();
          mortal = dead;
          int processes = before;
          assertThatThrownBy(() -> run(file, processes, 1)).hasMessage("killed");
          mortal = -1;
          requireSame(file, run(file, after, 2));
          assertThat(worked).as("nothing is done twice").doesNotHaveDuplicates().hasSize(ITEMS);
        }
      }
    }
  }

  @Test
  void aPartThatIsTornAnywhereIsTakenIn() throws Exception {
    String[] lines = new String(expected, StandardCharsets.UTF_8).split("(?<=\n)", -1);
    byte[] part = (lines[7] + lines[2]).getBytes(StandardCharsets.UTF_8);
    for (int cut = 0; cut <= part.length; cut++) {
      Path file = folder.resolve("torn");
      Files.writeString(file, lines[9] + lines[2]);
      Files.write(folder.resolve("torn.part-12"), Arrays.copyOf(part, cut));
      worked.clear();
      requireSame(file, run(file, 1 + cut % 2, 1));
      assertThat(worked).doesNotContain(2, 9);
      Files.delete(file);
    }
    Files.writeString(folder.resolve("x.part-1"), lines[0].replace("\"s\"", "\"t\""));
    assertThatThrownBy(() -> run(folder.resolve("x"), 2, 1))
        .hasMessageContaining("x.part-1: line 1: was made with another model or other options");
  }

  @Test
  void aPowerCutWhilePartsAreTakenInLosesNothing() throws Exception {
    String[] lines = new String(expected, StandardCharsets.UTF_8).split("(?<=\n)", -1);
    Path in = Files.createDirectory(folder.resolve("in"));
    Files.writeString(in.resolve("r"), lines[0] + lines[2]);
    Files.writeString(in.resolve("r.part-1"), lines[1] + lines[8]);
    Files.writeString(in.resolve("r.part-2"), lines[6]);
    PowerCut disk = new PowerCut(in);
    ItemLoop.Share all = new ItemLoop.Share(0, 1, () -> {});
    ScopedValue.where(Disk.CURRENT, disk)
        .run(() -> ItemLoop.run(new Task(), in.resolve("r"), "s", 1, all, DEAF));
    SplittableRandom random = new SplittableRandom(5);
    for (int n = 0; n <= disk.operations(); n++) {
      for (PowerCut.Unforced unforced : PowerCut.Unforced.values()) {
        Path again = folder.resolve("again");
        PowerCut.restore(disk.cut(n, unforced, random), again);
        worked.clear();
        requireSame(again.resolve("r"), run(again.resolve("r"), 1, 1));
        assertThat(worked).as("%d %s", n, unforced).doesNotContain(0, 1, 2, 6, 8);
        new PowerCut(folder).deleteTree(again);
      }
    }
  }

  @Test
  void linesOfOtherItemsStayBehind() throws Exception {
    Path file = folder.resolve("more");
    String other = "{\"id\":\"other\",\"right\":{\"forward\":true},\"settings\":\"s\"}\n";
    Files.writeString(file, other);
    assertThat(run(file, 2, 1)).isEqualTo(shares);
    assertThat(Files.readString(file))
        .isEqualTo(new String(expected, StandardCharsets.UTF_8) + other);
  }

  @Test
  void aFolderThatIsNotSharedIsNoticed() throws Exception {
    Path there = Files.createDirectory(folder.resolve("there"));
    assertThatThrownBy(() -> run(List.of(folder.resolve("here"), there.resolve("nothing")), 1))
        .hasMessageContaining("process 1 does not find it, though process 0 has opened it");
    Files.writeString(there.resolve("old"), "");
    assertThatThrownBy(() -> run(List.of(folder.resolve("here"), there.resolve("old")), 1))
        .hasMessageContaining("here: 5 of 11 results are missing, though all processes are done");
  }
}
