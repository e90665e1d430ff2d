package llada.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where pulled models lie: in {@code OWNER/MODEL} below one folder.
 *
 * @param root that folder, which need not exist
 */
public record ModelStore(Path root) {

  /** The store that is named, else the user's. */
  public static ModelStore of(Optional<String> named) {
    Path usual = Path.of(System.getProperty("user.home"), ".llada", "models");
    return new ModelStore(named.map(Path::of).orElse(usual));
  }

  /** Where a model lies, or would. */
  public Path folder(ModelName name) {
    return root.resolve(name.owner()).resolve(name.folder());
  }

  /**
   * What a text names in the store: {@code OWNER/MODEL}, {@code OWNER/MODEL/FILE}, or the model
   * alone where only one owner has one of that name. A folder that holds one GGUF file and no
   * config.json is that file.
   */
  public Optional<Path> find(String text) {
    String[] words = text.split("/", 3);
    if (words.length == 3 && HubFile.isSafe(words[2]) && !words[1].contains("@")) {
      return ModelName.of(words[0] + "/" + words[1])
          .map(name -> folder(name).resolve(words[2]))
          .filter(Files::isRegularFile);
    }
    List<String> names =
        words.length > 1
            ? List.of(text)
            : list(root).stream().map(owner -> owner.getFileName() + "/" + text).toList();
    List<Path> found =
        names.stream()
            .flatMap(name -> ModelName.of(name).stream())
            .map(this::folder)
            .filter(Files::isDirectory)
            .toList();
    return found.size() == 1 ? Optional.of(model(found.getFirst())) : Optional.empty();
  }

  private static Path model(Path folder) {
    List<Path> gguf =
        list(folder).stream().filter(file -> file.toString().endsWith(".gguf")).toList();
    return gguf.size() == 1 && Files.notExists(folder.resolve("config.json"))
        ? gguf.getFirst()
        : folder;
  }

  private static List<Path> list(Path folder) {
    try (Stream<Path> inside = Files.list(folder)) {
      return inside.toList();
    } catch (IOException _) {
      return List.of(); // there is none yet
    }
  }
}
