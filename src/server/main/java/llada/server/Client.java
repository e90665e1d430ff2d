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
  private static final int MOST_KEPT = 32 << 10;

  private final Request request;
  private final Response response;
  private volatile boolean waits = true; // for the model, and so is not idle by its own fault
  private boolean talks; // sends more than one request at a time: then nobody looks
  private boolean answered;
  private final ByteArrayOutputStream events = new ByteArrayOutputStream(); // not sent yet
  private boolean begun; // whether events were sent

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
   * @throws ApiException if it is compressed, too large or too slow
   */
  byte[] body(int most, Duration time) throws IOException {
    ApiException large =
        ApiException.refused(
            413, "request_too_large", "the body has more than %d bytes".formatted(most));
    String coding = request.getHeaders().get(HttpHeader.CONTENT_ENCODING);
    if (coding != null && !coding.equalsIgnoreCase("identity")) {
      throw ApiException.refused(
          415, "unsupported_encoding", "the body has a Content-Encoding; send it as it is");
    }
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
   * Whether it has closed the connection before its answer, which it does instead of saying so.
   * What it sends in the meantime would be a second request: that is left unanswered, as HTTP/1.1
   * allows, and the connection is closed after this answer. Any thread may look.
   */
  synchronized boolean isGone() {
    Object transport = request.getConnectionMetaData().getConnection().getEndPoint().getTransport();
    if (talks || answered || !(transport instanceof SocketChannel channel)) {
      return false;
    }
    try {
      int read = channel.isBlocking() ? 0 : channel.read(ByteBuffer.allocate(1));
      talks = read > 0;
      return read < 0;
    } catch (IOException _) {
      return true;
    }
  }

  /** From now on what comes is the next request. Whether this one was the last. */
  private synchronized boolean answered() {
    answered = true;
    return talks;
  }

  /** Sends a whole answer. */
  void send(int status, String type, byte[] body) throws IOException {
    waits = false;
    if (answered()) {
      response.getHeaders().put(HttpHeader.CONNECTION, "close");
    }
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

  /** An event, which is sent with those that follow at once. */
  void event(String data) throws IOException {
    events.writeBytes(("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
    if (events.size() > MOST_KEPT) {
      flush();
    }
  }

  /** Sends the events that were not sent yet, if there are any. */
  void flush() throws IOException {
    if (events.size() > 0) {
      send(false);
    }
  }

  private void send(boolean last) throws IOException {
    if (!begun) {
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream; charset=utf-8");
      response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
      response.getHeaders().put(HttpHeader.CONNECTION, "close"); // see isGone
      begun = true;
    }
    waits = false;
    Content.Sink.write(response, last, ByteBuffer.wrap(events.toByteArray()));
    events.reset();
    waits = true;
  }

  /** Ends the events. */
  void endEvents() throws IOException {
    event("[DONE]");
    send(true);
  }

  /** Whether something was sent, so that an error cannot be told by a status. */
  boolean hasBegun() {
    return begun || response.isCommitted();
  }
}
