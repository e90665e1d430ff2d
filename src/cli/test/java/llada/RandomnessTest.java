package llada;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.concurrent.ThreadLocalRandom;
import java.util.random.RandomGenerator;
import llada.format.Disk;
import llada.tensor.RandomStreams;
import org.junit.jupiter.api.Test;

/** One class makes random numbers; what depends on a seed comes from there. */
final class RandomnessTest {
  @Test
  void nobodyElseMakesAGenerator() {
    var classes =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .withImportOption(
                location -> !location.contains("/test/") && !location.contains("-tests.jar"))
            .importPackages("llada");
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName(RandomStreams.class.getName())
        .and()
        .resideOutsideOfPackage("llada.benchmarks") // inputs of timings, comparable with old ones
        .should()
        .callConstructorWhere(target(owner(assignableTo(RandomGenerator.class))))
        .orShould()
        .callMethodWhere(target(owner(assignableTo(Math.class))).and(target(name("random"))))
        .check(classes);
    // Names of temporary files follow from no seed.
    noClasses()
        .that()
        .doNotHaveFullyQualifiedName(Disk.class.getName())
        .should()
        .dependOnClassesThat()
        .areAssignableTo(ThreadLocalRandom.class)
        .check(classes);
  }
}
