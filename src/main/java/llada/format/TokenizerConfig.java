package llada.format;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What tokenizer_config.json, special_tokens_map.json and chat_template.jinja say besides the
 * vocabulary. All three files and all their entries are optional; of two that say the same thing,
 * the first named here counts, but a chat_template.jinja counts before an entry.
 *
 * @param chatTemplate the Jinja text that frames messages
 * @param bosToken the text of the token that begins a sequence
 * @param eosToken the text of the token that ends it
 * @param padToken the text of the token that fills it up
 */
public record TokenizerConfig(
    Optional<String> chatTemplate,
    Optional<String> bosToken,
    Optional<String> eosToken,
    Optional<String> padToken) {
  private static final long MAX_TEMPLATE_BYTES = 1 << 20;

  /**
   * Reads the files of a checkpoint's folder.
   *
   * @throws FormatException if a file that is there is broken
   */
  public static TokenizerConfig read(Path folder) {
    Json config = json(folder.resolve("tokenizer_config.json"));
    Json map = json(folder.resolve("special_tokens_map.json"));
    return new TokenizerConfig(
        templateFile(folder.resolve("chat_template.jinja"))
            .or(() -> template(config.get("chat_template"))),
        token(config, map, "bos_token"),
        token(config, map, "eos_token"),
        token(config, map, "pad_token"));
  }

  private static Json json(Path file) {
    try {
      return Files.exists(file)
          ? Json.parse(Files.readAllBytes(file), file.toString())
          : new Json(Map.of(), file.toString());
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static FormatException unreadable(Path file, IOException e) {
    return new FormatException("%s: cannot be read (%s)".formatted(file, e.getMessage()), e);
  }

  private static Optional<String> templateFile(Path file) {
    try {
      if (!Files.exists(file)) {
        return Optional.empty();
      }
      if (Files.size(file) > MAX_TEMPLATE_BYTES) {
        throw new FormatException(
            "%s has %d bytes; a template has at most %d"
                .formatted(file, Files.size(file), MAX_TEMPLATE_BYTES));
      }
      return Optional.of(Files.readString(file));
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /**
   * A template may be a text or a list of named texts, of which "default" or the only one counts.
   */
  private static Optional<String> template(Json json) {
    if (json.isNull()) {
      return Optional.empty();
    }
    if (!(json.value() instanceof List)) {
      return Optional.of(json.string());
    }
    List<Json> named = json.list();
    for (Json entry : named) {
      if (entry.get("name").string().equals("default")) {
        return Optional.of(entry.get("template").string());
      }
    }
    return named.size() == 1
        ? Optional.of(named.getFirst().get("template").string())
        : Optional.empty();
  }

  private static Optional<String> token(Json config, Json map, String key) {
    Json json = config.get(key).isNull() ? map.get(key) : config.get(key);
    if (json.isNull()) {
      return Optional.empty();
    }
    Json content = json.value() instanceof String ? json : json.get("content");
    return Optional.of(content.string());
  }
}
