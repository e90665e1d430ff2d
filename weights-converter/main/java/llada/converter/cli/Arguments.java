package llada.converter.cli;

import java.util.Collection;
import java.util.Locale;
import java.util.stream.Collectors;
import llada.api.Setup;
import llada.backend.BackendException;
import llada.backend.Backends;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Values of options that are checked after parsing. */
final class Arguments {
  private Arguments() {}

  /**
   * One of these names, in small letters or capitals.
   *
   * @throws ParameterException if it is none of them
   */
  static <E extends Enum<E>> E choice(
      CommandSpec spec, String option, String text, Collection<E> choices) {
    return choices.stream()
        .filter(choice -> choice.name().equalsIgnoreCase(text))
        .findFirst()
        .orElseThrow(
            () ->
                new ParameterException(
                    spec.commandLine(),
                    "%s is %s; it must be %s"
                        .formatted(
                            option,
                            text,
                            choices.stream()
                                .map(choice -> choice.name().toLowerCase(Locale.ROOT))
                                .collect(Collectors.joining(", ")))));
  }

  /**
   * The number of threads that was asked for, or one per processor.
   *
   * @param asked null if none was
   * @throws ParameterException if it is not positive
   */
  static int threads(CommandSpec spec, Integer asked) {
    return positive(
        spec, "--threads", asked != null ? asked : Runtime.getRuntime().availableProcessors());
  }

  /**
   * What computes.
   *
   * @param asked threads; null for one per processor
   * @throws BackendException if there is no such backend
   */
  static Setup setup(CommandSpec spec, String backend, Integer asked) {
    if (!Backends.NAMES.contains(backend)) {
      throw new BackendException(
          "backend %s is unknown; there are %s"
              .formatted(backend, String.join(", ", Backends.NAMES)));
    }
    return Setup.DEFAULT.backend(backend).threads(threads(spec, asked));
  }

  /**
   * A number of at least 1.
   *
   * @throws ParameterException if it is less
   */
  static int positive(CommandSpec spec, String option, int value) {
    if (value < 1) {
      throw new ParameterException(
          spec.commandLine(), "%s is %d; it must be at least 1".formatted(option, value));
    }
    return value;
  }
}
