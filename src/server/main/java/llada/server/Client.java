package llada.server;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;

/** The other end of a request: its body, whether it is still there, and what it is sent. */
final class Client {
  private final Request request;
  private final Response response;
  private volatile boolean waits = true; // for the model, and so is not idle by its own fault
  private boolean talks; // sends more than one request at a time: then nobody looks
  private OutputStream stream; // null before the first event

  Client(Request request, Response response) {
    this.request = request;
    this.response = response;
    request.addIdleTimeoutListener(_ -> !waits);
  }

  Request request() {
    return request;
  }

  Response response() {
    return response;
  }

  /**
   * Reads the body.
   *
   * @throws ApiException if it is too large or too slow
   */
  byte[] body(int most, Duration time) throws IOException {
    ApiException large =
        ApiException.refused(
            413, "request_too_large", "the body has more than %d bytes".formatted(most));
    if (request.getLength() > most) {
      throw large;
    }
    waits = false;
    long deadline = System.nanoTime() + time.toNanos();
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    byte[] buffer = new byte[8192];
    InputStream in = Content.Source.asInputStream(request);
    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
      body.write(buffer, 0, n);
      if (body.size() > most) {
        throw large;
      }
      if (System.nanoTime() > deadline) {
        throw ApiException.refused(408, "timeout", "the body came too slowly");
      }
    }
    waits = true;
    return body.toByteArray();
  }

  /**
   * Whether it has closed the connection, which it does instead of saying so. What it sends in the
   * meantime would be a second request: that is left unanswered, as HTTP/1.1 allows, and the
   * connection is closed after this answer.
   */
  boolean isGone() {
    Object transport = request.getConnectionMetaData().getConnection().getEndPoint().getTransport();
    if (talks || !(transport instanceof SocketChannel channel)) {
      return false;
    }
    try {
      int read = channel.isBlocking() ? 0 : channel.read(ByteBuffer.allocate(1));
      if (read > 0) {
        talks = true;
        if (stream == null) {
          response.getHeaders().put(HttpHeader.CONNECTION, "close");
        }
      }
      return read < 0;
    } catch (IOException _) {
      return true;
    }
  }

  /** Sends a whole answer. */
  void send(int status, String type, byte[] body) throws IOException {
    waits = false;
    response.setStatus(status);
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, body.length);
    try (OutputStream out = Content.Sink.asOutputStream(response)) {
      if (!request.getMethod().equals("HEAD")) {
        out.write(body);
      }
    }
  }

  void sendJson(int status, String json) throws IOException {
    send(status, "application/json", json.getBytes(StandardCharsets.UTF_8));
  }

  /** Sends an event at once. */
  void event(String data) throws IOException {
    if (stream == null) {
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream; charset=utf-8");
      response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
      response.getHeaders().put(HttpHeader.CONNECTION, "close"); // see isGone
      stream = Content.Sink.asOutputStream(response);
    }
    waits = false;
    stream.write(("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8)); // no buffer
    waits = true;
  }

  /** Ends the events. */
  void endEvents() throws IOException {
    event("[DONE]");
    stream.close();
  }

  /** Whether something was sent, so that an error cannot be told by a status. */
  boolean hasBegun() {
    return stream != null || response.isCommitted();
  }
}
