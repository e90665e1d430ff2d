package llada.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import llada.Golden;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.SamplerOptions;
import llada.kernel.Precision;
import llada.tokenizer.ChatTemplate.Message;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What comes in is refused at once or answered, and nothing that was computed is lost. */
final class FrontDoorTest {
  private static Llada llada;

  @BeforeAll
  static void opens() {
    llada =
        Llada.open(
            Golden.resources().resolve("checkpoints/shakespeare-llada"), Setup.DEFAULT.threads(1));
  }

  @AfterAll
  static void closes() {
    llada.close();
  }

  private static Request romeo() {
    return Request.of("ROMEO:").length(16).seed(3);
  }

  @Test
  void aListenerThatFailsLosesNoAnswer() {
    Answer alone = llada.generate(romeo());
    Answer other = llada.generate(Request.of("JULIET:").length(8));
    IllegalStateException fault = new IllegalStateException("the window is gone");
    Request failing =
        romeo()
            .onStep(
                step -> {
                  if (step.number() == 4) {
                    throw fault;
                  }
                  return Next.CONTINUE;
                });
    ListenerException thrown =
        catchThrowableOfType(
            ListenerException.class,
            () -> llada.generate(List.of(romeo(), failing, Request.of("JULIET:").length(8))));
    assertThat(thrown)
        .hasCause(fault)
        .hasMessage(
            "the listener of request 2 failed: java.lang.IllegalStateException: the window is gone");
    assertThat(thrown.answers()).hasSize(3);
    assertThat(thrown.answers().get(0).tokens()).isEqualTo(alone.tokens());
    assertThat(thrown.answers().get(2).tokens()).isEqualTo(other.tokens());
    Answer failed = thrown.answers().get(1);
    assertThat(failed.end()).isEqualTo(Answer.End.STOPPED);
    assertThat(Arrays.stream(failed.step()).filter(step -> step >= 0)).hasSize(4);

    assertThatThrownBy(() -> llada.generate(failing)).isSameAs(fault);
    assertThat(llada.generate(romeo()).tokens()).isEqualTo(alone.tokens());
  }

  @Test
  void aStopTextIsNotUseful() {
    Answer whole = llada.generate(romeo());
    int[] ids = Arrays.copyOf(whole.tokens(), whole.useful());
    for (int n = 1; n < ids.length; n++) {
      String before = llada.text(Arrays.copyOf(ids, n));
      String stop = whole.text().substring(before.length());
      if (whole.text().indexOf(stop) == before.length()) {
        Answer stopped = llada.generate(romeo().stop(stop));
        assertThat(stopped.end()).isEqualTo(Answer.End.STOP_TEXT);
        assertThat(stopped.text()).isEqualTo(before);
        assertThat(stopped.useful()).as("before '%s'", stop).isEqualTo(n);
        assertThat(stopped.summary()).contains("(%d of 16 tokens before the end)".formatted(n));
      }
    }
    Answer none = llada.generate(romeo().stop(whole.text().substring(0, 1)));
    assertThat(none.text()).isEmpty();
    assertThat(none.useful()).isZero();
  }

  @Test
  void aTokenThatTheStopTextDividesIsUseful() {
    Answer whole = llada.generate(romeo());
    int[] ids = whole.tokens();
    int n = 0;
    while (llada.text(new int[] {ids[n]}).length() < 2) {
      n++;
    }
    String before = llada.text(Arrays.copyOf(ids, n));
    String kept = whole.text().substring(0, before.length() + 1);
    String stop = whole.text().substring(kept.length());
    Answer stopped = llada.generate(romeo().stop(stop));
    assertThat(stopped.text()).isEqualTo(kept);
    assertThat(stopped.useful()).isEqualTo(n + 1);
  }

  static Stream<Arguments> nulls() {
    return Stream.of(
        call("the prompt", () -> Request.of((String) null)),
        call("the prompt", () -> Request.of((int[]) null)),
        call("the conversation", () -> Request.of((List<Message>) null)),
        call("a message", () -> Request.of(Arrays.asList((Message) null))),
        call("the system message", () -> Request.of("x").system(null)),
        call("the change", () -> Request.of("x").sampler(null)),
        call("the sampler's options", () -> Request.of("x").options(null)),
        call("the decoder", () -> Request.of("x").decoder(null)),
        call("a stop text", () -> Request.of("x").stop("a", null)),
        call("the list of stop texts", () -> Request.of("x").stop((String[]) null)),
        call("the listener", () -> Request.of("x").onStep(null)),
        call("the backend's name", () -> new Setup(null, 1, Precision.EXACT)),
        call("the precision", () -> new Setup("auto", 1, null)),
        call("the path", () -> Llada.open(null)),
        call("the setup", () -> Llada.open(Path.of("x"), (Setup) null)),
        call("the setup", () -> Llada.demo(null)),
        call("the prompt", () -> llada.chat(null)),
        call("the prompt", () -> llada.generate((String) null)),
        call("the request", () -> llada.generate((Request) null)),
        call("the list of requests", () -> llada.generate((List<Request>) null)),
        call("request 2: the request", () -> llada.generate(Arrays.asList(romeo(), null))),
        call("the request", () -> llada.encode(null)),
        call("the system message", () -> llada.conversation(null)),
        call("the message", () -> llada.rawConversation().say(null)),
        call("the wishes", () -> llada.rawConversation().say("x", null)),
        call("the text", () -> llada.infill(null)),
        call("the template", () -> llada.infill(null, options())),
        call("the options", () -> llada.infill(InfillTemplate.parse("{}", true), null)),
        call("the text", () -> llada.score(null)),
        call("the prompt", () -> llada.score(null, "x")),
        call("the options", () -> llada.likelihood(new int[0], new int[] {1}, null, 0)),
        call("the answer", () -> llada.isGreedy(new int[0], null, LikelihoodOptions.DEFAULT)),
        call("the text", () -> llada.tokenize(null)),
        call("the list of ids", () -> llada.text(null)),
        call("the list of ids", () -> llada.textWithSpecials(null)),
        call("the config", () -> new Engine(null, null, null)));
  }

  private static InfillOptions options() {
    return new InfillOptions(SamplerOptions.defaults(), null, InfillOptions.SCORING, 16, 0);
  }

  private static Arguments call(String what, ThrowingCallable call) {
    return Arguments.of(what, call);
  }

  @ParameterizedTest
  @MethodSource("nulls")
  void nullIsRefusedAtOnce(String what, ThrowingCallable call) {
    assertThatThrownBy(call).isInstanceOf(NullPointerException.class).hasMessage(what + " is null");
  }
}
