package llada.server;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.CRC32C;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;

/** The page and what belongs to it, from the folder {@code page} beside this class. */
final class Page {
  private static final String PLACEHOLDER =
      "<!doctype html><title>LLaDA.java</title><p>The server runs; POST /v1/chat/completions asks it.\n";
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
          + " connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none';"
          + " frame-ancestors 'none'";
  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "mjs", "text/javascript; charset=utf-8",
          "svg", "image/svg+xml",
          "json", "application/json",
          "png", "image/png",
          "ico", "image/x-icon",
          "txt", "text/plain; charset=utf-8");

  private final Map<String, byte[]> files = new ConcurrentHashMap<>();

  /**
   * Sends a file.
   *
   * @param path with its slash; one alone is the page
   * @return whether there is such a file
   */
  boolean send(String path, Client client) throws IOException {
    Optional<byte[]> file = file(path);
    if (file.isEmpty()) {
      return false;
    }
    CRC32C sum = new CRC32C();
    sum.update(file.get());
    String tag = "\"%08x-%x\"".formatted(sum.getValue(), file.get().length);
    HttpFields.Mutable headers = client.response().getHeaders();
    headers.put("Content-Security-Policy", POLICY);
    headers.put("Referrer-Policy", "no-referrer");
    headers.put(HttpHeader.ETAG, tag);
    headers.put(HttpHeader.CACHE_CONTROL, "no-cache");
    if (tag.equals(client.request().getHeaders().get(HttpHeader.IF_NONE_MATCH))) {
      client.response().setStatus(304);
    } else {
      client.send(200, type(name(path)), file.get());
    }
    return true;
  }

  private static String name(String path) {
    return path.equals("/") ? "index.html" : path.replaceFirst("^/", "");
  }

  /** None where the ending is of no kind that there is. */
  private static String type(String name) {
    return TYPES.getOrDefault(name.substring(name.lastIndexOf('.') + 1), "");
  }

  /** The bytes of a file, if there is one at that path. */
  Optional<byte[]> file(String path) throws IOException {
    String name = name(path);
    if (type(name).isEmpty() || !name.matches("[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")) {
      return Optional.empty();
    }
    Optional<byte[]> file = Optional.ofNullable(files.get(name));
    if (file.isEmpty()) {
      file = read(name);
      file.ifPresent(bytes -> files.put(name, bytes)); // what is asked for in vain is not kept
    }
    return file;
  }

  private static Optional<byte[]> read(String name) throws IOException {
    try (InputStream in = Page.class.getResourceAsStream("page/" + name)) {
      if (in != null) {
        return Optional.of(in.readAllBytes());
      }
      return name.equals("index.html")
          ? Optional.of(PLACEHOLDER.getBytes(StandardCharsets.UTF_8))
          : Optional.empty();
    }
  }
}
