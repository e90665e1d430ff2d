package llada.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import llada.format.Disk;
import llada.format.DiskLock;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.PowerCut;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A model is brought whole and checked, or not at all, whatever the hub and the disk do. */
final class PullTest {
  private static final byte[] WEIGHTS = bytes(300_000);

  @TempDir Path store;
  private final FakeHub hub = new FakeHub();

  @BeforeEach
  void aModel() {
    hub.files.put(".gitattributes", bytes(20));
    hub.files.put("README.md", "a model".getBytes(StandardCharsets.UTF_8));
    hub.files.put("config.json", bytes(400));
    hub.files.put("empty.txt", new byte[0]);
    hub.files.put("model-00001-of-00002.safetensors", WEIGHTS);
    hub.files.put("model-00002-of-00002.safetensors", WEIGHTS); // of the same content
    hub.files.put("model.safetensors.index.json", bytes(2000));
    hub.files.put("pytorch_model.bin", bytes(5000));
    hub.files.put("onnx/model.json", bytes(50));
  }

  @AfterEach
  void close() {
    hub.close();
  }

  private static byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    new Random(count).nextBytes(bytes);
    return bytes;
  }

  private Path folder() {
    return new ModelStore(store).folder(name());
  }

  private static ModelName name() {
    return ModelName.of("acme/tiny").orElseThrow();
  }

  private int pull(String... patterns) {
    return pull(hub.url(), Optional.empty(), patterns);
  }

  private int pull(String endpoint, Optional<String> token, String... patterns) {
    try (Hub there = new Hub(endpoint, token, Duration.ofMillis(1), Duration.ofMillis(500))) {
      return new Pull(there, name(), folder(), List.of(patterns)).run(new Count());
    }
  }

  /** What has come never is less than nothing or more than all. */
  private static final class Count implements Pull.Listener {
    private final AtomicLong done = new AtomicLong();
    private long total;

    @Override
    public void begin(long bytes) {
      total = bytes;
    }

    @Override
    public void accept(long bytes) {
      assertThat(done.addAndGet(bytes)).isBetween(0L, total);
    }
  }

  private static final List<String> MODEL =
      List.of(
          "README.md",
          "config.json",
          "empty.txt",
          "model-00001-of-00002.safetensors",
          "model-00002-of-00002.safetensors",
          "model.safetensors.index.json");

  private void assertWhole() {
    Map<String, byte[]> tree = PowerCut.tree(folder());
    assertThat(tree.keySet()).containsExactlyElementsOf(MODEL);
    tree.forEach((name, content) -> assertThat(content).as(name).isEqualTo(hub.files.get(name)));
    assertThat(beside()).isEmpty();
  }

  private List<String> beside() {
    try (Stream<Path> all = Files.list(store.resolve("acme"))) {
      return all.map(path -> path.getFileName().toString()).filter(n -> !n.equals("tiny")).toList();
    } catch (IOException _) {
      return List.of();
    }
  }

  @Test
  void bringsWhatAModelConsistsOf() {
    assertThat(pull()).isEqualTo(MODEL.size());
    assertWhole();
    hub.requests.clear();
    assertThat(pull()).isZero();
    assertThat(hub.requests).containsExactly("/api/models/acme/tiny/revision/main?blobs=true");
    assertWhole();
  }

  @Test
  void bringsNamedFilesOneByOneAndMendsAFolder() throws IOException {
    hub.files.put("tiny-q4_0.gguf", bytes(3000));
    hub.files.put("sub/tiny q8_0+x.gguf", bytes(3001));
    assertThat(pull("*q4*.gguf")).isEqualTo(1);
    assertThat(pull("sub/*")).isEqualTo(1);
    assertThat(pull("**.gguf")).isZero();
    assertThat(PowerCut.tree(folder()).keySet())
        .containsExactly("sub", "sub/tiny q8_0+x.gguf", "tiny-q4_0.gguf");
    assertThat(new ModelStore(store).find("acme/tiny"))
        .contains(folder().resolve("tiny-q4_0.gguf"));
    assertThat(new ModelStore(store).find("acme/tiny/sub/tiny q8_0+x.gguf"))
        .contains(folder().resolve("sub/tiny q8_0+x.gguf"));
    Files.delete(folder().resolve("tiny-q4_0.gguf"));
    assertThat(pull("**.gguf")).isEqualTo(1);
    assertThat(beside()).isEmpty();
  }

  @Test
  void aFolderOfOtherContentIsNotTouched() throws IOException {
    pull();
    Files.write(folder().resolve("config.json"), bytes(400 / 2));
    assertThatThrownBy(this::pull)
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("config.json", "not what the hub has", "move the folder");
    assertThat(folder().resolve("config.json")).hasBinaryContent(bytes(200));
  }

  @Test
  void aRepositoryWithoutOneModelAsksWhich() {
    hub.files.keySet().removeIf(name -> name.endsWith("safetensors"));
    assertThatThrownBy(this::pull)
        .hasMessageContainingAll("name one", "pytorch_model.bin (4.9 KiB)", "onnx/model.json");
    hub.files.put("a.gguf", bytes(3000));
    hub.files.put("b.gguf", bytes(3001));
    assertThatThrownBy(this::pull).hasMessageContainingAll("name one", "a.gguf", "b.gguf");
    assertThatThrownBy(() -> pull("*.onnx")).hasMessageContaining("none of that name");
    assertThatThrownBy(() -> pull("[")).hasMessageContaining("'[' is no pattern");
    hub.files.remove("b.gguf");
    assertThat(pull()).isEqualTo(1);
    assertThat(store).isDirectoryRecursivelyContaining("glob:**/acme/tiny/a.gguf");
  }

  @Test
  void goesOnAfterEachCutWithTheSameTag() {
    hub.cutAfter = 100_000;
    assertThat(pull()).isEqualTo(MODEL.size());
    assertWhole();
    assertThat(hub.requests.stream().filter(r -> r.contains("00001-of")).toList())
        .hasSizeGreaterThanOrEqualTo(3)
        .first()
        .matches(r -> !r.contains("Range"));
    assertThat(hub.requests.stream().filter(r -> r.contains("Range:")).toList())
        .isNotEmpty()
        .allMatch(r -> r.matches(".* Range: bytes=[1-9]\\d*- If-Range: \"[0-9a-f]{16}\"$"));
  }

  @Test
  void anotherProcessGoesOnToo() throws IOException {
    String second = "model-00002-of-00002.safetensors";
    hub.listing = hub.listing();
    hub.files.remove(second);
    assertThatThrownBy(this::pull).hasMessageContainingAll(second, "404");
    assertThat(folder()).doesNotExist();
    assertThat(beside()).containsExactly(".tiny.pull");
    Files.write(part(second), Arrays.copyOf(WEIGHTS, 1234));
    hub.files.put(second, WEIGHTS);
    hub.requests.clear();
    assertThat(pull()).isEqualTo(MODEL.size());
    assertWhole();
    assertThat(hub.requests)
        .noneMatch(r -> r.contains("00001-of"))
        .anyMatch(r -> r.endsWith(second + " Range: bytes=1234-"));
  }

  private Path part(String name) throws IOException {
    Path folder = Files.createDirectories(store.resolve("acme/.tiny.pull"));
    return folder.resolve(
        Download.partName(
            HubFile.of(
                Json.parse(
                    FakeHub.sibling(name, WEIGHTS).getBytes(StandardCharsets.UTF_8), "test"))));
  }

  @Test
  void aHubThatAlwaysCutsIsGivenUp() {
    hub.cutAfter = 0;
    assertThatThrownBy(this::pull)
        .hasMessageContainingAll("model-00001-of", hub.url(), "the same command goes on");
    assertThat(folder()).doesNotExist();
  }

  @Test
  void aSilentConnectionCountsAsBroken() {
    hub.cutAfter = 200_000;
    hub.stalls = true;
    assertThat(pull()).isEqualTo(MODEL.size());
    assertWhole();
  }

  @Test
  void aHubWithoutRangesSendsAllAgain() throws IOException {
    hub.ignoresRanges = true;
    Files.write(part("model-00001-of-00002.safetensors"), bytes(1234));
    assertThat(pull()).isEqualTo(MODEL.size());
    assertWhole();
  }

  @Test
  void wrongBytesAreThrownAway() {
    hub.corrupts = true;
    assertThatThrownBy(this::pull)
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("model-00001-of", "digest", "thrown away");
    assertThat(folder()).doesNotExist();
    hub.corrupts = false;
    assertThat(pull()).isEqualTo(MODEL.size());
    assertWhole();
  }

  @Test
  void aFileOfAnotherLengthThanListedIsRefused() {
    String listing = hub.listing();
    hub.listing = listing.replace("\"size\": 300000", "\"size\": 300001");
    assertThatThrownBy(this::pull).hasMessageContainingAll("300,000 of 300,001 bytes");
    hub.listing = listing.replace("\"size\": 300000", "\"size\": 299999");
    assertThatThrownBy(this::pull).hasMessageContainingAll("digest", "thrown away");
    assertThat(folder()).doesNotExist();
  }

  @Test
  void theDiskIsAskedFirst() {
    hub.listing = hub.listing().replace("\"size\": 300000", "\"size\": 300000000000000000");
    assertThatThrownBy(this::pull).hasMessageContainingAll("600,000,000,000,00", "free; make room");
    assertThat(hub.requests).hasSize(1);
    assertThat(folder()).doesNotExist();
  }

  /** Every other operation of the disk fails in turn, as on a full disk; then the pull goes on. */
  @Test
  void aFailingDiskLeavesNothingOrAll() throws IOException {
    PowerCut sound = new PowerCut(store);
    ScopedValue.where(Disk.CURRENT, sound).run(this::pull);
    assertThat(sound.operations()).isGreaterThan(30);
    for (int failing = 0; failing < sound.operations(); failing += 2) {
      Disk.current().deleteTree(store.resolve("acme"));
      PowerCut disk = new PowerCut(store, failing);
      try {
        ScopedValue.where(Disk.CURRENT, disk).run(this::pull);
      } catch (FormatException e) {
        assertThat(e).hasMessageContaining("cannot be written");
      }
      if (Files.exists(folder())) {
        assertThat(PowerCut.tree(folder()).keySet()).as("%d", failing).containsAll(MODEL);
      }
      pull();
      assertWhole();
    }
  }

  /** After a power cut at any moment the folder is whole or not there, and a pull completes it. */
  @Test
  void aPowerCutLeavesNothingOrAll(@TempDir Path other) throws IOException {
    PowerCut disk = new PowerCut(store);
    ScopedValue.where(Disk.CURRENT, disk).run(this::pull);
    TreeMap<String, Integer> seen = new TreeMap<>();
    for (int at = 0; at <= disk.operations(); at++) {
      for (PowerCut.Unforced unforced : PowerCut.Unforced.values()) {
        Map<String, byte[]> left = disk.cut(at, unforced, new SplittableRandom(at));
        List<String> names = new ArrayList<>();
        left.forEach(
            (name, content) -> {
              if (name.startsWith("acme/tiny/")) {
                names.add(name.substring(10));
                assertThat(content).as(name).isEqualTo(hub.files.get(name.substring(10)));
              }
            });
        boolean whole = left.containsKey("acme/tiny");
        assertThat(names).as("%d, %s", at, unforced).isEqualTo(whole ? MODEL : List.of());
        seen.merge(whole ? "whole" : "none", 1, Integer::sum);
      }
    }
    assertThat(seen.keySet()).containsExactly("none", "whole");
    PowerCut.restore(disk.cut(disk.operations() / 2, PowerCut.Unforced.KEPT, null), other);
    assertThat(other.resolve("acme/.tiny.pull")).isDirectory();
  }

  @ParameterizedTest
  @ValueSource(ints = {401, 403, 404, 400})
  void refusalsSayWhatToDo(int status) {
    hub.statuses.add(status);
    assertThatThrownBy(this::pull)
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("acme/tiny", "127.0.0.1 answers " + status)
        .hasMessageContaining(
            switch (status) {
              case 401, 403 -> "give the token of an account that may";
              case 404 -> "no such model, revision or file; check the name";
              default -> "refuses";
            });
    assertThat(hub.requests).hasSize(1);
    assertThat(beside()).isEmpty();
    hub.statuses.add(403);
    assertThatThrownBy(() -> pull(hub.url(), Optional.of("hf_secret")))
        .hasMessageContaining("accept the model's conditions")
        .message()
        .doesNotContain("hf_secret");
  }

  @Test
  void aBusyHubIsAskedAgain() {
    hub.statuses.addAll(List.of(429, 503, 500, 502));
    assertThat(pull()).isEqualTo(MODEL.size());
    assertWhole();
    hub.statuses.addAll(List.of(429, 429, 429, 429, 429));
    assertThatThrownBy(this::pull).hasMessageContaining("127.0.0.1 answers 429");
    hub.statuses.add(429);
    hub.retryAfter = "3600";
    assertThatThrownBy(this::pull).hasMessageContaining("come again in 3600 seconds");
  }

  @Test
  void theTokenGoesToTheHubOnly() {
    try (FakeHub cdn = new FakeHub()) {
      cdn.files.putAll(hub.files);
      hub.cdn = cdn.url();
      cdn.cutAfter = 100_000;
      assertThat(pull(hub.url(), Optional.of("hf_secret"))).isEqualTo(MODEL.size());
      assertWhole();
      assertThat(hub.requests).allMatch(r -> r.endsWith("Authorization: Bearer hf_secret"));
      assertThat(cdn.requests).hasSizeGreaterThan(3).noneMatch(r -> r.contains("Authorization"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"file:///etc/passwd#", "ftp://127.0.0.1", "//", "http://[", ""})
  void redirectionsLeadToHttpOnly(String elsewhere) {
    hub.cdn = elsewhere;
    assertThatThrownBy(this::pull)
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("redirect");
    assertThat(folder()).doesNotExist();
  }

  @Test
  void tokensTravelEncrypted() {
    for (String hub :
        List.of("hub.example.org", "localhost.example.org", "127.example.org", "localhost@a.org")) {
      assertThatThrownBy(() -> pull("http://" + hub, Optional.of("hf_secret")))
          .hasMessageContainingAll("http://" + hub, "read the token", "https");
    }
    assertThatThrownBy(() -> pull("huggingface.co", Optional.empty()))
        .hasMessageContaining("huggingface.co: is no address of a hub");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../config.json",
        "/etc/passwd",
        "a/../../b.json",
        "a//b.json",
        "a/./b.json",
        "C:\\\\b.json",
        "a\\\\..\\\\b.json",
        "b\\u001b[2J.json",
        "b\\n.json",
        "b\\u202egnp.json",
        "b\\u0000.json",
        "",
        "config.json",
        "..",
      })
  void hostileNamesAreRefused(String name) {
    hub.listing = hub.listing().replace("]}", ", " + FakeHub.sibling(name, bytes(10)) + "]}");
    assertThatThrownBy(this::pull)
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("acme/tiny: lists '", "nothing was written");
    assertThat(hub.requests).hasSize(1);
    assertThat(store).isEmptyDirectory();
  }

  @Test
  void aListingWithoutDigestsIsRefused() {
    String listing = hub.listing();
    for (String json :
        List.of(
            listing.replaceAll(", \"blobId\": \"[0-9a-f]+\"", ""),
            listing.replaceAll("\"sha256\": \"[0-9a-f]+\", ", ""),
            listing.replaceAll("\"sha256\": \"[0-9a-f]+\"", "\"sha256\": \"../x\""),
            listing.replaceAll(", \"size\": \\d+", ""),
            listing.replaceAll("\"size\": 400", "\"size\": -1"),
            listing.replace(FakeHub.COMMIT, "../../x"),
            "{\"siblings\": []}",
            "[]",
            "{",
            "<html>")) {
      hub.listing = json;
      assertThatThrownBy(this::pull).as(json).isInstanceOf(FormatException.class);
      assertThat(store).isEmptyDirectory();
    }
    hub.listing = listing.replaceAll(", \"blobId\": \"[0-9a-f]+\"", "");
    assertThatThrownBy(this::pull).hasMessageContainingAll("blobId", "is missing");
  }

  @Test
  void oneProcessPullsAModel() throws IOException {
    Path lock = Files.createDirectories(store.resolve("acme/.tiny.pull")).resolve("lock");
    try (DiskLock _ = DiskLock.take(lock).orElseThrow()) {
      assertThatThrownBy(this::pull).hasMessageContaining("another process is pulling it");
    }
    assertThat(pull()).isEqualTo(MODEL.size());
    assertWhole();
  }

  @Test
  void namesAreChecked() {
    assertThat(ModelName.of("GSAI-ML/LLaDA-8B-Instruct"))
        .get()
        .hasToString("GSAI-ML/LLaDA-8B-Instruct");
    ModelName revision = ModelName.of("a/b@refs/pr/1").orElseThrow();
    assertThat(revision).hasToString("a/b@refs/pr/1");
    assertThat(new ModelStore(store).folder(revision)).isEqualTo(store.resolve("a/b@refs_pr_1"));
    for (String none :
        List.of("a", "a/b/c", "../b", "a/..", "a/b@", "a/b@../c", "/b", "a/b c", "")) {
      assertThat(ModelName.of(none)).as(none).isEmpty();
      assertThat(new ModelStore(store).find(none)).as(none).isEmpty();
    }
    assertThat(ModelName.meant("LLaDA2.1-mini")).get().hasToString("inclusionAI/LLaDA2.1-mini");
    assertThat(ModelName.meant("other")).isEmpty();
  }
}
