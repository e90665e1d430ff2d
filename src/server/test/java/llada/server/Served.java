package llada.server;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import llada.Golden;
import llada.api.Llada;
import llada.api.Setup;
import llada.format.Json;

/** The bundled model behind a server, and a client of it. */
record Served(Llada llada, LladaServer server, HttpClient client) implements AutoCloseable {
  static Llada demo() {
    return Llada.open(
        Golden.repository().resolve("src/demo/main/resources/llada/demo.gguf"),
        Setup.DEFAULT.threads(2));
  }

  static Served with(Llada llada, UnaryOperator<ServeOptions> change) throws IOException {
    ServeOptions options = change.apply(ServeOptions.local());
    return new Served(
        llada, LladaServer.start(Map.of("demo", llada), options), HttpClient.newHttpClient());
  }

  URI uri(String path) {
    return URI.create("http://127.0.0.1:" + server.port() + path);
  }

  HttpRequest.Builder request(String path, String body) {
    return HttpRequest.newBuilder(uri(path)).POST(HttpRequest.BodyPublishers.ofString(body));
  }

  HttpResponse<String> send(HttpRequest request) throws IOException, InterruptedException {
    return client.send(request, HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> post(String path, String body) throws IOException, InterruptedException {
    return send(request(path, body).build());
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return send(HttpRequest.newBuilder(uri(path)).build());
  }

  static Json json(String text) {
    return Json.parse(text.getBytes(StandardCharsets.UTF_8), "reply");
  }

  /** The data of each event of a stream. */
  List<String> events(String path, String body) throws IOException, InterruptedException {
    HttpResponse<String> reply = post(path, body);
    if (reply.statusCode() != 200) {
      throw new AssertionError(reply.statusCode() + " " + reply.body());
    }
    List<String> events = new ArrayList<>();
    for (String event : reply.body().split("\n\n")) {
      if (!event.startsWith("data: ")) {
        throw new AssertionError("no event: " + event);
      }
      events.add(event.substring(6));
    }
    return events;
  }

  @Override
  public void close() {
    server.close();
    client.close();
  }
}
