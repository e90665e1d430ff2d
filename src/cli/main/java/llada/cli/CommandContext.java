package llada.cli;

import java.lang.reflect.Constructor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import llada.hub.ModelStore;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/**
 * What a command works with: it is handed to each command and each group of options whose
 * constructor takes one, so that none has to know the root command.
 *
 * @param console the standard streams
 * @param variables the environment
 */
record CommandContext(Console console, Map<String, String> variables)
    implements CommandLine.IFactory {
  /** As {@code --version} says it. */
  static final String VERSION = "LLaDA.java 0.1.0";

  /** The context of a command that another module brings. */
  static CommandContext of(CommandSpec command) {
    return (CommandContext) command.root().commandLine().getFactory();
  }

  /** A variable of the environment; empty where it is not set or blank. */
  Optional<String> variable(String name) {
    return Optional.ofNullable(variables.get(name)).filter(value -> !value.isBlank());
  }

  /** Where a model lies: at a path, or under its name in the store of those that were pulled. */
  Path model(String text) {
    Path path = Path.of(text);
    return Files.exists(path) ? path : store().find(text).orElse(path);
  }

  /** Where pulled models lie. */
  ModelStore store() {
    return ModelStore.of(variable("LLADA_MODELS"));
  }

  @Override
  public <K> K create(Class<K> type) throws Exception {
    for (Constructor<?> constructor : type.getDeclaredConstructors()) {
      if (constructor.getParameterCount() == 1
          && constructor.getParameterTypes()[0] == CommandContext.class) {
        return type.cast(constructor.newInstance(this));
      }
    }
    return CommandLine.defaultFactory().create(type);
  }
}
