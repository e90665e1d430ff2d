package llada;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import llada.diffusion.DiffusionSampler;
import llada.model.MaskPredictor;
import org.junit.jupiter.api.Test;

/** The arrows point at the mathematics. */
final class ArchitectureTest {
  /** Lowest first: a package may use only those before it. */
  private static final List<String> ORDER =
      List.of(
          "llada.tensor",
          "llada.kernel.scalar",
          "llada.kernel",
          "llada.kernel.simd",
          "llada.kernel.machine",
          "llada.backend",
          "llada.tokenizer.jinja",
          "llada.tokenizer",
          "llada.format",
          "llada.plot",
          "llada.model",
          "llada.diffusion.cache",
          "llada.diffusion.commit",
          "llada.diffusion",
          "llada.checkpoint",
          "llada.api",
          "llada.evaluation",
          "llada.train.demo",
          "llada.train",
          "llada.experiments",
          "llada.bench",
          "llada.hub",
          "llada.server",
          "llada.cli");

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .withImportOption(location -> !location.contains("-tests.jar"))
          .importPackages(ORDER.toArray(String[]::new));

  @Test
  void everyPackageHasItsPlace() {
    assertThat(CLASSES.stream().map(c -> c.getPackageName()).distinct())
        .containsExactlyInAnyOrderElementsOf(ORDER);
  }

  @Test
  void packagesUseOnlyThoseBelow() {
    for (int i = 0; i < ORDER.size() - 1; i++) {
      String[] above = ORDER.subList(i + 1, ORDER.size()).toArray(String[]::new);
      noClasses()
          .that()
          .resideInAPackage(ORDER.get(i))
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(above)
          .check(CLASSES);
    }
  }

  @Test
  void noCycles() {
    slices().matching("llada.(**)").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void onlyTheVectorTierUsesTheVectorApi() {
    noClasses()
        .that()
        .resideOutsideOfPackage("llada.kernel.simd")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jdk.incubator.vector")
        .check(CLASSES);
  }

  @Test
  void onlyTheCommandLineUsesItsLibraries() {
    noClasses()
        .that()
        .resideOutsideOfPackage("llada.cli")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("picocli..", "org.jline..")
        .check(CLASSES);
  }

  /**
   * Who wants an answer asks {@code Llada} or {@code Engine}; what measures passes is no answer,
   * and an exact denoiser, which counts, is no model.
   */
  @Test
  void oneWiring() {
    noClasses()
        .that()
        .resideOutsideOfPackages("llada.model", "llada.diffusion", "llada.api", "llada.bench")
        .and()
        .doNotHaveFullyQualifiedName("llada.experiments.Sampling")
        .should()
        .callConstructorWhere(target(owner(type(MaskPredictor.class))))
        .orShould()
        .callConstructorWhere(target(owner(type(DiffusionSampler.class))))
        .check(CLASSES);
  }

  @Test
  void onlyTheDiskWrites() {
    Set<String> files =
        Set.of(
            "write writeString newOutputStream newBufferedWriter newByteChannel copy move delete"
                .concat(" deleteIfExists createFile createDirectory createDirectories")
                .concat(" createTempFile createTempDirectory createLink createSymbolicLink")
                .split(" "));
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName("llada.format.LocalDisk")
        .should()
        .callMethodWhere(
            new DescribedPredicate<JavaMethodCall>("the target writes to a file") {
              @Override
              public boolean test(JavaMethodCall call) {
                String name = call.getTarget().getName();
                return switch (call.getTargetOwner().getName()) {
                  case "java.nio.file.Files" -> files.contains(name);
                  // Opened for reading there.
                  case "java.nio.channels.FileChannel" ->
                      name.equals("open")
                          && !call.getOriginOwner().getName().equals("llada.format.MappedFile");
                  default -> false;
                };
              }
            })
        .orShould()
        .callConstructor(java.io.FileOutputStream.class, String.class)
        .orShould()
        .callConstructor(java.io.FileOutputStream.class, java.io.File.class)
        .orShould()
        .callConstructor(java.io.FileOutputStream.class, String.class, boolean.class)
        .orShould()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.io.FileWriter")
        .orShould()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.io.RandomAccessFile")
        .check(CLASSES);
  }

  @Test
  void filesStayShort() throws IOException {
    try (Stream<Path> files = Files.walk(Golden.repository())) {
      List<Path> sources =
          files.filter(f -> f.toString().matches(".*/main/java/.*\\.java")).toList();
      assertThat(sources).isNotEmpty();
      for (Path file : sources) {
        assertThat(Files.readAllLines(file).size()).as(file.toString()).isLessThanOrEqualTo(500);
      }
    }
  }
}
