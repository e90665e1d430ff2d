package llada.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import llada.Golden;
import llada.diffusion.Daedal;
import llada.diffusion.Decoder;
import llada.diffusion.Remasking;
import llada.diffusion.cache.DelayedCache;
import llada.diffusion.cache.PrefixCache;
import llada.diffusion.commit.Threshold;
import llada.kernel.Precision;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The front door, on the small checkpoint that never changes. */
final class LladaTest {
  private static Llada llada;

  private static Llada open() {
    return Llada.open(
        Golden.resources().resolve("checkpoints/shakespeare-llada"), Setup.DEFAULT.threads(2));
  }

  @BeforeAll
  static void opens() {
    llada = open();
  }

  @AfterAll
  static void closes() {
    llada.close();
  }

  private static Request romeo() {
    return Request.of("ROMEO:").length(32);
  }

  /** Requests that have nothing in common but the model. */
  private static List<Request> mixture() {
    Decoder prefix = Decoder.fast().with(new PrefixCache(4));
    return List.of(
        romeo(),
        Request.of("JULIET:\nMy lord, ").length(48).fast(),
        Request.of("To be").length(17).temperature(0.7).seed(3),
        Request.of("KING HENRY:").length(32).steps(8).block(16).seed(4),
        Request.of("O").length(24).decoder(prefix),
        Request.of("First Citizen:\nBefore we proceed any further, hear me speak.\n").length(8),
        Request.of("ROMEO:").length(16).sampler(o -> o.cfgScale(0.5)),
        Request.of("Now").length(20).sampler(o -> o.remasking(Remasking.RANDOM)).seed(9),
        Request.of("Thou").length(64).decoder(Decoder.fast().with(new Daedal())),
        Request.of(new int[] {5, 6, 7})
            .length(12)
            .decoder(Decoder.exact().with(new Threshold(0.5)).with(new DelayedCache(3, true))));
  }

  @Test
  void answersATextWithItsFigures() {
    Answer answer = llada.generate(romeo());
    assertThat(answer.text()).isNotBlank();
    assertThat(answer.tokens()).hasSize(32);
    assertThat(answer.text())
        .isEqualTo(llada.text(Arrays.copyOf(answer.tokens(), answer.useful())));
    assertThat(answer.figures().steps()).isEqualTo(32);
    assertThat(answer.figures().promptTokens()).isEqualTo(llada.tokenize("ROMEO:").length);
    assertThat(Arrays.stream(answer.confidence())).hasSize(32).allMatch(p -> p > 0 && p <= 1);
    int[] steps = answer.step().clone();
    Arrays.sort(steps);
    for (int i = 0; i < steps.length; i++) {
      assertThat(steps[i]).as("one token in each step").isEqualTo(i);
    }
  }

  @Test
  void aBatchAnswersAsEachRequestAlone() {
    List<Answer> together = llada.generate(mixture());
    for (int i = 0; i < mixture().size(); i++) {
      Answer alone = llada.generate(mixture().get(i));
      assertThat(together.get(i).tokens()).as("request %d", i).isEqualTo(alone.tokens());
      assertThat(together.get(i).confidence()).as("request %d", i).isEqualTo(alone.confidence());
      assertThat(together.get(i).end()).isEqualTo(alone.end());
      assertThat(together.get(i).figures().steps()).isEqualTo(alone.figures().steps());
    }
  }

  @Test
  void moreThanFitAPassAreAnsweredInTurn() {
    List<Request> many = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      Request request = Request.of("ROMEO:\nI am " + i).length(180 + i);
      many.add(i % 17 == 0 ? request.fast() : request.steps(20));
    }
    List<Answer> together = llada.generate(many);
    for (int i : new int[] {0, 17, 29}) {
      assertThat(together.get(i).tokens()).isEqualTo(llada.generate(many.get(i)).tokens());
    }
  }

  @Test
  void oneThatCannotBeAnsweredIsNamedBeforeAnythingIsComputed() {
    Request never =
        romeo()
            .onStep(
                step -> {
                  throw new AssertionError("a step was made");
                });
    int beyond = llada.config().embeddingSize();
    for (Request bad : List.of(romeo().length(5000), Request.of(new int[] {beyond}))) {
      assertThatThrownBy(() -> llada.generate(List.of(never, bad)))
          .isInstanceOf(RequestException.class)
          .hasMessageStartingWith("request 2: ");
    }
  }

  @Test
  void aRequestDoesNotChange() {
    int[] ids = {5, 6};
    Request request = Request.of(ids);
    ids[0] = 7;
    llada.encode(request)[1] = 8;
    assertThat(llada.encode(request)).containsExactly(5, 6);
  }

  @Test
  void opensOnAnInterruptedThread() {
    Thread.currentThread().interrupt();
    try (Llada model = open()) {
      assertThat(Thread.interrupted()).isTrue();
      assertThat(model.tokenize("ROMEO:")).isNotEmpty();
    }
  }

  @Test
  void guidanceThatWouldOverflowIsRefused() {
    assertThatThrownBy(() -> romeo().sampler(o -> o.cfgScale(1e308)))
        .hasMessageContaining("cfg_scale is 1.0E308; it must be from 0 to 1000000");
  }

  @Test
  void threadsGetWhatOneGets() throws Exception {
    List<Request> requests = mixture();
    List<int[]> expected = requests.stream().map(r -> llada.generate(r).tokens()).toList();
    try (Llada other = open();
        ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Future<int[]>> futures = new ArrayList<>();
      for (int i = 0; i < 4 * requests.size(); i++) {
        Llada model = i % 3 == 0 ? other : llada; // two models at once
        Request request = requests.get(i % requests.size());
        Callable<int[]> task = () -> model.generate(request).tokens();
        futures.add(threads.submit(task));
      }
      for (int i = 0; i < futures.size(); i++) {
        assertThat(futures.get(i).get()).isEqualTo(expected.get(i % expected.size()));
      }
    }
  }

  @Test
  void aListenerSeesEveryStepAndMayStop() {
    List<String> seen = new ArrayList<>();
    Answer answer =
        llada.generate(
            romeo()
                .onStep(
                    step -> {
                      assertThat(step.number()).isEqualTo(seen.size() + 1);
                      assertThat(step.of()).isEqualTo(32);
                      seen.add(step.text());
                      return step.number() == 5 ? Next.STOP : Next.CONTINUE;
                    }));
    assertThat(seen).hasSize(5);
    assertThat(answer.end()).isEqualTo(Answer.End.STOPPED);
    int mask = llada.config().maskTokenId();
    assertThat(Arrays.stream(answer.tokens()).filter(id -> id == mask)).hasSize(27);
    assertThat(Arrays.stream(answer.step()).filter(step -> step == -1)).hasSize(27);
  }

  @Test
  void stopsBeforeAText() {
    String whole = llada.generate(romeo()).text();
    String stop = whole.substring(10, 13);
    Answer answer = llada.generate(romeo().stop("no such text", stop));
    assertThat(answer.end()).isEqualTo(Answer.End.STOP_TEXT);
    assertThat(answer.text()).isEqualTo(whole.substring(0, whole.indexOf(stop)));
  }

  @Test
  void anInterruptEndsTheAnswer() {
    Answer answer =
        llada.generate(
            romeo()
                .onStep(
                    step -> {
                      if (step.number() == 3) {
                        Thread.currentThread().interrupt();
                      }
                      return Next.CONTINUE;
                    }));
    assertThat(Thread.interrupted()).isTrue();
    assertThat(answer.end()).isEqualTo(Answer.End.INTERRUPTED);
    assertThat(answer.figures().steps()).isEqualTo(3);
  }

  @Test
  void closesInAnyState() throws Exception {
    Llada model = open();
    CountDownLatch begun = new CountDownLatch(1);
    try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
      Future<Answer> answer =
          thread.submit(
              () ->
                  model.generate(
                      romeo()
                          .length(1024 - 8)
                          .onStep(
                              step -> {
                                begun.countDown();
                                return Next.CONTINUE;
                              })));
      begun.await();
      model.close();
      assertThatThrownBy(answer::get)
          .cause()
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("closed");
    }
    assertThatThrownBy(() -> model.generate("ROMEO:")).isInstanceOf(IllegalStateException.class);
    model.close();
  }

  @Test
  void aConversationKeepsItsTurns() {
    Chat chat = llada.rawConversation();
    Answer first = chat.say("ROMEO:\n", request -> request.length(16));
    chat.say("\nJULIET:\n", request -> request.length(16));
    assertThat(chat.turns()).isEqualTo(2);
    assertThat(chat.messages().get(1).content()).isEqualTo(first.text());
    chat.say("ROMEO:\n", request -> request.length(16).onStep(_ -> Next.STOP));
    assertThat(chat.turns()).as("one that was stopped is not kept").isEqualTo(2);
    chat.clear();
    assertThat(chat.turns()).isZero();
  }

  @Test
  void fillsGapsAndScores() {
    String filled = llada.infill("ROMEO:\nI {4} thee, {}.");
    assertThat(filled).startsWith("ROMEO:\nI").contains("thee").endsWith(".");
    assertThat(llada.score("ROMEO:\nI love thee.").natsPerToken())
        .isLessThan(llada.score("xq zzv kpw jjt").natsPerToken());
  }

  @Test
  void refusesWhatCannotBe() {
    assertThatThrownBy(() -> Request.of("x").length(0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("length is 0");
    assertThatThrownBy(() -> Request.of("x").length(10).block(3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("divides");
    assertThatThrownBy(() -> Request.of("x").temperature(-1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Request.of("x").stop("")).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> llada.generate(romeo().length(100_000)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("max_sequence_length");
    assertThatThrownBy(() -> llada.infill("no gap"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no gap");
    assertThatThrownBy(() -> new Setup("quick", 1, Precision.EXACT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("auto");
  }
}
