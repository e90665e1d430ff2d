package llada;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Inside a package, too, the arrows lead one way: a command does not know who calls it. */
final class ClassCyclesTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .withImportOption(location -> !location.contains("-tests.jar"))
          .importPackages("llada.cli", "llada.bench", "llada.evaluation", "llada.model");

  @ParameterizedTest
  @ValueSource(strings = {"llada.cli", "llada.bench", "llada.evaluation", "llada.model"})
  void noFilesOfAPackageNeedEachOther(String packageName) {
    List<String> files =
        CLASSES.stream()
            .filter(c -> c.getPackageName().equals(packageName))
            .map(ClassCyclesTest::file)
            .distinct()
            .toList();
    assertThat(files).hasSizeGreaterThan(5);
    slices().assignedFrom(byFile(packageName)).should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void onlyMainKnowsTheRootCommand() {
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName("llada.cli.Main")
        .and()
        .doNotHaveFullyQualifiedName("llada.cli.RootCommand")
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("llada.cli.RootCommand")
        .check(CLASSES);
  }

  private static SliceAssignment byFile(String packageName) {
    return new SliceAssignment() {
      @Override
      public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
        return javaClass.getPackageName().equals(packageName)
            ? SliceIdentifier.of(file(javaClass))
            : SliceIdentifier.ignore();
      }

      @Override
      public String getDescription() {
        return "files of " + packageName;
      }
    };
  }

  /** Nested classes belong to the class around them. */
  private static String file(JavaClass javaClass) {
    return javaClass.getName().replaceAll("\\$.*", "");
  }
}
