package llada.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import llada.tokenizer.GgufVocabulary;

/**
 * Writes a GGUF file's tokenizer as the files that Hugging Face's library reads: tokenizer.json,
 * tokenizer_config.json and special_tokens_map.json.
 */
public final class TokenizerFiles {
  private TokenizerFiles() {}

  /**
   * Writes the three files.
   *
   * @param folder must exist
   * @param special the texts of special tokens by their role: {@code bos_token} and the like
   * @param chatTemplate the Jinja text that frames messages, if there is one
   * @param maxLength the longest sequence of the model
   * @throws FormatException if a file cannot be written
   */
  public static void write(
      Path folder,
      GgufVocabulary.Tables tables,
      Map<String, String> special,
      Optional<String> chatTemplate,
      int maxLength) {
    write(folder.resolve("tokenizer.json"), json -> tokenizer(json, tables));
    write(
        folder.resolve("tokenizer_config.json"),
        json -> config(json, tables, special, chatTemplate, maxLength));
    write(folder.resolve("special_tokens_map.json"), json -> texts(json, special));
  }

  @FunctionalInterface
  private interface Members {
    void writeTo(JsonGenerator json) throws IOException;
  }

  private static void write(Path file, Members members) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      members.writeTo(json);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot happen: written to memory", e);
    }
    AtomicFile.write(
        file,
        channel -> AtomicFile.writeFully(channel, MemorySegment.ofArray(bytes.toByteArray())));
  }

  private static void texts(JsonGenerator json, Map<String, String> texts) throws IOException {
    for (Map.Entry<String, String> entry : texts.entrySet()) {
      json.writeStringField(entry.getKey(), entry.getValue());
    }
  }

  private static boolean added(int type) {
    return type == GgufVocabulary.CONTROL
        || type == GgufVocabulary.UNKNOWN
        || type == GgufVocabulary.USER_DEFINED;
  }

  private static void tokenizer(JsonGenerator json, GgufVocabulary.Tables tables)
      throws IOException {
    json.writeStringField("version", "1.0");
    json.writeNullField("truncation");
    json.writeNullField("padding");
    json.writeArrayFieldStart("added_tokens");
    for (int id = 0; id < tables.tokens().size(); id++) {
      if (added(tables.type(id))) {
        json.writeStartObject();
        json.writeNumberField("id", id);
        addedToken(json, tables, id);
        json.writeEndObject();
      }
    }
    json.writeEndArray();
    if (GgufVocabulary.normalizes(tables.pre())) {
      json.writeObjectFieldStart("normalizer");
      json.writeStringField("type", "NFC");
      json.writeEndObject();
    } else {
      json.writeNullField("normalizer");
    }
    preTokenizer(json, GgufVocabulary.patterns(tables.pre()));
    json.writeNullField("post_processor");
    json.writeObjectFieldStart("decoder");
    byteLevel(json);
    json.writeEndObject();
    model(json, tables);
  }

  private static void addedToken(JsonGenerator json, GgufVocabulary.Tables tables, int id)
      throws IOException {
    json.writeStringField("content", tables.tokens().get(id));
    json.writeBooleanField("single_word", false);
    json.writeBooleanField("lstrip", false);
    json.writeBooleanField("rstrip", false);
    json.writeBooleanField("normalized", false);
    json.writeBooleanField("special", tables.type(id) != GgufVocabulary.USER_DEFINED);
  }

  private static void preTokenizer(JsonGenerator json, List<String> patterns) throws IOException {
    json.writeObjectFieldStart("pre_tokenizer");
    json.writeStringField("type", "Sequence");
    json.writeArrayFieldStart("pretokenizers");
    for (String pattern : patterns) {
      json.writeStartObject();
      json.writeStringField("type", "Split");
      json.writeObjectFieldStart("pattern");
      json.writeStringField("Regex", pattern);
      json.writeEndObject();
      json.writeStringField("behavior", "Isolated");
      json.writeBooleanField("invert", false);
      json.writeEndObject();
    }
    json.writeStartObject();
    byteLevel(json);
    json.writeEndObject();
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void byteLevel(JsonGenerator json) throws IOException {
    json.writeStringField("type", "ByteLevel");
    json.writeBooleanField("add_prefix_space", false);
    json.writeBooleanField("trim_offsets", true);
    json.writeBooleanField("use_regex", false);
  }

  /** All tokens stand in the vocabulary, the added ones too: else the library renumbers them. */
  private static void model(JsonGenerator json, GgufVocabulary.Tables tables) throws IOException {
    json.writeObjectFieldStart("model");
    json.writeStringField("type", "BPE");
    for (String absent :
        List.of("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")) {
      json.writeNullField(absent);
    }
    json.writeBooleanField("fuse_unk", false);
    json.writeBooleanField("byte_fallback", false);
    json.writeBooleanField("ignore_merges", GgufVocabulary.ignoresMerges(tables.pre()));
    json.writeObjectFieldStart("vocab");
    for (int id = 0; id < tables.tokens().size(); id++) {
      if (tables.type(id) != GgufVocabulary.UNUSED) {
        json.writeNumberField(tables.tokens().get(id), id);
      }
    }
    json.writeEndObject();
    json.writeArrayFieldStart("merges");
    for (String merge : tables.merges()) {
      json.writeString(merge);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void config(
      JsonGenerator json,
      GgufVocabulary.Tables tables,
      Map<String, String> special,
      Optional<String> chatTemplate,
      int maxLength)
      throws IOException {
    json.writeBooleanField("add_bos_token", false); // the chat template puts it in
    json.writeBooleanField("add_eos_token", false);
    json.writeObjectFieldStart("added_tokens_decoder");
    for (int id = 0; id < tables.tokens().size(); id++) {
      if (added(tables.type(id))) {
        json.writeObjectFieldStart(Integer.toString(id));
        addedToken(json, tables, id);
        json.writeEndObject();
      }
    }
    json.writeEndObject();
    texts(json, special);
    if (chatTemplate.isPresent()) {
      json.writeStringField("chat_template", chatTemplate.get());
    }
    json.writeBooleanField("clean_up_tokenization_spaces", false);
    json.writeNumberField("model_max_length", maxLength);
    json.writeStringField("tokenizer_class", "PreTrainedTokenizerFast");
  }
}
