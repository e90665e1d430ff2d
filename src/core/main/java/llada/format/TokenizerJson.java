package llada.format;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import llada.tokenizer.AddedToken;
import llada.tokenizer.BytePairMerges;
import llada.tokenizer.PreTokenizer;
import llada.tokenizer.TextNormalizer;
import llada.tokenizer.Tokenizer;
import llada.tokenizer.TokenizerException;
import llada.tokenizer.Vocabulary;

/**
 * Reads Hugging Face's tokenizer.json, as far as it describes a byte-level BPE. What it asks for
 * and this project does not have is an error that names it: no part of the file that changes ids is
 * passed over. Truncation and padding do not change the ids of a text that is encoded alone; of the
 * post-processor the token that it puts before a text is read: {@link Tokenizer#begin}.
 */
public final class TokenizerJson {
  /** Vocabularies of a quarter of a million tokens take some tens of megabytes. */
  private static final int MAX_BYTES = 128 << 20;

  private static final String REMEDY =
      "; fetch the file again from where the model was published, or export it anew";

  private TokenizerJson() {}

  /**
   * Reads a file.
   *
   * @throws FormatException if it cannot be read, is broken or asks for what is not supported
   */
  public static Tokenizer read(Path file) {
    return parse(MappedFile.read(file, MAX_BYTES), file.toString());
  }

  /**
   * Reads a file's content.
   *
   * @param source the name to give in messages
   * @throws FormatException if it is broken or asks for what is not supported
   */
  public static Tokenizer parse(byte[] utf8, String source) {
    Json root = Json.parse(utf8, source);
    try {
      return tokenizer(root);
    } catch (TokenizerException e) {
      throw new FormatException(source + ": " + e.getMessage() + REMEDY, e);
    }
  }

  private static Tokenizer tokenizer(Json root) {
    Json model = root.get("model");
    String type = model.get("type").or("BPE").string(); // files before 2020 have no type
    if (!type.equals("BPE")) {
      throw new FormatException(
          "%s is %s; only BPE is supported, the kind that LLaDA has"
              .formatted(model.get("type").where(), type));
    }
    refuse(model.get("dropout"), "ids must not be random", 0.0);
    refuse(model.get("continuing_subword_prefix"), "byte-level BPE has none", "");
    refuse(model.get("end_of_word_suffix"), "byte-level BPE has none", "");
    refuse(model.get("byte_fallback"), "a byte-level vocabulary has every byte", false);

    Vocabulary.Builder builder = new Vocabulary.Builder();
    Json vocab = model.get("vocab");
    for (Map.Entry<String, Object> entry : vocab.map().entrySet()) {
      if (!(entry.getValue() instanceof Long id)) {
        throw new FormatException(
            "%s: the id of '%s' is %s; ids must be integers"
                .formatted(vocab.where(), entry.getKey(), entry.getValue()));
      }
      builder.add(entry.getKey(), id);
    }
    List<AddedToken> added = addedTokens(root.get("added_tokens"), builder);
    Vocabulary vocabulary = builder.build();
    TextNormalizer normalizer = TokenizerSteps.normalizer(root.get("normalizer"));
    PreTokenizer preTokenizer = TokenizerSteps.preTokenizer(root.get("pre_tokenizer"));
    TokenizerSteps.checkDecoder(root.get("decoder"));
    Tokenizer tokenizer =
        new Tokenizer(
            vocabulary,
            merges(model, vocabulary),
            model.get("ignore_merges").or(false).bool(),
            normalizer,
            preTokenizer,
            added);
    return tokenizer.withBegin(begin(root.get("post_processor"), tokenizer));
  }

  /** What a template puts before a single text; other post-processors only move offsets. */
  private static OptionalInt begin(Json step, Tokenizer tokenizer) {
    if (step.isNull()) {
      return OptionalInt.empty();
    }
    String type = step.get("type").string();
    if (type.equals("Sequence")) {
      return step.get("processors").list().stream()
          .map(inner -> begin(inner, tokenizer))
          .filter(OptionalInt::isPresent)
          .findFirst()
          .orElse(OptionalInt.empty());
    }
    if (!type.equals("TemplateProcessing") || step.get("single").size() == 0) {
      return OptionalInt.empty();
    }
    Json piece = step.get("single").get(0).get("SpecialToken");
    if (piece.isNull()) {
      return OptionalInt.empty();
    }
    Json first = piece.get("id");
    OptionalInt id = tokenizer.id(first.string());
    if (id.isEmpty()) {
      throw new FormatException(
          "%s is %s, which is no token of this file%s"
              .formatted(first.where(), FormatException.quote(first.string()), REMEDY));
    }
    return id;
  }

  /** Refuses a setting unless it is absent or has its harmless value. */
  private static void refuse(Json setting, String reason, Object harmless) {
    Object value = setting.value() instanceof Number n ? (Object) n.doubleValue() : setting.value();
    if (value != null && !value.equals(harmless)) {
      throw new FormatException(
          "%s is %s; it is not supported (%s)".formatted(setting.where(), setting.value(), reason));
    }
  }

  private static BytePairMerges merges(Json model, Vocabulary vocabulary) {
    Json unknown = model.get("unk_token");
    BytePairMerges merges =
        new BytePairMerges(
            vocabulary,
            unknown.isNull() ? null : unknown.string(),
            model.get("fuse_unk").or(false).bool());
    for (Json merge : model.get("merges").list()) {
      if (merge.value() instanceof String spelled) {
        merges.addSpelled(spelled);
      } else if (merge.size() == 2) {
        merges.add(merge.get(0).string(), merge.get(1).string());
      } else {
        throw new FormatException(
            "%s has %d parts; a merge joins two tokens".formatted(merge.where(), merge.size()));
      }
    }
    return merges;
  }

  private static List<AddedToken> addedTokens(Json list, Vocabulary.Builder vocabulary) {
    List<AddedToken> added = new ArrayList<>();
    if (list.isNull()) {
      return added;
    }
    for (Json entry : list.list()) {
      int id = entry.get("id").integer(0, Integer.MAX_VALUE - 1);
      String content = entry.get("content").string();
      boolean special = entry.get("special").or(false).bool();
      int known = vocabulary.id(content);
      if (known < 0) {
        vocabulary.add(content, id);
      } else if (known != id) {
        throw new FormatException(
            "%s: '%s' has id %d here but %d in the vocabulary or further up; they must agree%s"
                .formatted(entry.where(), content, id, known, REMEDY));
      }
      added.add(
          new AddedToken(
              id,
              content,
              special,
              entry.get("normalized").or(!special).bool(),
              entry.get("lstrip").or(false).bool(),
              entry.get("rstrip").or(false).bool(),
              entry.get("single_word").or(false).bool()));
    }
    return added;
  }
}
