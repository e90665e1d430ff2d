package llada.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import llada.api.Llada;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** HTTP that is rare, or broken: told for what it is, never as a defect of ours. */
@Timeout(120)
final class OddRequestsTest {
  private static final List<String> LOG = Collections.synchronizedList(new ArrayList<>());

  private static Llada llada;
  private static Served served;

  @BeforeAll
  static void opens() throws IOException {
    llada = Served.demo();
    served =
        Served.with(
            llada,
            o ->
                new ServeOptions(
                    o.host(),
                    o.port(),
                    o.keys(),
                    List.of("llada.example"),
                    o.origins(),
                    o.limits(),
                    o.connections(),
                    1 << 16,
                    o.idle(),
                    o.time(),
                    LOG::add,
                    false));
  }

  @AfterAll
  static void closes() {
    served.close();
    llada.close();
  }

  @BeforeEach
  void clears() {
    LOG.clear();
  }

  private static String raw(String text) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), served.server().port())) {
      socket.setSoTimeout(60_000);
      socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
      return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void targetsOfEveryForm() throws Exception {
    for (String line :
        List.of(
            "GET http://localhost HTTP/1.1",
            "GET http://localhost?a=b HTTP/1.1",
            "HEAD http://localhost/ HTTP/1.1",
            "GET * HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "GET ?a HTTP/1.1",
            "GET /%00 HTTP/1.1",
            "GET /a%0ab HTTP/1.1",
            "GET /%2e%2e/x.js HTTP/1.1",
            "GET // HTTP/1.1",
            "GET /;a=b/x.js HTTP/1.1",
            "TRACE / HTTP/1.1",
            "PATCH /v1/models HTTP/1.1",
            "POST * HTTP/1.1")) {
      String told = raw(line + "\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      assertThat(told).as(line).matches("(?s)HTTP/1.1 (200|204|40[0-9]) .*");
    }
    assertThat(LOG).noneMatch(line -> line.contains("internal error"));
  }

  @Test
  void headHasTheHeadersOfGet() throws Exception {
    for (String path : List.of("/health", "/v1/models", "/", "/nothing.js")) {
      String line = " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      String get = raw("GET" + line);
      String head = raw("HEAD" + line);
      assertThat(head).as(path).endsWith("\r\n\r\n").contains("Content-Length: ");
      assertThat(get.replaceAll("Date: .*", "")).startsWith(head.replaceAll("Date: .*", ""));
    }
  }

  @Test
  void bodiesThatAreBroken() throws Exception {
    String head = "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    for (String rest :
        List.of(
            "Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "Transfer-Encoding: gzip\r\n\r\n{}",
            "Content-Length: -1\r\n\r\n{}",
            "Content-Length: 99999999999999999999\r\n\r\n{}",
            "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
            "Content-Length: 2\r\n\r\n{}")) {
      assertThat(raw(head + rest)).as(rest).matches("(?s)HTTP/1.1 (4[0-9][0-9]|501) .*");
    }
    assertThat(LOG).noneMatch(line -> line.contains("internal error"));
  }

  @Test
  void bodiesThatAreCompressedAreToldSo() throws Exception {
    String told =
        raw(
            "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\u001f\u008b\b\0");
    assertThat(told).startsWith("HTTP/1.1 415").contains("Content-Encoding");
    assertThat(
            raw(
                "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    + "Content-Encoding: identity\r\nContent-Length: 15\r\n\r\n{\"content\":\"a\"}"))
        .startsWith("HTTP/1.1 200");
  }

  @Test
  void hostsInEverySpelling() throws Exception {
    String ask = "GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n";
    for (String host :
        List.of("LocalHost", "localhost.", "llada.example.:8080", "[::1]", "127.0.0.1:65535")) {
      assertThat(raw(ask.formatted(host))).as(host).startsWith("HTTP/1.1 200");
    }
    for (String host : List.of("localhost..", "[evil", "[evil.example]", "localhost:80:80", "")) {
      assertThat(raw(ask.formatted(host))).as(host).matches("(?s)HTTP/1.1 4(00|21) .*");
    }
  }

  @Test
  void thePageMayAskThroughAProxyWithTls() throws Exception {
    String ask =
        "POST /tokenize HTTP/1.1\r\nHost: llada.example\r\nOrigin: %s\r\nConnection: close\r\n"
            + "Content-Length: 15\r\n\r\n{\"content\":\"a\"}";
    assertThat(raw(ask.formatted("https://llada.example"))).startsWith("HTTP/1.1 200");
    for (String origin : List.of("https://llada.example.evil", "https://evil", "file://")) {
      assertThat(raw(ask.formatted(origin))).as(origin).startsWith("HTTP/1.1 403");
    }
  }

  @Test
  void requestsOneBehindTheOtherAreAnsweredInTurn() throws Exception {
    String one =
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: 37\r\n\r\n"
            + "{\"prompt\": \"A cow\", \"max_tokens\": %d }";
    String all =
        raw(
            one.formatted("", 4)
                + one.formatted("", 3)
                + one.formatted("Connection: close\r\n", 2));
    assertThat(all.split("HTTP/1.1 200", -1)).hasSize(4);
    assertThat(all.replaceAll("(?s).*?\"completion_tokens\":(\\d)|.+", "$1")).isEqualTo("432");
  }
}
