package llada.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import llada.tokenizer.BpeTrainer;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.GgufVocabulary;

/**
 * A tokenizer as the files that Hugging Face's library and this project load: {@code
 * tokenizer.json}, {@code tokenizer_config.json}, {@code special_tokens_map.json}; made from what a
 * GGUF file holds, or from a vocabulary that was trained.
 */
public final class TokenizerFiles {
  /** LLaDA's special tokens, in the order of their ids. */
  public static final List<String> SPECIAL =
      List.of(
          "<|startoftext|>",
          "[CLS]",
          "[gMASK]",
          "<role>",
          "</role>",
          "<|start_header_id|>",
          "<|end_header_id|>",
          "<|eot_id|>",
          "<|endoftext|>",
          "<|mdm_mask|>");

  private TokenizerFiles() {}

  /**
   * The content of each file, by its name, for a trained vocabulary: LLaDA's way of splitting text,
   * its special tokens at the last ids, the mask last of all.
   */
  public static Map<String, byte[]> of(BpeTrainer.Result trained) {
    List<String> tokens = new ArrayList<>(trained.tokens());
    tokens.addAll(SPECIAL);
    int[] types = new int[tokens.size()];
    Arrays.fill(types, 0, trained.tokens().size(), GgufVocabulary.NORMAL);
    Arrays.fill(types, trained.tokens().size(), types.length, GgufVocabulary.CONTROL);
    Map<String, String> special = new LinkedHashMap<>();
    special.put("bos_token", "<|startoftext|>");
    special.put("cls_token", "[CLS]");
    special.put("eos_token", "<|endoftext|>");
    special.put("gmask_token", "[gMASK]");
    special.put("mask_token", "<|mdm_mask|>");
    special.put("pad_token", "<|endoftext|>");
    return of(
        new GgufVocabulary.Tables(tokens, types, trained.merges(), "bailingmoe"),
        special,
        Optional.of(ChatTemplate.jinja()),
        OptionalInt.empty(),
        OptionalInt.empty());
  }

  /**
   * The content of each file, by its name.
   *
   * @param special the texts of special tokens by their role: {@code bos_token} and the like
   * @param chatTemplate the Jinja text that frames messages, if there is one
   * @param maxLength the longest sequence of the model, if it is known
   * @param begin what is put before a text: {@link llada.tokenizer.Tokenizer#begin}
   */
  public static Map<String, byte[]> of(
      GgufVocabulary.Tables tables,
      Map<String, String> special,
      Optional<String> chatTemplate,
      OptionalInt maxLength,
      OptionalInt begin) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("tokenizer.json", json(out -> tokenizer(out, tables, begin)));
    files.put(
        "tokenizer_config.json",
        json(out -> config(out, tables, special, chatTemplate, maxLength)));
    files.put("special_tokens_map.json", json(out -> texts(out, special)));
    return files;
  }

  /**
   * Writes the files.
   *
   * @param folder must exist
   * @throws FormatException if a file cannot be written
   */
  public static void write(Path folder, Map<String, byte[]> files) {
    files.forEach((name, content) -> AtomicFile.write(folder.resolve(name), content));
  }

  @FunctionalInterface
  private interface Members {
    void writeTo(JsonGenerator json) throws IOException;
  }

  private static byte[] json(Members members) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      members.writeTo(json);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot happen: written to memory", e);
    }
    bytes.write('\n');
    return bytes.toByteArray();
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

  private static void tokenizer(JsonGenerator json, GgufVocabulary.Tables tables, OptionalInt begin)
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
    postProcessor(json, tables, begin);
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

  /** The template that Hugging Face's library has for a token before every text. */
  private static void postProcessor(
      JsonGenerator json, GgufVocabulary.Tables tables, OptionalInt begin) throws IOException {
    if (begin.isEmpty()) {
      json.writeNullField("post_processor");
      return;
    }
    String token = tables.tokens().get(begin.getAsInt());
    json.writeObjectFieldStart("post_processor");
    json.writeStringField("type", "TemplateProcessing");
    for (String texts : List.of("A", "AB")) {
      json.writeArrayFieldStart(texts.length() == 1 ? "single" : "pair");
      for (int text = 0; text < texts.length(); text++) {
        piece(json, "SpecialToken", token, text);
        piece(json, "Sequence", texts.substring(text, text + 1), text);
      }
      json.writeEndArray();
    }
    json.writeObjectFieldStart("special_tokens");
    json.writeObjectFieldStart(token);
    json.writeStringField("id", token);
    json.writeArrayFieldStart("ids");
    json.writeNumber(begin.getAsInt());
    json.writeEndArray();
    json.writeArrayFieldStart("tokens");
    json.writeString(token);
    json.writeEndArray();
    json.writeEndObject();
    json.writeEndObject();
    json.writeEndObject();
  }

  private static void piece(JsonGenerator json, String kind, String id, int text)
      throws IOException {
    json.writeStartObject();
    json.writeObjectFieldStart(kind);
    json.writeStringField("id", id);
    json.writeNumberField("type_id", text);
    json.writeEndObject();
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
      OptionalInt maxLength)
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
    if (maxLength.isPresent()) {
      json.writeNumberField("model_max_length", maxLength.getAsInt());
    }
    json.writeArrayFieldStart("model_input_names");
    json.writeString("input_ids");
    json.writeString("attention_mask");
    json.writeEndArray();
    json.writeStringField("tokenizer_class", "PreTrainedTokenizerFast");
  }
}
