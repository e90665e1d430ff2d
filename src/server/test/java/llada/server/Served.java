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
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import llada.Golden;
import llada.api.Llada;
import llada.api.Scheduler;
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

  /** Asks for a key. */
  static Served keyed(Llada llada, String key) throws IOException {
    return with(
        llada,
        o ->
            new ServeOptions(
                o.host(),
                o.port(),
                List.of(key),
                o.hosts(),
                o.origins(),
                o.limits(),
                o.connections(),
                o.bodyBytes(),
                o.idle(),
                o.time(),
                o.log(),
                false));
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

  /** Waits until its metrics have a line. */
  void await(String line) throws IOException, InterruptedException {
    for (int i = 0; i < 1500; i++) {
      if (get("/metrics").body().contains(line)) {
        return;
      }
      Thread.sleep(20);
    }
    throw new AssertionError("not within its time: " + line);
  }

  /** With one place at the model and one in the queue, both of them taken until this is closed. */
  static Served busy(Llada llada) throws IOException, InterruptedException {
    Served served = with(llada, o -> o.limits(new Scheduler.Limits(1, 1, 4096, 1L << 40)));
    String body = "{\"prompt\": \"Once\", \"max_tokens\": 400, \"stream\": true}";
    for (String gauge : List.of("open", "waiting")) {
      CompletableFuture<HttpResponse<Void>> _ =
          served
              .client()
              .sendAsync(
                  served.request("/v1/completions", body).build(),
                  HttpResponse.BodyHandlers.discarding());
      served.await("llada_%s{model=\"demo\"} 1".formatted(gauge));
    }
    return served;
  }

  @Override
  public void close() {
    server.close();
    client.close();
  }
}
