package llada.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.tokenizer.BpeTrainer;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.PreTokenizer;

/**
 * A trained vocabulary as the files that Hugging Face's library and this project load: {@code
 * tokenizer.json}, {@code tokenizer_config.json}, {@code special_tokens_map.json}. The special
 * tokens are LLaDA's, at the last ids, the mask last of all.
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

  private static final String BOS = "<|startoftext|>";
  private static final String EOS = "<|endoftext|>";

  private TokenizerFiles() {}

  private interface Members {
    void write(JsonGenerator json) throws IOException;
  }

  /** The content of each file, by its name. */
  public static Map<String, byte[]> of(BpeTrainer.Result trained) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("tokenizer.json", json(out -> tokenizer(out, trained)));
    files.put("tokenizer_config.json", json(out -> config(out, trained.tokens().size())));
    files.put("special_tokens_map.json", json(TokenizerFiles::map));
    return files;
  }

  private static byte[] json(Members members) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      members.write(json);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // memory does not fail so
    }
    bytes.write('\n');
    return bytes.toByteArray();
  }

  private static void tokenizer(JsonGenerator json, BpeTrainer.Result trained) throws IOException {
    json.writeStringField("version", "1.0");
    json.writeNullField("truncation");
    json.writeNullField("padding");
    json.writeArrayFieldStart("added_tokens");
    int id = trained.tokens().size();
    for (String token : SPECIAL) {
      json.writeStartObject();
      json.writeNumberField("id", id++);
      addedToken(json, token);
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeObjectFieldStart("normalizer");
    json.writeStringField("type", "NFC");
    json.writeEndObject();
    json.writeObjectFieldStart("pre_tokenizer");
    json.writeStringField("type", "Sequence");
    json.writeArrayFieldStart("pretokenizers");
    json.writeStartObject();
    json.writeStringField("type", "Split");
    json.writeObjectFieldStart("pattern");
    json.writeStringField("Regex", PreTokenizer.LLADA_PATTERN);
    json.writeEndObject();
    json.writeStringField("behavior", "Isolated");
    json.writeBooleanField("invert", false);
    json.writeEndObject();
    json.writeStartObject();
    byteLevel(json, false);
    json.writeEndObject();
    json.writeEndArray();
    json.writeEndObject();
    json.writeObjectFieldStart("post_processor");
    byteLevel(json, true);
    json.writeEndObject();
    json.writeObjectFieldStart("decoder");
    byteLevel(json, true);
    json.writeEndObject();
    model(json, trained);
  }

  private static void addedToken(JsonGenerator json, String token) throws IOException {
    json.writeStringField("content", token);
    for (String no : List.of("single_word", "lstrip", "rstrip", "normalized")) {
      json.writeBooleanField(no, false);
    }
    json.writeBooleanField("special", true);
  }

  private static void byteLevel(JsonGenerator json, boolean useRegex) throws IOException {
    json.writeStringField("type", "ByteLevel");
    json.writeBooleanField("add_prefix_space", false);
    json.writeBooleanField("trim_offsets", true);
    json.writeBooleanField("use_regex", useRegex);
  }

  private static void model(JsonGenerator json, BpeTrainer.Result trained) throws IOException {
    json.writeObjectFieldStart("model");
    json.writeStringField("type", "BPE");
    for (String none :
        List.of("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")) {
      json.writeNullField(none);
    }
    for (String no : List.of("fuse_unk", "byte_fallback", "ignore_merges")) {
      json.writeBooleanField(no, false);
    }
    json.writeObjectFieldStart("vocab");
    for (int id = 0; id < trained.tokens().size(); id++) {
      json.writeNumberField(trained.tokens().get(id), id);
    }
    json.writeEndObject();
    json.writeArrayFieldStart("merges");
    for (String merge : trained.merges()) {
      json.writeString(merge);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void config(JsonGenerator json, int firstSpecial) throws IOException {
    json.writeBooleanField("add_bos_token", false);
    json.writeBooleanField("add_eos_token", false);
    json.writeObjectFieldStart("added_tokens_decoder");
    for (int i = 0; i < SPECIAL.size(); i++) {
      json.writeObjectFieldStart(Integer.toString(firstSpecial + i));
      addedToken(json, SPECIAL.get(i));
      json.writeEndObject();
    }
    json.writeEndObject();
    map(json);
    json.writeStringField("mask_token", "<|mdm_mask|>");
    json.writeStringField("gmask_token", "[gMASK]");
    json.writeStringField("chat_template", ChatTemplate.jinja());
    json.writeBooleanField("clean_up_tokenization_spaces", false);
    json.writeArrayFieldStart("model_input_names");
    json.writeString("input_ids");
    json.writeString("attention_mask");
    json.writeEndArray();
    json.writeStringField("tokenizer_class", "PreTrainedTokenizerFast");
  }

  private static void map(JsonGenerator json) throws IOException {
    json.writeStringField("bos_token", BOS);
    json.writeStringField("cls_token", "[CLS]");
    json.writeStringField("eos_token", EOS);
    json.writeStringField("pad_token", EOS);
    json.writeArrayFieldStart("additional_special_tokens");
    json.writeString("<role>");
    json.writeString("</role>");
    json.writeEndArray();
  }
}
