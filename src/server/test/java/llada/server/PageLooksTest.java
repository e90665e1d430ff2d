package llada.server;

import static llada.server.PageUser.COW;
import static llada.server.PageUser.SCREENSHOTS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;

/** Whether the page can be read and used, on large screens and small ones; screenshots of it. */
class PageLooksTest extends OnePage {
  private static final String STORY = "Tell me a story about a kite.";

  @AfterEach
  void theConsoleIsQuiet() {
    assertThat(browser.complaints()).isEmpty();
  }

  @Test
  void inTheLight() throws IOException {
    look("light");
    contrast();
  }

  @Test
  void inTheDark() throws IOException {
    user.open(user.served(), "dark", "reduce");
    look("dark");
    contrast();
  }

  @Test
  void onAPhone() throws IOException {
    browser.command(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", 360, "height", 740, "deviceScaleFactor", 2, "mobile", true));
    browser.command("Emulation.setTouchEmulationEnabled", Map.of("enabled", true));
    try {
      user.open();
      look("phone");
    } finally {
      browser.command("Emulation.setTouchEmulationEnabled", Map.of("enabled", false));
      browser.command("Emulation.clearDeviceMetricsOverride", Map.of());
    }
  }

  /** The empty page, an answer halfway with a tip, and the settings below a whole answer. */
  private static void look(String name) throws IOException {
    browser.screenshot(SCREENSHOTS.resolve(name + "-welcome.png"));
    user.answer(STORY);
    WebElement slider = browser.one(".turn input[type=range]");
    WebElement row = browser.one(".turn .row");
    slider.sendKeys(Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT);
    row.sendKeys(Keys.HOME, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT);
    assertNarrow();
    browser.screenshot(SCREENSHOTS.resolve(name + ".png"));
    row.sendKeys(Keys.ESCAPE);
    slider.sendKeys(Keys.END);
    browser.one("summary").click();
    assertNarrow();
    browser.screenshot(SCREENSHOTS.resolve(name + "-settings.png"));
  }

  private static void assertNarrow() {
    String wider =
        """
        return [document.documentElement, ...document.querySelectorAll('main, form, .replay')]
          .filter((box) => box.scrollWidth > box.clientWidth || box.clientWidth > innerWidth)
          .map((box) => box.outerHTML.slice(0, 80))""";
    assertThat((List<?>) browser.script(wider)).as("wider than the page").isEmpty();
  }

  /**
   * Text stands out from what is behind it, 4.5 to 1 or more: WCAG 2.2, success criterion 1.4.3.
   */
  private static void contrast() {
    String faint =
        """
        const box = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const rgba = (colour) => {
          box.clearRect(0, 0, 1, 1);
          box.fillStyle = colour;
          box.fillRect(0, 0, 1, 1);
          return [...box.getImageData(0, 0, 1, 1).data];
        };
        const light = (colour) => rgba(colour).slice(0, 3)
          .map((v) => v / 255)
          .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
          .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (e) => {
          const colour = getComputedStyle(e).backgroundColor;
          return rgba(colour)[3] === 255 || !e.parentElement ? colour : behind(e.parentElement);
        };
        const tokens = [...document.querySelectorAll('.turn .token:not([hidden])')];
        [0, 0.25, 0.5, 0.75, 1].forEach((sure, i) => tokens[i].style.setProperty('--sure', sure));
        return [...tokens.slice(0, 5), ...document.querySelectorAll(
            '.asked, .note, .hint, .progress, #send, #presets label, summary, header p, .controls')]
          .map((e) => [e, [light(getComputedStyle(e).color), light(behind(e))].sort()])
          .map(([e, [dark, bright]]) => [(bright + 0.05) / (dark + 0.05), e])
          .filter(([ratio]) => ratio < 4.5)
          .map(([ratio, e]) => ratio.toFixed(2) + ' ' + e.outerHTML.slice(0, 80))""";
    assertThat((List<?>) browser.script(faint)).as("too faint").isEmpty();
  }

  @Test
  void everyControlHasANameAndIsReachedByTheKeyboard() {
    browser.script("document.querySelector('details').open = true");
    user.answer(COW);
    List<WebElement> controls =
        browser.all("button, input, select, textarea, summary, [role=listbox]").stream()
            .filter(WebElement::isDisplayed)
            .toList();
    for (WebElement control : controls) {
      assertThat(control.getAccessibleName()).as(control.toString()).isNotBlank();
    }
    browser.script("document.activeElement.blur(); window.reached = new Set();");
    for (int i = 0; i < controls.size(); i++) {
      browser.driver().switchTo().activeElement().sendKeys(Keys.TAB);
      browser.script("reached.add(document.activeElement)");
    }
    // Of radio buttons that belong together, one is a tab stop and arrow keys reach the others.
    String missed =
        """
        return arguments[0].filter((c) => !reached.has(c) && !(c.type === 'radio' && !c.checked))
          .map((c) => c.outerHTML)""";
    assertThat((List<?>) browser.script(missed, controls)).isEmpty();
  }

  @Test
  void aReplayIsSavedAsAFileThatNeedsNothingElse() throws IOException {
    String question = "</script><b>A cow</b> lives in {4}.";
    browser.one("[name=mode][value=fill]").click();
    user.answer(question);
    String said = user.row();
    assertThat(said).startsWith("</script><b>A cow</b> lives in ");
    browser.last(".turn .actions button").click();
    Path file = downloads.resolve("llada-replay.html");
    browser.await("the file", () -> Files.exists(file));
    assertThat(Files.readString(file)).doesNotContain("http:", "https:", "<b>", "import ");
    browser.open(file.toUri().toString());
    assertThat(browser.one("h1").getText()).isEqualTo(question);
    assertThat(user.row()).isEqualTo(said);
    browser.one("input").sendKeys(Keys.HOME);
    assertThat(user.masks()).isEqualTo(4);
    browser.one("input").sendKeys(Keys.ARROW_RIGHT);
    assertThat(user.masks()).isLessThan(4);
    browser.screenshot(SCREENSHOTS.resolve("saved.png"));
    browser.one("input").sendKeys(Keys.END);
    assertThat(user.row()).isEqualTo(said);
  }
}
