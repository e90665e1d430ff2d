package llada.server;

import static llada.server.PageUser.COW;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.openqa.selenium.Keys;

/** The page where things go wrong in the middle, and with texts of every kind. */
@Timeout(240)
class PageTroublesTest extends OnePage {
  @BeforeEach
  void forgetComplaints() {
    browser.complaints();
  }

  /** Asks for so much that there is time to do something in the middle of it. */
  private static void askForMuch() {
    user.choosePreset("exact");
    user.set("max_tokens", "400");
    user.set("block_length", "400");
    user.ask("Tell me a story about a kite.");
    browser.await("a mask", () -> user.masks() > 0);
  }

  /** Asks what the keys of a driver cannot type. */
  private static void paste(String text) {
    browser.script("document.querySelector('#text').value = arguments[0]", text);
    browser.one("#text").sendKeys(Keys.ENTER);
  }

  @Test
  void whoReloadsEndsTheAnswer() {
    askForMuch();
    assertThat(user.metric("llada_open")).isOne();
    user.open();
    browser.await("the end of the answer", () -> user.metric("llada_open") == 0);
    assertThat(user.answer(COW)).isEqualTo("A cow says moo.");
    assertThat(browser.complaints()).isEmpty();
  }

  @Test
  void aServerThatDiesInTheMiddleIsToldInWords() throws IOException {
    try (Line line = new Line(user.served().server().port())) {
      browser.open("http://127.0.0.1:%d/".formatted(line.port()));
      browser.await("the decoders", () -> !user.text("#chosen").isEmpty());
      askForMuch();
      line.cut();
      browser.await("the fault", () -> user.text(".turn [role=alert]").contains("broke off"));
      assertThat(browser.one("#send").isEnabled()).isTrue();
      assertThat(browser.one("#stop").isDisplayed()).isFalse();
      browser.await("the end of the answer", () -> user.metric("llada_open") == 0);
      assertThat(browser.complaints()).allMatch(l -> l.contains("net::ERR_"));
    }
  }

  @Test
  void aConversationThatIsTooLongIsToldInWords() {
    paste("Tell me more. ".repeat(200));
    browser.await("the fault", () -> user.text(".turn [role=alert]").contains("is too long"));
    assertThat(user.text(".turn [role=alert]")).contains("Start a new chat");
    browser.one("#fresh").click();
    assertThat(user.answer(COW)).isEqualTo("A cow says moo.");
    assertThat(browser.complaints()).allMatch(line -> line.contains("400"));
  }

  @Test
  void textsOfEveryKindStayTexts() throws IOException {
    String question =
        "\u0645\u0631\u062d\u0628\u0627 <img src=x onerror=\"document.title='bad'\"> \u202e &lt; "
            + "\ud83d\ude00".repeat(40);
    paste(question);
    user.finished();
    assertThat(user.text(".asked")).isEqualTo(question);
    assertThat(browser.all(".turn img")).isEmpty();
    assertThat(
            browser.script("return getComputedStyle(document.querySelector('.asked')).direction"))
        .isEqualTo("rtl");
    browser.last(".turn .actions button").click();
    Path file = downloads.resolve("llada-replay.html");
    browser.await("the file", () -> Files.exists(file));
    assertThat(Files.readString(file)).doesNotContain("<img").doesNotContain("\uFFFD");
    browser.open(file.toUri().toString());
    assertThat(browser.script("return document.querySelector('h1').textContent"))
        .isEqualTo(question);
    assertThat(browser.driver().getTitle()).startsWith("LLaDA.java: \u0645\u0631");
    assertThat(browser.complaints()).isEmpty();
  }

  /** Between browser and server, until it is cut without a word. */
  private static final class Line implements AutoCloseable {
    private final ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final List<Socket> sockets = new CopyOnWriteArrayList<>();

    Line(int to) throws IOException {
      Thread.startVirtualThread(
          () -> {
            try {
              while (true) {
                Socket near = server.accept();
                Socket far = new Socket(InetAddress.getLoopbackAddress(), to);
                sockets.addAll(List.of(near, far));
                Thread.startVirtualThread(() -> copy(near, far));
                Thread.startVirtualThread(() -> copy(far, near));
              }
            } catch (IOException _) {
              // closed
            }
          });
    }

    private static void copy(Socket from, Socket to) {
      try (from;
          to) {
        from.getInputStream().transferTo(to.getOutputStream());
      } catch (IOException _) {
        // cut
      }
    }

    int port() {
      return server.getLocalPort();
    }

    void cut() {
      for (Socket socket : sockets) {
        try {
          socket.setSoLinger(true, 0); // a reset, as when a process is killed
          socket.close();
        } catch (IOException _) {
          // closed already
        }
      }
    }

    @Override
    public void close() throws IOException {
      server.close();
      cut();
    }
  }
}
