package llada.server;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;

/**
 * Who may ask. A page elsewhere on the web runs in browsers that reach this machine: it may ask
 * only if its origin is allowed, and cannot pass for this server by having its own name point here
 * (DNS rebinding), since the name in the request is checked.
 */
final class Gate {
  private final ServeOptions options;
  private final List<byte[]> keys;

  Gate(ServeOptions options) {
    this.options = options;
    this.keys = options.keys().stream().map(Gate::hash).toList();
  }

  /** Throws unless the server was asked by one of its own names, from a page that may. */
  void checkOrigin(Request request, Response response) {
    HttpFields.Mutable headers = response.getHeaders();
    headers.put("X-Content-Type-Options", "nosniff");
    headers.put(HttpHeader.VARY, "Origin");
    String host = request.getHeaders().get(HttpHeader.HOST);
    if (host == null || !isOurs(name(host))) {
      throw ApiException.refused(
          421,
          "host_not_allowed",
          "the request is for a host that is not served here; names besides localhost are given when the server starts");
    }
    String origin = request.getHeaders().get(HttpHeader.ORIGIN);
    // A page of our own says https where a proxy in front of us does.
    if (origin != null && !origin.replaceFirst("^https?://", "").equalsIgnoreCase(host)) {
      if (!options.origins().contains(origin)) {
        throw ApiException.refused(
            403,
            "origin_not_allowed",
            "pages of other origins may not ask, unless the server was started so");
      }
      headers.put("Access-Control-Allow-Origin", origin);
    }
  }

  /** What a browser asks before a page of another origin may ask. */
  void preflight(Response response) {
    response.getHeaders().put("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    response.getHeaders().put("Access-Control-Allow-Headers", "Authorization, Content-Type");
    response.getHeaders().put("Access-Control-Max-Age", "600");
  }

  /** Throws unless it has a key, where keys are asked for. */
  void checkKey(Request request) {
    if (keys.isEmpty()) {
      return;
    }
    String given =
        Optional.ofNullable(request.getHeaders().getField(HttpHeader.AUTHORIZATION))
            .map(HttpField::getValue)
            .filter(value -> value.regionMatches(true, 0, "Bearer ", 0, 7))
            .map(value -> value.substring(7).strip())
            .orElse("");
    byte[] hash = hash(given);
    boolean known = false;
    for (byte[] key : keys) {
      known |= MessageDigest.isEqual(key, hash);
    }
    if (!known) {
      throw ApiException.refused(
          401, "invalid_api_key", "the header Authorization: Bearer has no valid API key");
    }
  }

  /** An address cannot be made to point elsewhere; a name must be known. */
  private boolean isOurs(String name) {
    return name.equals("localhost")
        || name.matches("\\[[0-9a-f:.]+]")
        || name.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}")
        || name.equalsIgnoreCase(options.host())
        || options.hosts().stream().anyMatch(name::equalsIgnoreCase);
  }

  /** Without its port and the dot that a full name may end with. */
  private static String name(String host) {
    return host.toLowerCase(Locale.ROOT).replaceFirst(":[0-9]*$", "").replaceFirst("\\.$", "");
  }

  private static byte[] hash(String key) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
