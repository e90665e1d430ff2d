package llada.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;

/** Writes one JSON object on one line, so that a stream of them is JSON Lines. */
public final class JsonLine {
  private static final JsonFactory FACTORY = new JsonFactory();

  private JsonLine() {}

  /** Something that writes the members of an object. */
  public interface Members {
    /** Writes them. */
    void write(JsonGenerator json) throws IOException;
  }

  /** Writes an object with these members. */
  public static void write(PrintStream out, Members members) {
    out.println(of(members));
  }

  /** An object with these members, without the end of the line. */
  public static String of(Members members) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = FACTORY.createGenerator(text)) {
      json.writeStartObject();
      members.write(json);
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }

  /** A member whose value is an array of token ids. */
  public static void ids(JsonGenerator json, String name, int[] ids) throws IOException {
    json.writeFieldName(name);
    json.writeArray(ids, 0, ids.length);
  }
}
