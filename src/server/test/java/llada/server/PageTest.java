package llada.server;

import static llada.server.PageUser.COW;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import llada.api.Request;
import llada.api.Scheduler;
import llada.diffusion.Decoder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.interactions.Actions;

/** What the page does, in a real browser, asking the real server and the bundled model. */
class PageTest extends OnePage {
  private static final String STORY = "Tell me a story about a kite.";

  /** So long that others have to wait. */
  private static final String LONG =
      """
      {"messages": [{"role": "user", "content": "Tell me a story about a kite."}],
       "max_tokens": 400, "stream": true,
       "diffusion": {"preset": "exact", "block_length": 400, "diffusing": true}}""";

  @AfterEach
  void theConsoleIsQuiet() {
    assertThat(browser.complaints()).isEmpty();
  }

  @Test
  void anAnswerIsUnmaskedStepByStep() {
    user.open(user.served(), "light", "no-preference");
    browser.script(
        """
        window.seen = [];
        new MutationObserver(() => {
          const count = (css) => document.querySelectorAll('.row ' + css).length;
          if (count('.mask')) seen.push([count('.mask'), count('.framed'), count('.new')]);
        }).observe(document.getElementById('turns'), {subtree: true, childList: true});
        """);
    assertThat(user.answer(COW))
        .isEqualTo(user.llada().chat(COW).text())
        .isEqualTo("A cow says moo.");
    assertThat(user.row()).isEqualTo("A cow says moo.");
    List<?> seen = (List<?>) browser.script("return seen");
    List<?> masks = seen.stream().map(step -> ((List<?>) step).getFirst()).distinct().toList();
    assertThat(masks.getFirst()).as("masks at the beginning").isEqualTo(128L);
    assertThat(masks).as("different numbers of masks").hasSizeGreaterThan(1);
    assertThat(seen).as("32 in the frame").anyMatch(step -> ((List<?>) step).get(1).equals(32L));
    assertThat(seen).as("new ones").anyMatch(step -> !((List<?>) step).get(2).equals(0L));
    browser.await("the announcement", () -> user.text("#status").contains("A cow says moo."));
    assertThat(user.text(".turn .note")).startsWith("5 tokens of text in ");
  }

  @Test
  void theSliderReplaysTheSteps() {
    user.answer(COW);
    WebElement slider = browser.one(".turn input[type=range]");
    slider.sendKeys(Keys.HOME);
    assertThat(slider.getDomAttribute("aria-valuetext"))
        .isEqualTo("Step 0 of 2: 0 of 128 tokens revealed");
    assertThat(user.masks()).isEqualTo(128);
    slider.sendKeys(Keys.ARROW_RIGHT);
    assertThat(user.text(".turn .progress")).startsWith("Step 1 of 2:");
    assertThat(user.row()).startsWith("A cow says").doesNotContain("moo");
    assertThat(browser.all(".turn .token.new")).isNotEmpty();
    slider.sendKeys(Keys.END);
    assertThat(user.row()).isEqualTo("A cow says moo.");

    browser.one(".turn .play").click();
    browser.await("it to begin again", () -> user.text(".progress").matches("Step [01] of 2:.*"));
    browser.await("it to end", () -> user.row().equals("A cow says moo."));
    assertThat(browser.one(".turn .play").getAccessibleName()).isEqualTo("Play the steps");
  }

  @Test
  void aTokenTellsItsConfidenceAndStep() {
    user.answer(COW);
    new Actions(browser.driver()).moveToElement(browser.all(".turn .token").get(3)).perform();
    String tip = user.text(".turn .tip");
    assertThat(tip).matches("“ moo”, confidence [0-9.]+ %, revealed in step 2");
    double percent = Double.parseDouble(tip.replaceAll(".*confidence ([0-9.]+) .*", "$1"));
    Request request = Request.of(COW).chat().decoder(Decoder.fast());
    assertThat(percent / 100)
        .isCloseTo(user.llada().generate(request).confidence()[3], within(6e-4));

    WebElement row = browser.one(".turn .row");
    row.sendKeys(Keys.HOME);
    assertThat(user.text(".turn .tip")).startsWith("“A”, confidence ");
    row.sendKeys(Keys.ARROW_RIGHT);
    String active = row.getDomAttribute("aria-activedescendant");
    assertThat(browser.one("#" + active).getAccessibleName()).startsWith("“ cow”, confidence ");
    row.sendKeys(Keys.ESCAPE);
    assertThat(browser.one(".turn .tip").isDisplayed()).isFalse();
  }

  @Test
  void aChatHasAHistoryAndANewOneHasNone() {
    browser.script(
        """
        window.bodies = [];
        const real = window.fetch;
        window.fetch = (path, options) => {
          if (options?.body) bodies.push(options.body);
          return real(path, options);
        };
        """);
    user.answer(COW);
    user.answer("What does a dog say?");
    assertThat((String) browser.script("return bodies.at(-1)"))
        .contains(
            """
            "messages":[{"role":"user","content":"What does a cow say?"},\
            {"role":"assistant","content":"A cow says moo."},\
            {"role":"user","content":"What does a dog say?"}]""");
    browser.one("#fresh").click();
    assertThat(browser.all(".turn")).isEmpty();
    user.answer(COW);
    assertThat((String) browser.script("return bodies.at(-1)"))
        .contains("\"messages\":[{\"role\":\"user\",\"content\":\"What does a cow say?\"}]");
  }

  @Test
  void gapsAreFilled() {
    browser.one("[name=mode][value=fill]").click();
    browser.one("#text").sendKeys("A cow lives in ");
    browser.one("#gap").click();
    browser.one("#text").sendKeys(" and eats {3}.");
    assertThat(browser.one("#text").getDomProperty("value"))
        .isEqualTo("A cow lives in {} and eats {3}.");
    browser.one("#send").click();
    String filled = user.finished();
    assertThat(filled).startsWith("A cow lives in ").contains(" and eats ").endsWith(".");
    assertThat(user.row()).isEqualTo(filled);
    List<WebElement> given = browser.all(".turn .token.given");
    assertThat(given.getFirst().getAccessibleName()).isEqualTo("“A”, given by you");
    assertThat(browser.all(".turn .token:not(.given)")).hasSizeGreaterThanOrEqualTo(4);
  }

  @Test
  void whatCannotBeAnsweredIsToldInWords() {
    browser.one("[name=mode][value=fill]").click();
    user.ask("There is nothing to fill.");
    browser.await("the fault", () -> user.text(".turn [role=alert]").contains("has no gap"));
    browser.one("#fresh").click();

    browser.one("[name=mode][value=ask]").click();
    user.set("max_tokens", "600");
    user.ask(COW);
    browser.await(
        "the fault", () -> user.text(".turn [role=alert]").contains("too long for this model"));
    assertThat(browser.complaints()).hasSize(2).allMatch(line -> line.contains("400"));

    user.set("max_tokens", Keys.chord(Keys.CONTROL, "a") + "-1");
    user.ask(COW);
    assertThat(browser.all(".turn")).as("nothing is sent with a wrong number").hasSize(1);
  }

  @Test
  void stopEndsAnAnswerOnTheServerToo() {
    user.choosePreset("exact");
    user.set("max_tokens", "400");
    user.set("block_length", "400");
    user.ask(STORY);
    browser.await("a step", () -> !browser.all(".turn .token:not(.mask)").isEmpty());
    browser.one("#stop").click();
    browser.await("it to stop", () -> user.text(".turn .note").startsWith("Stopped after step "));
    browser.await("the server to be free", () -> user.metric("llada_open") == 0);
    assertThat(user.masks()).isPositive();
    assertThat(browser.one("#send").isEnabled()).isTrue();
  }

  @Test
  void everyPresetIsKnownToTheServer() {
    user.set("max_tokens", "32");
    List<String> presets =
        browser.all("[name=preset]").stream().map(p -> p.getDomAttribute("value")).toList();
    assertThat(presets).contains("fast", "exact");
    for (String preset : presets) {
      user.choosePreset(preset);
      assertThat(user.answer(COW)).as(preset).isEqualTo("A cow says moo.");
      browser.one("#fresh").click();
    }
    browser.one("[name=mode][value=fill]").click();
    assertThat(user.text("#chosen"))
        .as("what cannot fill gaps is not left chosen")
        .contains("Fast");
    for (String preset : presets) {
      if (browser.one("[name=preset][value=%s]".formatted(preset)).isEnabled()) {
        user.choosePreset(preset);
        assertThat(user.answer("A cow lives in {2}.")).as(preset).startsWith("A cow lives in ");
        browser.one("#fresh").click();
      }
    }
  }

  @Test
  void aBusyServerIsToldInWordsAndAskedAgain() throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    HttpRequest request = user.served().request("/v1/chat/completions", LONG).build();
    InputStream first = client.send(request, BodyHandlers.ofInputStream()).body();
    try {
      browser.await("one under way", () -> user.metric("llada_open") == 1);
      CompletableFuture<HttpResponse<InputStream>> second =
          client.sendAsync(request, BodyHandlers.ofInputStream());
      browser.await("one waiting", () -> user.metric("llada_waiting") == 1);
      user.ask(COW);
      browser.await(
          "busy",
          () ->
              user.text(".turn .note")
                  .matches("The server is busy with other requests. Again in . seconds?."));
      browser.screenshot(PageUser.SCREENSHOTS.resolve("busy.png"));
      first.close();
      second.cancel(true);
    } finally {
      client.shutdownNow(); // hangs up
    }
    assertThat(user.finished()).isEqualTo("A cow says moo.");
    assertThat(browser.complaints()).isNotEmpty().allMatch(line -> line.contains("429"));
  }

  @Test
  void aKeyIsAskedForAndAServerThatIsGoneIsToldInWords() throws IOException {
    try (Served locked = Served.with(user.llada(), options -> withKey(options, "a-secret"))) {
      user.open(locked, "light", "reduce");
      browser.await("the field for a key", () -> browser.one("#key").isDisplayed());
      user.ask(COW);
      browser.await("the fault", () -> user.text("[role=alert]").contains("asks for an API key"));
      browser.one("#key").sendKeys("a-secret", Keys.TAB);
      browser.one(".turn .actions button").click();
      browser.await("a second turn", () -> browser.all(".turn").size() == 2);
      assertThat(user.finished()).isEqualTo("A cow says moo.");
      assertThat(browser.complaints()).isNotEmpty().allMatch(line -> line.contains("401"));
    }
    user.ask(COW);
    browser.await(
        "the fault",
        () -> user.text(".turn:last-child [role=alert]").contains("cannot be reached"));
    assertThat(browser.complaints()).allMatch(line -> line.contains("ERR_CONNECTION_REFUSED"));
  }

  private static ServeOptions withKey(ServeOptions options, String key) {
    return new ServeOptions(
        options.host(),
        options.port(),
        List.of(key),
        options.hosts(),
        options.origins(),
        Scheduler.Limits.DEFAULT,
        options.connections(),
        options.bodyBytes(),
        Duration.ofSeconds(30),
        Duration.ofMinutes(1),
        options.log(),
        false);
  }
}
