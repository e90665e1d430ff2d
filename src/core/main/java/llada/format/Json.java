package llada.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import java.io.IOException;
import java.io.Reader;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A parsed JSON value that knows where it stands, so that every complaint names the file and the
 * key. Jackson's streaming parser does the reading; nesting is limited, duplicate keys are refused.
 *
 * @param value a Map, List, String, Long, BigInteger, Double, Boolean or null
 * @param where file and path of the value, for messages
 */
public record Json(Object value, String where) {
  private static final int MAX_STRING = 16 << 20;
  private static final JsonFactory FACTORY = factory(MAX_STRING);
  private static final JsonFactory CORPUS = factory(Integer.MAX_VALUE);

  private static JsonFactory factory(int maxString) {
    return JsonFactory.builder()
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(64)
                .maxStringLength(maxString)
                .maxNumberLength(400)
                .build())
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .build();
  }

  /**
   * Parses one JSON document.
   *
   * @param source the name to give in messages, usually the file
   * @throws FormatException if the bytes are not exactly one valid JSON value
   */
  public static Json parse(byte[] utf8, String source) {
    return parse(decode(utf8, source), source, FACTORY);
  }

  /** Decoded here: Jackson would guess UTF-16 or UTF-32 from the first bytes. */
  static String decode(byte[] utf8, String source) {
    String text = new String(utf8, StandardCharsets.UTF_8);
    if (text.indexOf('\uFFFD') >= 0) { // in the file, or in place of what is not UTF-8
      try {
        StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8));
      } catch (CharacterCodingException e) {
        throw new FormatException(source + ": not valid UTF-8, as JSON must be", e);
      }
    }
    return text;
  }

  /** Parses one JSON document of a corpus, whose texts may be of any length. */
  static Json parseCorpus(String text, String source) {
    return parse(text, source, CORPUS);
  }

  private static Json parse(String text, String source, JsonFactory factory) {
    try (JsonParser parser =
        factory.createParser(text.startsWith("\uFEFF") ? text.substring(1) : text)) {
      if (parser.nextToken() == null) {
        throw new FormatException(source + ": is empty; a JSON document is expected");
      }
      Object value = new Reading(parser, source).read();
      if (parser.nextToken() != null) {
        throw new FormatException(source + ": more text follows after the JSON document");
      }
      return new Json(value, source);
    } catch (IOException e) {
      throw invalid(e, source, factory);
    }
  }

  /**
   * Hands the objects of an array to {@code use}, one by one: the array may be larger than memory.
   *
   * @param source the name to give in messages, usually the file
   * @throws FormatException naming the item, from 1, that is not valid or no object
   * @throws IOException if the text cannot be read, or is not of its character set
   */
  static void forEach(Reader text, String source, Consumer<Json> use) throws IOException {
    String where = source;
    try (JsonParser parser = CORPUS.createParser(text)) {
      parser.nextToken(); // the bracket
      for (long item = 1; ; item++) {
        where = "%s: item %d".formatted(source, item);
        if (parser.nextToken() == JsonToken.END_ARRAY) {
          break;
        }
        Json json = new Json(new Reading(parser, where).read(), where);
        json.map(); // an object, or it says so
        use.accept(json);
      }
      if (parser.nextToken() != null) {
        throw new FormatException(source + ": more text follows after the JSON document");
      }
    } catch (JsonProcessingException e) {
      throw invalid(e, where, CORPUS);
    }
  }

  private static FormatException invalid(IOException e, String source, JsonFactory factory) {
    return new FormatException(
        switch (e) {
          case JsonParseException wrong ->
              "%s: not valid JSON at line %d, column %d: %s"
                  .formatted(
                      source,
                      wrong.getLocation().getLineNr(),
                      wrong.getLocation().getColumnNr(),
                      reason(wrong.getOriginalMessage()));
          case StreamConstraintsException _ ->
              "%s: is more than is read as JSON: 64 levels, numbers of 400 digits%s"
                  .formatted(
                      source,
                      factory.equals(CORPUS)
                          ? ""
                          : ", texts of %d characters".formatted(MAX_STRING));
          default -> source + ": not valid JSON: it ends too early";
        });
  }

  /** The parser's reason without the names of its classes and options. */
  private static String reason(String text) {
    if (text.startsWith("Non-standard token")) {
      return "'%s' is no number in JSON; write null or leave the field out"
          .formatted(text.split("'")[1]);
    }
    if (text.startsWith("Unexpected end-of-input")) {
      return "it ends too early";
    }
    return text.replaceFirst("[:;]? *\\(?(\\[Source|start marker|enable `|not recognized).*", "");
  }

  /**
   * Reads a file that holds one JSON document.
   *
   * @param maxBytes what such a file has at most; a larger one is not read
   * @throws FormatException if it is no regular file, too large, or not valid JSON
   */
  public static Json read(Path file, int maxBytes) {
    return parse(MappedFile.read(file, maxBytes), file.toString());
  }

  /** Builds values and counts the memory that they take, which a small text can make very large. */
  private static final class Reading {
    private static final long MAX_HEAP = 256L << 20;

    private final JsonParser parser;
    private final String source;
    private long heap;

    Reading(JsonParser parser, String source) {
      this.parser = parser;
      this.source = source;
    }

    /** Accounts for a value, roughly, before it is kept. */
    private void charge(long bytes) {
      heap += bytes;
      if (heap > MAX_HEAP) {
        throw new FormatException(
            "%s: its JSON takes more than %d MB of memory, which no model's does; give data as JSON lines"
                .formatted(source, MAX_HEAP >> 20));
      }
    }

    Object read() throws IOException {
      charge(24);
      return switch (parser.currentToken()) {
        case START_OBJECT -> {
          charge(64);
          Map<String, Object> map = new LinkedHashMap<>();
          while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            charge(130 + 2L * key.length());
            parser.nextToken();
            map.put(key, read());
          }
          yield map;
        }
        case START_ARRAY -> {
          charge(48);
          List<Object> list = new ArrayList<>();
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            list.add(read());
          }
          yield list;
        }
        case VALUE_STRING -> {
          String text = parser.getText();
          charge(40 + 2L * text.length());
          yield text;
        }
        case VALUE_NUMBER_INT ->
            parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                ? parser.getBigIntegerValue()
                : (Object) parser.getLongValue();
        case VALUE_NUMBER_FLOAT -> finite(parser.getDoubleValue());
        case VALUE_TRUE -> true;
        case VALUE_FALSE -> false;
        case VALUE_NULL -> null;
        default ->
            throw new JsonParseException(parser, "unexpected token " + parser.currentToken());
      };
    }

    private double finite(double number) throws IOException {
      if (Double.isInfinite(number)) {
        throw new JsonParseException(parser, "a number is too large for 64 bits of floating point");
      }
      return number;
    }
  }

  /** Whether this is absent or null. */
  public boolean isNull() {
    return value == null;
  }

  /** The value under {@code key} of an object; a null value if the key is absent. */
  public Json get(String key) {
    return new Json(map().get(key), where + ": " + key);
  }

  /** Element {@code i} of an array. */
  public Json get(int i) {
    return new Json(rawList().get(i), where + "[" + i + "]");
  }

  /** The number of elements of an array. */
  public int size() {
    return rawList().size();
  }

  /** An object's members in file order. */
  @SuppressWarnings("unchecked") // only read() builds maps, and their keys are strings
  public Map<String, Object> map() {
    if (value instanceof Map<?, ?> map) {
      return (Map<String, Object>) map;
    }
    throw wrong("an object");
  }

  /** An array's elements. */
  public List<Json> list() {
    List<Object> raw = rawList();
    List<Json> elements = new ArrayList<>(raw.size());
    for (int i = 0; i < raw.size(); i++) {
      elements.add(new Json(raw.get(i), where + "[" + i + "]"));
    }
    return elements;
  }

  @SuppressWarnings("unchecked") // only read() builds lists
  private List<Object> rawList() {
    if (value instanceof List<?> list) {
      return (List<Object>) list;
    }
    throw wrong("an array");
  }

  public String string() {
    if (value instanceof String string) {
      return string;
    }
    throw wrong("a string");
  }

  public boolean bool() {
    if (value instanceof Boolean bool) {
      return bool;
    }
    throw wrong("true or false");
  }

  /** A number of any form. */
  public double number() {
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    throw wrong("a number");
  }

  /** An integer; 4.0 is none. */
  public long integer() {
    if (value instanceof Long number) {
      return number;
    }
    throw wrong(value instanceof BigInteger ? "an integer below 2^63" : "an integer");
  }

  /** An integer from {@code min} to {@code max}. */
  public int integer(int min, int max) {
    long number = integer();
    if (number < min || number > max) {
      throw new FormatException(
          "%s is %d; it must be from %d to %d".formatted(where, number, min, max));
    }
    return (int) number;
  }

  /** This value, or {@code other} in its place if it is absent or null. */
  public Json or(Object other) {
    return value == null ? new Json(other, where) : this;
  }

  private FormatException wrong(String wanted) {
    String text = String.valueOf(value);
    String shown = text.length() > 60 ? text.substring(0, 60) + "…" : text;
    return new FormatException(
        value == null
            ? "%s is missing; %s is needed".formatted(where, wanted)
            : "%s is %s; %s is needed".formatted(where, shown, wanted));
  }
}
