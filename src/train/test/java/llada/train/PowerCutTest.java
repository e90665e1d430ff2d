package llada.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import llada.checkpoint.HuggingFaceFolder;
import llada.format.Disk;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.format.PowerCut;
import llada.format.PowerCut.Unforced;
import llada.kernel.Parallel;
import llada.kernel.simd.VectorKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run loses nothing that it said was saved, wherever the power fails or the disk does. */
class PowerCutTest {
  private static final int STEPS = 4;

  @TempDir Path folder;
  private boolean adapters;
  private boolean best; // of a run whose bound is lowest at step 2
  private final AtomicLong step = new AtomicLong();

  private Network network(Arena arena) {
    if (best) {
      return new BestCheckpointTest.Judged(Runs.network(arena), step, 1, 2);
    }
    return adapters ? Runs.adapted(arena, 2, Set.of("q_proj", "ff_out")) : Runs.network(arena);
  }

  private Trained trained(Network network, Arena arena) {
    return adapters ? new Lora(network, 4, 5, arena) : Trained.AllWeights.of(network);
  }

  /** Saves at steps 2 and 4, keeps one checkpoint, publishes twice. Resumes if there is one. */
  private List<Long> run(Path run, PowerCut disk, List<Integer> savedAt, List<String> told)
      throws Exception {
    List<Long> resumed = new ArrayList<>();
    ScopedValue.where(Disk.CURRENT, disk)
        .call(
            () -> {
              RunFolder files = new RunFolder(run);
              try (DiskLock _ = files.open();
                  Arena arena = Arena.ofShared();
                  Network network = network(arena)) {
                Path tokenizer = run.resolve("tokenizer");
                HuggingFaceFolder.copyTokenizer(tokenizer(), tokenizer);
                Optional<Path> checkpoint = files.latestWhole(told::add);
                try (Trainer trainer =
                    new Trainer(
                        Runs.config(STEPS, 0),
                        new Trainer.Schedule(2, 1, best ? 2 : 0, 1, 0),
                        new Trainer.Learner(
                            Runs.CONFIG,
                            network,
                            trained(network, arena),
                            new VectorKernels(Parallel.SERIAL)),
                        Runs.data(run, 200, arena),
                        new Trainer.Output(files, tokenizer, Map.of()),
                        Processes.ALONE,
                        new TrainingListener() {
                          @Override
                          public void step(Step made) {
                            step.set(made.step());
                          }

                          @Override
                          public void saved(long step, Path saved) {
                            savedAt.add(disk.operations());
                          }
                        })) {
                  checkpoint.ifPresent(trainer::resume);
                  resumed.add(trainer.step());
                  trainer.run();
                  if (best) {
                    trainer.best();
                    resumed.add(trainer.step());
                  }
                  trainer.publish();
                  trainer.publish();
                }
              }
              return null;
            });
    return resumed;
  }

  private Path tokenizer() throws IOException {
    Path source = Files.createDirectories(folder.resolve("source"));
    Files.writeString(source.resolve("tokenizer.json"), "{}");
    return source;
  }

  /** What must be equal in the end; an older checkpoint may be left when nothing is saved again. */
  private Map<String, Integer> result(Path run) {
    Map<String, Integer> hashes = PowerCut.hashes(PowerCut.tree(run));
    if (!best) {
      hashes.keySet().removeIf(name -> name.startsWith("step-00000002"));
    }
    hashes.remove("run.sha256"); // a line for each time that the model was published
    return hashes;
  }

  @Test
  void prefixesOfARunAreResumedToTheSameBits() throws Exception {
    prefixes(7);
  }

  @Test
  void prefixesOfARunOfAdaptersAreResumedToTheSameBits() throws Exception {
    adapters = true;
    prefixes(9);
  }

  @Test
  void prefixesOfARunThatPublishesItsBestAreResumedToTheSameBits() throws Exception {
    best = true;
    prefixes(11);
  }

  @Test
  @Tag("nightly")
  void everyPrefixOfARunThatPublishesItsBestIsResumedToTheSameBits() throws Exception {
    best = true;
    prefixes(1);
  }

  @Test
  @Tag("nightly")
  void everyPrefixOfARunOfAdaptersIsResumedToTheSameBits() throws Exception {
    adapters = true;
    prefixes(1);
  }

  @Test
  @Tag("nightly")
  void everyPrefixOfARunIsResumedToTheSameBits() throws Exception {
    prefixes(1);
  }

  private void prefixes(int stride) throws Exception {
    Path whole = Files.createDirectory(folder.resolve("whole"));
    PowerCut disk = new PowerCut(whole);
    List<Integer> savedAt = new ArrayList<>();
    run(whole, disk, savedAt, new ArrayList<>());
    assertThat(savedAt).hasSize(2);
    Map<String, Integer> expected = result(whole);
    assertThat(expected)
        .containsKeys(
            "step-00000004/SHA256SUMS",
            adapters ? "adapter/adapter_model.safetensors" : "model/model.safetensors");
    assertThat(expected.keySet()).noneMatch(name -> name.contains("/.") || name.startsWith("."));
    Set<Integer> seen = new HashSet<>();
    SplittableRandom random = new SplittableRandom(1);
    for (int n = 0; n <= disk.operations(); n += stride) {
      long sure = n >= savedAt.get(1) ? 4 : n >= savedAt.get(0) ? 2 : 0;
      for (Unforced unforced :
          List.of(Unforced.LOST, Unforced.KEPT, Unforced.RANDOM, Unforced.RANDOM)) {
        Map<String, byte[]> left = disk.cut(n, unforced, random);
        if (!seen.add(PowerCut.hashes(left).hashCode())) {
          continue;
        }
        Path run = folder.resolve("%d-%s-%d".formatted(n, unforced, seen.size()));
        PowerCut.restore(left, run);
        List<String> told = new ArrayList<>();
        List<Long> from = run(run, new PowerCut(run), new ArrayList<>(), told);
        assertThat(from.getFirst()).as("%s", run).isGreaterThanOrEqualTo(sure);
        assertThat(told).as("%s", run).isEmpty();
        if (best) {
          assertThat(from.getLast()).as("%s", run).isEqualTo(2);
        }
        assertThat(result(run)).as("%s", run).isEqualTo(expected);
        new PowerCut(folder).deleteTree(run);
      }
    }
    assertThat(seen).hasSizeGreaterThan(200 / stride);
  }

  @Test
  void someOperationsMayFail() throws Exception {
    failures(9);
  }

  @Test
  void someOperationsOfARunOfAdaptersMayFail() throws Exception {
    adapters = true;
    failures(11);
  }

  @Test
  @Tag("nightly")
  void anyOperationMayFail() throws Exception {
    failures(1);
  }

  private void failures(int stride) throws Exception {
    Map<String, Integer> expected = null;
    boolean failed = true;
    int refused = 0;
    for (int n = -1; failed; n += stride) { // none fails the first time
      Path run = Files.createDirectory(folder.resolve("run" + n));
      PowerCut disk = new PowerCut(run, n);
      List<Integer> savedAt = new ArrayList<>();
      try {
        run(run, disk, savedAt, new ArrayList<>());
      } catch (FormatException e) {
        assertThat(disk.failed()).as("%s", e).isTrue();
        assertThat(e.getMessage()).contains("injected fault at operation " + n);
        refused++;
      }
      failed = disk.failed() || n < 0;
      List<Long> from = run(run, new PowerCut(run), new ArrayList<>(), new ArrayList<>());
      assertThat(from.getFirst()).as("%s", run).isGreaterThanOrEqualTo(2L * savedAt.size());
      if (expected == null) {
        expected = result(run);
      }
      assertThat(result(run)).as("%s", run).isEqualTo(expected);
      new PowerCut(folder).deleteTree(run);
    }
    assertThat(refused).isGreaterThan(100 / stride);
  }

  /** What of earlier versions a power cut left empty, or a disk spoiled. */
  @Test
  void aDamagedCheckpointIsPutAsideWithAMessage() throws Exception {
    Path run = Files.createDirectory(folder.resolve("run"));
    run(run, new PowerCut(run), new ArrayList<>(), new ArrayList<>());
    Map<String, Integer> expected = result(run);
    Path last = run.resolve("step-00000004");
    Map<String, byte[]> before = PowerCut.tree(run);
    for (String damage : List.of("config.json", "optimizer.safetensors", "SHA256SUMS", "old")) {
      Path copy = folder.resolve(damage);
      PowerCut.restore(before, copy);
      Path damaged = copy.resolve(last.getFileName());
      if (damage.equals("old")) { // without sums, as earlier versions
        Files.delete(damaged.resolve("SHA256SUMS"));
        Files.write(damaged.resolve("tokenizer.json"), new byte[0]);
      } else {
        byte[] bytes = Files.readAllBytes(damaged.resolve(damage));
        bytes[bytes.length - 1] ^= 1;
        Files.write(damaged.resolve(damage), bytes);
      }
      List<String> told = new ArrayList<>();
      List<Long> from = run(copy, new PowerCut(copy), new ArrayList<>(), told);
      assertThat(from).containsExactly(0L); // one checkpoint is kept, and it is damaged
      assertThat(told)
          .singleElement()
          .asString()
          .contains("damaged", "the checkpoint is now step-00000004.damaged-");
      Map<String, Integer> found = result(copy);
      found.keySet().removeIf(name -> name.contains(".damaged-"));
      assertThat(found).isEqualTo(expected);
    }
  }
}
