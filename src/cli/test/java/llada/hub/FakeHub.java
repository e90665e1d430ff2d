package llada.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import llada.format.Sha256;

/**
 * A hub on this machine, with one model {@code acme/tiny}: its listing, and its files by ranges. It
 * has the faults that hubs have.
 */
final class FakeHub implements AutoCloseable {
  static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  /** Name to content; what is longer than this is listed with its SHA-256. */
  final Map<String, byte[]> files = new LinkedHashMap<>();

  static final int LARGE = 1000;

  /** Every request: path, and of its headers Range, If-Range and Authorization. */
  final List<String> requests = new CopyOnWriteArrayList<>();

  /** What is sent in place of the listing. */
  volatile String listing;

  /** Bytes after which each connection for a large file is cut. */
  volatile int cutAfter = Integer.MAX_VALUE;

  /** Whether it stops sending there, and keeps the connection, in place of a cut. */
  volatile boolean stalls;

  /** Whether it has never heard of ranges. */
  volatile boolean ignoresRanges;

  /** Whether the bytes of files are changed on the way. */
  volatile boolean corrupts;

  /** The next requests are answered with these. */
  final List<Integer> statuses = new CopyOnWriteArrayList<>();

  volatile String retryAfter = "0";

  /** Where large files really are; none for here. */
  volatile String cdn;

  private final HttpServer server;

  FakeHub() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::answer);
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().toString();
    String asked = path;
    for (String header : List.of("Range", "If-Range", "Authorization")) {
      String value = exchange.getRequestHeaders().getFirst(header);
      asked += value == null ? "" : " %s: %s".formatted(header, value);
    }
    requests.add(asked);
    try (exchange) {
      if (!statuses.isEmpty()) {
        exchange.getResponseHeaders().set("Retry-After", retryAfter);
        exchange.sendResponseHeaders(statuses.removeFirst(), -1);
      } else if (path.startsWith("/api/models/acme/tiny/revision/")) {
        byte[] json = (listing != null ? listing : listing()).getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, json.length);
        exchange.getResponseBody().write(json);
      } else {
        String prefix = "/acme/tiny/resolve/" + COMMIT + "/";
        String name = exchange.getRequestURI().getPath();
        byte[] bytes = name.startsWith(prefix) ? files.get(name.substring(prefix.length())) : null;
        if (bytes == null) {
          exchange.sendResponseHeaders(404, -1);
        } else if (cdn != null && bytes.length > LARGE) {
          exchange.getResponseHeaders().set("Location", cdn + path);
          exchange.sendResponseHeaders(302, -1);
        } else {
          send(exchange, bytes);
        }
      }
    }
  }

  private void send(HttpExchange exchange, byte[] whole) throws IOException {
    byte[] bytes = whole.clone();
    if (corrupts) {
      bytes[bytes.length / 2] ^= 1;
    }
    String tag = '"' + hex(Sha256.digest().digest(bytes)).substring(0, 16) + '"';
    exchange.getResponseHeaders().set("ETag", tag);
    String range = exchange.getRequestHeaders().getFirst("Range");
    String unless = exchange.getRequestHeaders().getFirst("If-Range");
    boolean part = range != null && !ignoresRanges && (unless == null || unless.equals(tag));
    int from = part ? Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1")) : 0;
    if (part) {
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes %d-%d/%d".formatted(from, bytes.length - 1, bytes.length));
    }
    int left = bytes.length - from;
    exchange.sendResponseHeaders(part ? 206 : 200, left == 0 ? -1 : left);
    OutputStream out = exchange.getResponseBody();
    boolean cut = left > cutAfter && bytes.length > LARGE;
    out.write(bytes, from, cut ? cutAfter : left);
    out.flush();
    if (cut && stalls) {
      try {
        Thread.sleep(5_000);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** As the hub lists its files. */
  String listing() {
    return "{\"sha\": \"%s\", \"siblings\": [%s]}"
        .formatted(
            COMMIT,
            files.entrySet().stream()
                .map(file -> sibling(file.getKey(), file.getValue()))
                .collect(Collectors.joining(", ")));
  }

  static String sibling(String name, byte[] bytes) {
    String text =
        "{\"rfilename\": \"%s\", \"size\": %d, \"blobId\": \"%s\""
            .formatted(name, bytes.length, blob(bytes));
    return bytes.length > LARGE
        ? text
            + ", \"lfs\": {\"sha256\": \"%s\", \"size\": %d}}"
                .formatted(hex(Sha256.digest().digest(bytes)), bytes.length)
        : text + "}";
  }

  private static String blob(byte[] bytes) {
    try {
      MessageDigest sha1 = MessageDigest.getInstance("SHA-1");
      sha1.update(("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII));
      return hex(sha1.digest(bytes));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
