package llada.server;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import llada.api.Llada;
import llada.api.Scheduler;
import org.openqa.selenium.Keys;

/**
 * Someone who uses the page, with the server and the bundled model behind it.
 *
 * @param browser that shows it
 * @param served what is asked
 */
record PageUser(Browser browser, Served served) implements AutoCloseable {
  static final Path SCREENSHOTS = Path.of("target", "page");
  static final String COW = "What does a cow say?";

  /** The browser, and a server that answers one request while another may wait. */
  static PageUser start(Path downloads) throws IOException {
    Browser browser = Browser.start(downloads);
    try {
      return new PageUser(browser, Served.with(Served.demo(), PageUser::tight));
    } catch (RuntimeException | IOException e) {
      browser.close();
      throw e;
    }
  }

  private static ServeOptions tight(ServeOptions options) {
    Scheduler.Limits usual = options.limits();
    return options.limits(new Scheduler.Limits(1, 1, usual.positions(), usual.bytes()));
  }

  Llada llada() {
    return served.llada();
  }

  /** Opens the page, in the light and without movement. */
  void open() {
    open(served, "light", "reduce");
  }

  void open(Served other, String scheme, String motion) {
    browser.command(
        "Emulation.setEmulatedMedia",
        Map.of(
            "features",
            List.of(
                Map.of("name", "prefers-color-scheme", "value", scheme),
                Map.of("name", "prefers-reduced-motion", "value", motion))));
    browser.open(other.uri("/").toString());
    browser.await("the decoders", () -> !text("#chosen").isEmpty());
  }

  void ask(String text) {
    browser.one("#text").sendKeys(text, Keys.ENTER);
  }

  /** Asks and waits for the whole answer. */
  String answer(String text) {
    int turns = browser.all(".turn").size();
    ask(text);
    browser.await("a turn", () -> browser.all(".turn").size() > turns);
    return finished();
  }

  /** The text of the last answer, which may yet have to come. */
  String finished() {
    String plain = ".turn:last-child > .plain";
    browser.await("an answer", () -> !text(plain).isEmpty());
    return text(plain).substring("Answer: ".length());
  }

  /** Text of an element, seen or unseen. */
  String text(String css) {
    return (String)
        browser.script("return document.querySelector(arguments[0])?.textContent ?? ''", css);
  }

  /** The text of the tokens of the last answer that are on the screen. */
  String row() {
    return (String)
        browser.script(
            """
            const row = [...document.querySelectorAll('.row')].at(-1);
            return [...row.querySelectorAll('.token:not([hidden])')]
              .map((token) => token.textContent).join('')""");
  }

  int masks() {
    return ((Number)
            browser.script(
                "return document.querySelectorAll('.row .token.mask:not([hidden])').length"))
        .intValue();
  }

  /** Unfolds the settings, and clicks there. */
  void choosePreset(String name) {
    browser.script("document.querySelector('details').open = true");
    browser.one("[name=preset][value=%s]".formatted(name)).click();
  }

  void set(String id, String value) {
    browser.script("document.querySelector('details').open = true");
    browser.one("#" + id).sendKeys(value);
  }

  /** A gauge of the server, such as {@code llada_open}. */
  int metric(String name) {
    try {
      return served
          .get("/metrics")
          .body()
          .lines()
          .filter(line -> line.startsWith(name + "{"))
          .mapToInt(line -> Integer.parseInt(line.substring(line.lastIndexOf(' ') + 1)))
          .sum();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    browser.close();
    served.close();
    served.llada().close();
  }
}
