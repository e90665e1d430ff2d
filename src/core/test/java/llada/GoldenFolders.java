package llada;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import llada.format.Json;
import llada.model.Architecture;

/**
 * The golden vectors of the family: checkpoints of many architectures, each with what the published
 * code answered. The folders are those of {@link Golden}.
 *
 * <p>No file may lie there unread. Each belongs to a test class: {@link #READERS}. That class takes
 * its files from {@link #files}, says of each that it is {@link #compared}, and calls {@link
 * #requireAll} when all its tests have run. {@code GoldenFoldersTest} fails on a file that belongs
 * to nobody.
 */
public final class GoldenFolders {
  /** Patterns of file names, relative to a checkpoint or to the folder of all; the first counts. */
  private static final Map<String, String> READERS = new LinkedHashMap<>();

  static {
    READERS.put("golden/logits.*", "llada.checkpoint.FamilyGoldenTest");
    READERS.put("golden/activations.*", "llada.checkpoint.FamilyGoldenTest");
    READERS.put("*.gguf", "llada.checkpoint.FamilyGoldenTest");
    READERS.put("block_causal_masks.json", "llada.checkpoint.FamilyGoldenTest");
    READERS.put("golden/generate/*", "llada.diffusion.FamilyGenerationGoldenTest");
    READERS.put("tokenizer_cases.json", "llada.tokenizer.FamilyTokenizersTest");
  }

  /** What describes a set and holds no vectors, and what belongs to a checkpoint itself. */
  private static final String NO_VECTORS =
      "{manifest.json,verified.json,README.md,config.json,generation_config.json,tokenizer.json,"
          + "tokenizer_config.json,special_tokens_map.json,chat_template.jinja,*.safetensors,"
          + "*.safetensors.index.json}";

  /** Vectors that nothing here compares yet. */
  private static final String LEFT_OUT = "golden/training/*";

  private static final Set<Path> COMPARED = ConcurrentHashMap.newKeySet();

  private GoldenFolders() {}

  /** Whether a checkpoint's vectors are of this form. */
  static boolean holds(Path checkpoint) {
    return Files.exists(checkpoint.resolve("golden/logits.f32.safetensors"));
  }

  /** The checkpoints of supported architectures. */
  public static List<Path> checkpoints() {
    return all().filter(folder -> architecture(folder).isPresent()).toList();
  }

  /** Those of one architecture. */
  public static List<Path> checkpoints(Architecture wanted) {
    return all().filter(f -> architecture(f).equals(Optional.of(wanted))).toList();
  }

  /**
   * The cases of a test, which is skipped by its name where a given set has none of its kind; the
   * project's own set has every kind.
   */
  public static <T> Stream<T> need(List<T> cases, String kind) {
    if (Golden.own()) {
      assertThat(cases).as(kind).isNotEmpty();
    }
    assumeTrue(!cases.isEmpty(), () -> "%s holds no %s".formatted(Golden.roots(), kind));
    return cases.stream();
  }

  /** The repository's own one of an architecture, for tests that need any. */
  public static Path example(Architecture wanted) {
    return Golden.folders(Golden.resources().resolve("golden-families")).stream()
        .filter(folder -> architecture(folder).equals(Optional.of(wanted)))
        .findFirst()
        .orElseThrow();
  }

  /** Those of architectures that are not supported. */
  static List<Path> unsupported() {
    return all().filter(folder -> architecture(folder).isEmpty()).toList();
  }

  private static Stream<Path> all() {
    return Golden.roots().stream()
        .flatMap(root -> Golden.folders(root).stream())
        .filter(GoldenFolders::holds);
  }

  /** Empty for another, and for LLaDA2.2, which has the class of LLaDA2. */
  private static Optional<Architecture> architecture(Path folder) {
    Json config = Golden.json(folder.resolve("config.json"));
    return config.get("expert_capacity").isNull()
        ? Architecture.ofClass(config.get("architectures").get(0).string())
        : Optional.empty();
  }

  /**
   * The files of a test class in a folder.
   *
   * @param folder a checkpoint, or one of {@link #sets}
   * @param pattern of names relative to the folder: {@code golden/generate/*.json}
   */
  public static List<Path> files(Path folder, String pattern) {
    PathMatcher matcher = matcher(pattern);
    return relative(folder).stream().filter(matcher::matches).map(folder::resolve).toList();
  }

  /** The folders that hold checkpoints and what belongs to all of them. */
  public static List<Path> sets() {
    return Golden.roots().stream()
        .filter(root -> !Files.exists(root.resolve("config.json")))
        .filter(root -> Golden.folders(root).stream().anyMatch(GoldenFolders::holds))
        .toList();
  }

  /** Says that all that a file holds was compared with what the program gives. */
  public static Path compared(Path file) {
    COMPARED.add(file);
    return file;
  }

  /**
   * Fails if a file of a test class was not compared.
   *
   * @throws AssertionError naming the files
   */
  public static void requireAll(Class<?> test) {
    List<Path> left =
        everyFile((folder, file) -> reader(file).equals(Optional.of(test.getName())))
            .filter(file -> !COMPARED.contains(file))
            .toList();
    if (!left.isEmpty()) {
      throw new AssertionError("golden files that no test has compared: " + left);
    }
  }

  /** The files that belong to no test class. */
  static List<Path> unread() {
    return everyFile(
            (_, file) ->
                reader(file).isEmpty()
                    && !matcher(NO_VECTORS).matches(file)
                    && !matcher(LEFT_OUT).matches(file))
        .toList();
  }

  /** The files that are left out. */
  static List<Path> leftOut() {
    return everyFile((_, file) -> matcher(LEFT_OUT).matches(file)).toList();
  }

  /** The test classes that read files. */
  static Set<String> readers() {
    return Set.copyOf(READERS.values());
  }

  private interface Filter {
    boolean takes(Path folder, Path relative);
  }

  private static Stream<Path> everyFile(Filter filter) {
    List<Path> found = new ArrayList<>();
    for (Path folder : checkpoints()) {
      for (Path file : relative(folder)) {
        if (filter.takes(folder, file)) {
          found.add(folder.resolve(file));
        }
      }
    }
    for (Path set : sets()) {
      if (!Golden.checkpoints(set).isEmpty()) {
        continue; // what belongs to all there is dense LLaDA's
      }
      try (Stream<Path> files = Files.list(set)) {
        files
            .filter(Files::isRegularFile)
            .filter(file -> filter.takes(set, set.relativize(file)))
            .forEach(found::add);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return found.stream();
  }

  private static List<Path> relative(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).map(folder::relativize).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Optional<String> reader(Path relative) {
    return READERS.entrySet().stream()
        .filter(row -> matcher(row.getKey()).matches(relative))
        .map(Map.Entry::getValue)
        .findFirst();
  }

  private static PathMatcher matcher(String pattern) {
    return FileSystems.getDefault().getPathMatcher("glob:" + pattern);
  }
}
