package llada.format;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import llada.tokenizer.Tokenizer;

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
  /** A configuration lists added tokens, some thousands at most. */
  private static final int MAX_BYTES = 16 << 20;

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

  /**
   * Refuses a beginning that the tokenizer would take apart, as it does with other text.
   *
   * @param folder for the message
   * @throws FormatException if {@link #bosToken} is given and no token
   */
  public void requireBos(Tokenizer tokenizer, Path folder) {
    if (bosToken.isPresent() && tokenizer.id(bosToken.get()).isEmpty()) {
      throw new FormatException(
          "%s: bos_token is %s, which is no token of tokenizer.json; copy both files from one model"
              .formatted(
                  folder.resolve("tokenizer_config.json"), FormatException.quote(bosToken.get())));
    }
  }

  private static Json json(Path file) {
    return Files.exists(file) ? Json.read(file, MAX_BYTES) : new Json(Map.of(), file.toString());
  }

  private static Optional<String> templateFile(Path file) {
    return Files.exists(file)
        ? Optional.of(new String(MappedFile.read(file, MAX_BYTES), StandardCharsets.UTF_8))
        : Optional.empty();
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
