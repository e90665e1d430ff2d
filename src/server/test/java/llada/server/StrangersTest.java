package llada.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import llada.Golden;
import llada.api.Llada;
import llada.api.Request;
import llada.api.Scheduler;
import llada.format.Json;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Those who do not keep to the rules: the others do not notice. */
@Timeout(180)
final class StrangersTest {
  private static final String OK = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

  private static Llada llada;

  @BeforeAll
  static void opens() {
    llada = Served.demo();
  }

  @AfterAll
  static void closes() {
    llada.close();
  }

  private static Served with(Duration idle, int connections) throws IOException {
    return Served.with(
        llada,
        o ->
            new ServeOptions(
                o.host(),
                o.port(),
                o.keys(),
                o.hosts(),
                o.origins(),
                o.limits(),
                connections,
                o.bodyBytes(),
                idle,
                o.time(),
                o.log(),
                false));
  }

  private static Socket connect(Served served) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), served.server().port());
    socket.setSoTimeout(30_000);
    return socket;
  }

  private static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static String post(String path, String body) {
    return "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
        .formatted(path, body.length(), body);
  }

  /** What comes back until the other side closes. */
  private static String rest(Socket socket) throws IOException {
    try {
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (SocketException _) {
      return ""; // reset, since it was sent more than it read
    }
  }

  private static void stillServes(Served served) throws Exception {
    assertThat(served.get("/health").statusCode()).isEqualTo(200);
  }

  @Test
  void theSecondRequestOfAConnectionMustComeInTimeToo() throws Exception {
    try (Served served = with(Duration.ofMillis(700), 64);
        Socket drip = connect(served)) {
      send(drip, OK);
      assertThat(drip.getInputStream().read()).isEqualTo('H');
      OutputStream out = drip.getOutputStream();
      send(drip, "GET /health HTTP/1.1\r\nHost: localhost\r\nA: ");
      boolean closed = false;
      for (int i = 0; i < 100 && !closed; i++) {
        Thread.sleep(200);
        try {
          out.write('a');
        } catch (IOException _) {
          closed = true;
        }
      }
      assertThat(closed).as("a byte now and then").isTrue();
      stillServes(served);
    }
  }

  @Test
  void whoAsksOftenOnOneConnectionMayStay() throws Exception {
    try (Served served = with(Duration.ofMillis(700), 64);
        Socket socket = connect(served)) {
      for (int i = 0; i < 15; i++) {
        send(socket, OK);
        assertThat(socket.getInputStream().readNBytes(16))
            .isEqualTo("HTTP/1.1 200 OK\r".getBytes(StandardCharsets.US_ASCII));
        Thread.sleep(100);
        socket.getInputStream().skipNBytes(socket.getInputStream().available());
      }
    }
  }

  @Test
  void whatIsNotHttpIsRefusedOrLeft() throws Exception {
    try (Served served = with(Duration.ofSeconds(2), 512)) {
      List<String> garbage =
          new ArrayList<>(
              List.of(
                  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                  "\u0016\u0003\u0001\u0002\u0000\u0001\u0000",
                  "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
                  "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
                  "GET / HTTP/1.1\r\n\r\n",
                  "GET / HTTP/1.1\r\nHost: \r\n\r\n",
                  "GET / HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n",
                  "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                  "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{",
                  "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                  "GET / HTTP/1.1\r\nHost: localhost\r\n" + "A: b\r\n".repeat(5000) + "\r\n"));
      for (String wrong : garbage) {
        try (Socket socket = connect(served)) {
          send(socket, wrong);
          assertThat(rest(socket))
              .as(wrong.lines().findFirst().orElse(""))
              .doesNotContain("200 OK", "HTTP/1.1 500", "Exception");
        } catch (SocketException _) {
          // closed before all was sent
        }
      }
      Random random = new Random(5);
      byte[] right = post("/tokenize", "{\"content\": \"a cow\"}").getBytes(StandardCharsets.UTF_8);
      for (int i = 0; i < 200; i++) {
        byte[] wrong = right.clone();
        for (int n = 1 + random.nextInt(4); n > 0; n--) {
          wrong[random.nextInt(wrong.length)] = (byte) random.nextInt(256);
        }
        try (Socket socket = connect(served)) {
          socket.getOutputStream().write(wrong);
          socket.shutdownOutput();
          assertThat(rest(socket)).doesNotContain("HTTP/1.1 500", "Exception");
        } catch (SocketException _) {
          // closed before all was sent
        }
      }
      stillServes(served);
    }
  }

  @Test
  void halfOfAConnectionIsNone() throws Exception {
    try (Served served = Served.with(llada, o -> o)) {
      for (boolean stream : List.of(true, false)) {
        try (Socket socket = connect(served)) {
          String body = "{\"prompt\": \"Once\", \"max_tokens\": 400, \"stream\": " + stream + "}";
          send(socket, post("/v1/completions", body));
          served.await("llada_open{model=\"demo\"} 1");
          socket.shutdownOutput();
          served.await("llada_open{model=\"demo\"} 0");
        }
      }
      assertThat(served.get("/metrics").body()).contains("llada_answers_total 0");
    }
  }

  @Test
  void twoHundredAreServedAtATime() throws Exception {
    try (Served served = with(Duration.ofSeconds(60), 256)) {
      List<Socket> sockets = new ArrayList<>();
      try {
        for (int i = 0; i < 200; i++) {
          sockets.add(connect(served));
        }
        for (Socket socket : sockets) {
          send(socket, post("/tokenize", "{\"content\": \"a cow\"}"));
        }
        for (Socket socket : sockets) {
          assertThat(new String(socket.getInputStream().readNBytes(15), StandardCharsets.US_ASCII))
              .isEqualTo("HTTP/1.1 200 OK");
        }
      } finally {
        for (Socket socket : sockets) {
          socket.close();
        }
      }
    }
  }

  @Test
  void whoGoesWhileGapsAreMeasuredEndsThat() throws Exception {
    try (Served served = Served.with(llada, o -> o)) {
      String gaps = "{\"text\": \"" + "A cow eats {} and lives in {}. ".repeat(12) + "\"}";
      try (Socket socket = connect(served)) {
        send(socket, post("/v1/infill", gaps));
        Thread.sleep(500);
      }
      served.await("llada_requests_total{status=\"499\"} 1");
      assertThat(served.post("/v1/infill", "{\"text\": \"Tom {} home.\"}").statusCode())
          .as("the next one's turn")
          .isEqualTo(200);
    }
  }

  @Test
  void bodiesThatAreNearlyRightAreNeverOurFault() throws Exception {
    String[] values = {
      "null",
      "-1",
      "0",
      "1",
      "3",
      "1e9",
      "0.5",
      "1e300",
      "true",
      "\"\"",
      "\"a\"",
      "[]",
      "{}",
      "[1]",
      "[99999999]",
      "[2147483647]",
      "\"\\ud800\"",
      "\"\\u0000\"",
      "\"{}{}\"",
      "\"{3}{\"",
      "\"a {2} b\"",
      "[[1]]",
      "\"<think>\"",
      "9223372036854775807"
    };
    String[] names = {
      "prompt",
      "text",
      "content",
      "tokens",
      "suffix",
      "seed",
      "temperature",
      "top_p",
      "top_k",
      "stop",
      "n",
      "logprobs",
      "stream",
      "longest_gap",
      "exact_spaces",
      "model",
      "diffusion"
    };
    String[] paths = {
      "/v1/completions", "/v1/infill", "/tokenize", "/detokenize", "/v1/chat/completions"
    };
    Random random = new Random(3);
    try (Served served = Served.with(llada, o -> o)) {
      for (int i = 0; i < 400; i++) {
        StringBuilder body = new StringBuilder("{\"max_tokens\": 2");
        if (random.nextBoolean()) {
          body.append(
              ", \"prompt\": \"a\", \"text\": \"a {1}\", \"tokens\": [1], \"content\": \"a\"");
          body.append(", \"messages\": [{\"role\": \"user\", \"content\": \"a\"}]");
        }
        for (int m = random.nextInt(5); m > 0; m--) {
          String value = values[random.nextInt(values.length)];
          String name = names[random.nextInt(names.length)];
          body.append(", \"%s\": %s".formatted(name, value));
        }
        if (random.nextInt(3) == 0) {
          body.append(", \"diffusion\": {\"cfg_scale\": %s}".formatted(values[random.nextInt(8)]));
        }
        String path = paths[random.nextInt(paths.length)];
        HttpResponse<String> reply = served.post(path, body.append('}').toString());
        assertThat(reply.statusCode())
            .as("%s %s: %s", path, body, reply.body())
            .isIn(200, 400, 404, 429);
        assertThat(reply.body()).doesNotContain("server_error");
      }
    }
  }

  @Test
  void twoModelsAnswerSideBySide() throws Exception {
    Map<String, Llada> models = new LinkedHashMap<>();
    try (Llada other = Llada.open(Golden.resources().resolve("checkpoints/shakespeare-llada"));
        HttpClient client = HttpClient.newHttpClient()) {
      models.put("demo", llada);
      models.put("will", other);
      try (LladaServer server = LladaServer.start(models, ServeOptions.local())) {
        Served served = new Served(llada, server, client);
        List<CompletableFuture<HttpResponse<String>>> replies = new ArrayList<>();
        List<String> names = List.of("will", "demo", "", "will");
        for (String name : names) {
          replies.add(
              client.sendAsync(
                  served
                      .request(
                          "/v1/completions",
                          "{\"prompt\": \"Once\", \"max_tokens\": 12, \"seed\": 2, \"model\": \"%s\"}"
                              .formatted(name))
                      .build(),
                  HttpResponse.BodyHandlers.ofString()));
        }
        Request alone = Request.of("Once").raw().length(12).seed(2);
        for (int i = 0; i < names.size(); i++) {
          Json reply = Served.json(replies.get(i).get().body());
          Llada asked = names.get(i).equals("will") ? other : llada;
          assertThat(reply.get("choices").get(0).get("text").string())
              .isEqualTo(asked.generate(alone).text());
          assertThat(reply.get("model").string()).isEqualTo(asked == other ? "will" : "demo");
        }
        assertThat(served.get("/metrics").body())
            .contains("llada_steps_total{model=\"demo\"}", "llada_steps_total{model=\"will\"}");
        HttpResponse<String> chat =
            served.post(
                "/v1/chat/completions",
                "{\"model\": \"will\", \"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}");
        assertThat(chat.statusCode()).isIn(200, 400);
      }
    }
  }

  @Test
  void metricsSayHowStepsAreShared() throws Exception {
    try (Served served = Served.with(llada, o -> o.limits(Scheduler.Limits.DEFAULT))) {
      String body = "{\"prompt\": \"Once\", \"max_tokens\": 8, \"n\": 4}";
      assertThat(served.post("/v1/completions", body).statusCode()).isEqualTo(200);
      String metrics = served.get("/metrics").body();
      assertThat(metrics)
          .containsPattern("llada_step_requests_total\\{model=\"demo\"} 32\n")
          .containsPattern("llada_steps_total\\{model=\"demo\"} ([89]|[123][0-9])\n")
          .containsPattern("llada_step_seconds_total\\{model=\"demo\"} [0-9.E-]+\n");
    }
  }
}
