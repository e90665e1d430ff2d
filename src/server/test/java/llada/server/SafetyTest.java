package llada.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import llada.api.Llada;
import llada.api.Scheduler;
import llada.format.Json;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who may ask, how much, and what becomes of those who do otherwise. */
@Timeout(120)
final class SafetyTest {
  private static final String LONG =
      "{\"prompt\": \"Once upon a time\", \"max_tokens\": 96, \"stream\": %s}";

  private static Llada llada;

  @BeforeAll
  static void opens() {
    llada = Served.demo();
  }

  @AfterAll
  static void closes() {
    llada.close();
  }

  private static ServeOptions options(
      ServeOptions o, List<String> keys, List<String> origins, Duration idle, Duration time) {
    return new ServeOptions(
        o.host(),
        o.port(),
        keys,
        List.of("llada.example"),
        origins,
        o.limits(),
        o.connections(),
        1 << 16,
        idle,
        time,
        o.log(),
        o.logsPrompts());
  }

  private static Served local() throws IOException {
    return Served.with(llada, UnaryOperator.identity());
  }

  /** Sends bytes as they are, and gives what comes back until the other side closes. */
  private static String raw(Served served, String text) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), served.server().port())) {
      socket.setSoTimeout(60_000);
      socket.getOutputStream().write(text.getBytes(StandardCharsets.UTF_8));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  private static String error(HttpResponse<String> reply) {
    assertThat(reply.headers().firstValue("content-type")).contains("application/json");
    return Served.json(reply.body()).get("error").get("message").string();
  }

  @Test
  void itListensAtThisMachineAlone() {
    assertThat(ServeOptions.local().host()).isEqualTo("127.0.0.1");
  }

  @Test
  void aKeyIsAskedForWhereThereAreKeys() throws Exception {
    try (Served served =
        Served.with(llada, o -> options(o, List.of("one", "two"), List.of(), o.idle(), o.time()))) {
      String body = "{\"content\": \"a\"}";
      assertThat(served.post("/tokenize", body).statusCode()).isEqualTo(401);
      for (String key : List.of("Bearer three", "Bearer ", "one", "Basic one", "Bearer onetwo")) {
        HttpRequest wrong = served.request("/tokenize", body).header("Authorization", key).build();
        assertThat(served.send(wrong).statusCode()).as(key).isEqualTo(401);
      }
      HttpRequest right =
          served.request("/tokenize", body).header("Authorization", "Bearer two").build();
      assertThat(served.send(right).statusCode()).isEqualTo(200);
      assertThat(served.get("/metrics").statusCode()).isEqualTo(401);
      assertThat(served.get("/v1/models").statusCode()).isEqualTo(401);
      assertThat(served.get("/v1/models/demo").statusCode()).isEqualTo(401);
      assertThat(served.get("/health").statusCode()).isEqualTo(200);
      assertThat(served.get("/").statusCode()).as("the page asks for it").isEqualTo(200);
    }
  }

  @Test
  void aNameThatIsNotOursIsRefused() throws Exception {
    try (Served served =
        Served.with(llada, o -> options(o, List.of(), List.of(), o.idle(), o.time()))) {
      String ask = "GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n";
      for (String host : List.of("localhost:8", "127.0.0.1", "[::1]:80", "LLaDA.example")) {
        assertThat(raw(served, ask.formatted(host))).as(host).startsWith("HTTP/1.1 200");
      }
      for (String host : List.of("evil.example", "127.0.0.1.evil.example", "localhost.evil")) {
        assertThat(raw(served, ask.formatted(host)))
            .as(host)
            .startsWith("HTTP/1.1 421")
            .contains("host_not_allowed");
      }
    }
  }

  @Test
  void pagesOfOtherOriginsMayNotAskUnlessAllowed() throws Exception {
    String origin = "https://friend.example";
    try (Served served =
        Served.with(llada, o -> options(o, List.of(), List.of(origin), o.idle(), o.time()))) {
      String ask =
          "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nOrigin: %s\r\nConnection: close\r\n"
              + "Content-Length: 15\r\n\r\n{\"content\":\"a\"}";
      assertThat(raw(served, ask.formatted("https://evil.example")))
          .startsWith("HTTP/1.1 403")
          .doesNotContain("Access-Control-Allow-Origin");
      assertThat(raw(served, ask.formatted("null"))).startsWith("HTTP/1.1 403");
      assertThat(raw(served, ask.formatted(origin)))
          .startsWith("HTTP/1.1 200")
          .contains("Access-Control-Allow-Origin: " + origin);
      assertThat(raw(served, ask.formatted("http://localhost"))).startsWith("HTTP/1.1 200");
      String preflight =
          "OPTIONS /v1/models HTTP/1.1\r\nHost: localhost\r\nOrigin: %s\r\nConnection: close\r\n\r\n";
      assertThat(raw(served, preflight.formatted(origin)))
          .startsWith("HTTP/1.1 204")
          .contains("Access-Control-Allow-Headers: Authorization");
      assertThat(raw(served, preflight.formatted("https://evil.example")))
          .startsWith("HTTP/1.1 403");
    }
  }

  @Test
  void whatIsTooMuchIsRefused() throws Exception {
    try (Served served =
        Served.with(llada, o -> options(o, List.of(), List.of(), o.idle(), o.time()))) {
      String large = "{\"content\": \"" + "a".repeat(1 << 16) + "\"}";
      assertThat(served.post("/tokenize", large).statusCode()).isEqualTo(413);
      HttpRequest chunked =
          HttpRequest.newBuilder(served.uri("/tokenize"))
              .POST(
                  HttpRequest.BodyPublishers.ofInputStream(
                      () ->
                          new java.io.ByteArrayInputStream(large.getBytes(StandardCharsets.UTF_8))))
              .build();
      assertThat(served.send(chunked).statusCode()).as("without a length").isEqualTo(413);
      String deep = "{\"content\": " + "[".repeat(1000) + "]".repeat(1000) + "}";
      HttpResponse<String> reply = served.post("/tokenize", deep);
      assertThat(reply.statusCode()).isEqualTo(400);
      assertThat(error(reply)).contains("64 levels");
      assertThat(served.post("/tokenize", "{\"content\": 1" + "0".repeat(500) + "}").statusCode())
          .isEqualTo(400);
      assertThat(
              raw(
                  served,
                  "GET /health HTTP/1.1\r\nHost: localhost\r\nA: "
                      + "a".repeat(20_000)
                      + "\r\n\r\n"))
          .startsWith("HTTP/1.1 431");
    }
  }

  @Test
  void connectionsAreLimited() throws Exception {
    try (Served served =
        Served.with(
            llada,
            o ->
                new ServeOptions(
                    o.host(),
                    0,
                    List.of(),
                    List.of(),
                    List.of(),
                    o.limits(),
                    4,
                    1 << 16,
                    o.idle(),
                    o.time(),
                    o.log(),
                    false))) {
      List<Socket> idle = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        idle.add(new Socket(InetAddress.getLoopbackAddress(), served.server().port()));
      }
      Thread.sleep(300);
      try (Socket fifth = new Socket(InetAddress.getLoopbackAddress(), served.server().port())) {
        fifth.setSoTimeout(1000);
        fifth
            .getOutputStream()
            .write(
                "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII));
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> fifth.getInputStream().read())
            .isInstanceOf(java.net.SocketTimeoutException.class);
        for (Socket socket : idle) {
          socket.close();
        }
        fifth.setSoTimeout(20_000);
        assertThat(fifth.getInputStream().read()).isEqualTo('H');
      }
    }
  }

  @Test
  void silentAndSlowClientsAreLeft() throws Exception {
    try (Served served =
        Served.with(
            llada, o -> options(o, List.of(), List.of(), Duration.ofMillis(700), o.time()))) {
      assertThat(raw(served, "")).as("says nothing").isEmpty();
      assertThat(raw(served, "GET /health HTT")).as("stops in the middle").contains("");
      assertThat(
              raw(
                  served,
                  "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{\"co"))
          .as("owes its body")
          .doesNotContain("200 OK");
      try (Socket drip = new Socket(InetAddress.getLoopbackAddress(), served.server().port())) {
        OutputStream out = drip.getOutputStream();
        out.write(
            "GET /health HTTP/1.1\r\nHost: localhost\r\nA: ".getBytes(StandardCharsets.US_ASCII));
        boolean closed = false;
        for (int i = 0; i < 40 && !closed; i++) {
          Thread.sleep(200);
          try {
            out.write('a');
          } catch (IOException _) {
            closed = true;
          }
        }
        assertThat(closed).as("a byte now and then").isTrue();
      }
      assertThat(served.get("/health").statusCode()).isEqualTo(200);
    }
  }

  @Test
  void anAnswerMayTakeLongerThanAClientMayBeIdle() throws Exception {
    try (Served served =
        Served.with(
            llada, o -> options(o, List.of(), List.of(), Duration.ofMillis(500), o.time()))) {
      long before = System.nanoTime();
      HttpResponse<String> reply =
          served.post("/v1/completions", LONG.formatted(false).replace("96", "400"));
      assertThat(reply.statusCode()).isEqualTo(200);
      assertThat(System.nanoTime() - before).isGreaterThan(500_000_000L);
    }
  }

  @Test
  void aClientThatGoesAwayEndsItsAnswer() throws Exception {
    for (boolean stream : List.of(true, false)) {
      try (Served served = local()) {
        String body = LONG.formatted(stream).replace("}", ", \"n\": 8}");
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), served.server().port())) {
          socket
              .getOutputStream()
              .write(
                  "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                      .formatted(body.length(), body)
                      .getBytes(StandardCharsets.US_ASCII));
          served.await("llada_open{model=\"demo\"} 8");
        }
        served.await("llada_open{model=\"demo\"} 0");
        assertThat(served.get("/metrics").body())
            .as("none was answered to its end")
            .contains("llada_answers_total 0");
      }
    }
  }

  @Test
  void whoAsksAgainBeforeTheAnswerIsToldToConnectAnew() throws Exception {
    for (boolean stream : List.of(true, false)) {
      try (Served served = local();
          Socket socket = new Socket(InetAddress.getLoopbackAddress(), served.server().port())) {
        String body = LONG.formatted(stream).replace("}", ", \"n\": 4}");
        String ask =
            "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                .formatted(body.length(), body);
        socket.getOutputStream().write(ask.getBytes(StandardCharsets.US_ASCII));
        served.await("llada_open{model=\"demo\"} 4");
        socket.getOutputStream().write(ask.getBytes(StandardCharsets.US_ASCII));
        socket.setSoTimeout(60_000);
        String reply = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(reply).startsWith("HTTP/1.1 200").contains("Connection: close");
        assertThat(reply.split("HTTP/1.1", -1)).as("one answer").hasSize(2);
        assertThat(reply).contains("\"index\":3");
      }
    }
  }

  @Test
  void aFullQueueSaysWhenToComeAgain() throws Exception {
    try (Served served =
        Served.with(llada, o -> o.limits(new Scheduler.Limits(1, 1, 4096, 1L << 40)))) {
      List<CompletableFuture<HttpResponse<String>>> replies = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        replies.add(
            served
                .client()
                .sendAsync(
                    served.request("/v1/completions", LONG.formatted(false)).build(),
                    HttpResponse.BodyHandlers.ofString()));
      }
      List<Integer> codes = new ArrayList<>();
      for (CompletableFuture<HttpResponse<String>> reply : replies) {
        HttpResponse<String> done = reply.get();
        codes.add(done.statusCode());
        if (done.statusCode() == 429) {
          assertThat(done.headers().firstValue("retry-after")).contains("1");
          assertThat(Served.json(done.body()).get("error").get("type").string())
              .isEqualTo("rate_limit_error");
        }
      }
      assertThat(codes).contains(200, 429).allMatch(code -> code == 200 || code == 429);
    }
  }

  @Test
  void timeIsLimited() throws Exception {
    try (Served served =
        Served.with(
            llada, o -> options(o, List.of(), List.of(), o.idle(), Duration.ofMillis(20)))) {
      HttpResponse<String> whole = served.post("/v1/completions", LONG.formatted(false));
      assertThat(whole.statusCode()).isEqualTo(504);
      List<String> events =
          served.events(
              "/v1/chat/completions",
              "{\"messages\": [{\"role\": \"user\", \"content\": \"Tell me a story.\"}], \"stream\": true,"
                  + " \"diffusion\": {\"preset\": \"exact\"}}");
      assertThat(events.get(events.size() - 2)).contains("\"code\":\"timeout\"");
    }
  }

  @Test
  void drainingLetsAnswersFinishAndClosingTellsThem() throws Exception {
    Served served = local();
    CompletableFuture<HttpResponse<String>> reply =
        served
            .client()
            .sendAsync(
                served.request("/v1/completions", LONG.formatted(false)).build(),
                HttpResponse.BodyHandlers.ofString());
    served.await("llada_open{model=\"demo\"} 1");
    assertThat(served.server().drain(Duration.ofMinutes(1))).isTrue();
    assertThat(reply.get().statusCode()).isEqualTo(200);
    served.close();
    Served closed = local();
    CompletableFuture<HttpResponse<String>> told =
        closed
            .client()
            .sendAsync(
                closed.request("/v1/completions", LONG.formatted(false)).build(),
                HttpResponse.BodyHandlers.ofString());
    closed.await("llada_open{model=\"demo\"} 1");
    assertThat(closed.server().drain(Duration.ofMillis(1))).isFalse();
    closed.server().close();
    assertThat(told.get().statusCode()).isEqualTo(503);
    assertThat(error(told.get())).contains("about to stop");
    closed.client().close();
  }

  @Test
  void promptsAreNotLoggedAndStackTracesNotTold() throws Exception {
    List<String> lines = Collections.synchronizedList(new ArrayList<>());
    for (boolean prompts : List.of(false, true)) {
      lines.clear();
      try (Served served =
          Served.with(
              llada,
              o ->
                  new ServeOptions(
                      o.host(),
                      0,
                      List.of(),
                      List.of(),
                      List.of(),
                      o.limits(),
                      64,
                      1 << 16,
                      o.idle(),
                      o.time(),
                      lines::add,
                      prompts))) {
        served.post("/tokenize", "{\"content\": \"my secret\"}");
        HttpResponse<String> bad = served.post("/tokenize", "{\"content\": \"my secret\"");
        assertThat(bad.body()).doesNotContain("Exception").doesNotContain("\tat ");
        assertThat(served.get("/../x%00").body()).doesNotContain("Exception");
      }
      assertThat(lines.getFirst()).startsWith("POST /tokenize 200");
      assertThat(lines.toString().contains("my secret")).isEqualTo(prompts);
    }
  }

  @Test
  void thePageIsStrict() throws Exception {
    try (Served served = local()) {
      HttpResponse<String> page = served.get("/");
      assertThat(page.statusCode()).isEqualTo(200);
      assertThat(page.headers().firstValue("content-security-policy").orElseThrow())
          .startsWith("default-src 'none'")
          .doesNotContain("unsafe");
      String tag = page.headers().firstValue("etag").orElseThrow();
      HttpRequest again =
          HttpRequest.newBuilder(served.uri("/")).header("If-None-Match", tag).build();
      assertThat(served.send(again).statusCode()).isEqualTo(304);
      for (String path :
          List.of("/nothing.js", "/../Api.class", "/Api.class", "/.html", "//x.js")) {
        assertThat(
                raw(
                    served,
                    "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                        .formatted(path)))
            .as(path)
            .matches("(?s)HTTP/1.1 40[04].*");
      }
    }
  }

  @Test
  void slowReadersDoNotHoldUpOthers() throws Exception {
    try (Served served = local();
        Socket slow = new Socket(InetAddress.getLoopbackAddress(), served.server().port())) {
      slow.setReceiveBufferSize(1024);
      String body =
          LONG.formatted(true).replace("}", ", \"n\": 4, \"diffusion\": {\"diffusing\": true}}");
      slow.getOutputStream()
          .write(
              "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                  .formatted(body.length(), body)
                  .getBytes(StandardCharsets.US_ASCII));
      InputStream in = slow.getInputStream();
      assertThat(in.read()).isEqualTo('H');
      assertThat(
              Served.json(
                      served
                          .post("/v1/completions", "{\"prompt\": \"Once\", \"max_tokens\": 8}")
                          .body())
                  .get("choices"))
          .extracting(Json::size)
          .isEqualTo(1);
    }
  }
}
