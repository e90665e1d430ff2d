package llada.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import llada.Golden;
import llada.diffusion.Daedal;
import llada.diffusion.Decoder;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.diffusion.cache.PrefixCache;
import llada.diffusion.commit.Remdm;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many requests at a time: each is answered as alone, and none harms another. */
@Timeout(120)
final class SchedulerTest {
  private static Llada llada;

  @BeforeAll
  static void opens() {
    llada =
        Llada.open(
            Golden.resources().resolve("checkpoints/shakespeare-llada"), Setup.DEFAULT.threads(2));
  }

  @AfterAll
  static void closes() {
    llada.close();
  }

  private static Scheduler scheduler() {
    return new Scheduler(llada, Scheduler.Limits.DEFAULT);
  }

  /** A request of a kind of its own for each number. */
  private static Request request(int i) {
    Request text = Request.of("KING %d:\nMy lord".formatted(i)).length(8 + i % 3 * 8).seed(i);
    return switch (i % 7) {
      case 0 -> text.fast();
      case 1 -> text.temperature(0.8);
      case 2 -> text.decoder(Decoder.fast().with(new PrefixCache(4)));
      case 3 -> text.sampler(o -> o.cfgScale(0.5));
      case 4 -> text.decoder(Decoder.exact().with(new Remdm(Remdm.Strategy.CAP, 0.3)));
      case 5 -> text.length(64).decoder(Decoder.fast().with(new Daedal()));
      default -> text.sampler(o -> o.remasking(Remasking.RANDOM)).stop("a");
    };
  }

  private static void same(Answer answer, Answer alone, String which) {
    assertThat(answer.tokens()).as(which).isEqualTo(alone.tokens());
    assertThat(answer.text()).as(which).isEqualTo(alone.text());
    assertThat(answer.confidence()).as(which).isEqualTo(alone.confidence());
    assertThat(answer.step()).as(which).isEqualTo(alone.step());
    assertThat(answer.end()).as(which).isEqualTo(alone.end());
  }

  @Test
  void eachIsAnsweredAsAlone() throws Exception {
    try (Scheduler scheduler = scheduler()) {
      List<Scheduler.Ticket> tickets = new ArrayList<>();
      for (int i = 0; i < 28; i++) {
        tickets.add(scheduler.submit(request(i)));
        Thread.sleep(i % 4 * 5L); // so that they join at different steps of others
      }
      for (int i = 0; i < tickets.size(); i++) {
        same(tickets.get(i).answer().get(), llada.generate(request(i)), "request " + i);
      }
    }
  }

  @Test
  void draftsBecomeTheAnswerAndWhatIsSettledStays() {
    try (Scheduler scheduler = scheduler()) {
      for (int i = 0; i < 14; i++) {
        List<Draft> drafts = new ArrayList<>();
        Answer answer =
            scheduler
                .submit(request(i), Duration.ofMinutes(1), Optional.of(drafts::add))
                .answer()
                .join();
        assertThat(drafts).as("request " + i).isNotEmpty();
        int settled = 0;
        for (Draft draft : drafts) {
          assertThat(draft.settled()).isGreaterThanOrEqualTo(settled);
          settled = draft.settled();
          assertThat(Arrays.copyOf(draft.tokens(), settled))
              .as("request %d, step %d", i, draft.number())
              .isEqualTo(Arrays.copyOf(answer.tokens(), settled));
          for (int t = 0; t < draft.tokens().length; t++) {
            assertThat(draft.isNew(t))
                .as("new in its step alone")
                .isEqualTo(draft.step()[t] == draft.number() - 1);
          }
        }
      }
    }
  }

  @Test
  void everyWayOfDecodingJoins() {
    for (String name : List.of("tiny-llada2", "tiny-llada-moe")) {
      try (Llada model = Llada.open(Golden.resources().resolve("golden-families/" + name));
          Scheduler scheduler = new Scheduler(model, Scheduler.Limits.DEFAULT)) {
        List<Request> requests = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
          Request plain = Request.of(new int[] {5 + i, 6, 7}).length(12 + 5 * i).seed(i);
          boolean edits = name.equals("tiny-llada2") && i % 2 == 1;
          requests.add(edits ? plain.threshold(0.01).editing(0.001) : plain);
        }
        List<List<Draft>> drafts = new ArrayList<>();
        List<Scheduler.Ticket> tickets = new ArrayList<>();
        for (Request request : requests) {
          List<Draft> own = new ArrayList<>();
          drafts.add(own);
          tickets.add(scheduler.submit(request, Duration.ofMinutes(1), Optional.of(own::add)));
        }
        for (int i = 0; i < requests.size(); i++) {
          Answer answer = tickets.get(i).answer().join();
          same(answer, model.generate(requests.get(i)), name + " " + i);
          for (Draft draft : drafts.get(i)) {
            assertThat(Arrays.copyOf(draft.tokens(), draft.settled()))
                .as("%s %d, step %d", name, i, draft.number())
                .isEqualTo(Arrays.copyOf(answer.tokens(), draft.settled()));
          }
        }
      }
    }
  }

  @Test
  void gapsAreFilledAsAlone() {
    InfillTemplate template = InfillTemplate.parse("Once {4} a {} in {3} town.", false);
    InfillOptions options =
        new InfillOptions(
            SamplerOptions.defaults().toBuilder().logitsEosInf(true).build(),
            null,
            InfillOptions.SCORING,
            16,
            3);
    List<int[]> fills = llada.infill(template, options).fills();
    try (Scheduler scheduler = scheduler()) {
      Scheduler.Ticket other = scheduler.submit(request(1));
      Answer answer = scheduler.submit(llada.infilling(template, options)).answer().join();
      int[] filled =
          java.util.stream.IntStream.range(0, answer.tokens().length)
              .filter(i -> answer.step()[i] >= 0)
              .map(i -> answer.tokens()[i])
              .toArray();
      assertThat(filled).isEqualTo(fills.stream().flatMapToInt(Arrays::stream).toArray());
      assertThat(answer.text())
          .isEqualTo(template.filled(fills.stream().map(llada::text).toList()));
      same(other.answer().join(), llada.generate(request(1)), "its neighbour");
    }
  }

  @Test
  void whatIsCancelledEndsAtTheNextStep() throws Exception {
    try (Scheduler scheduler = scheduler()) {
      AtomicInteger steps = new AtomicInteger();
      CountDownLatch third = new CountDownLatch(1);
      CompletableFuture<Scheduler.Ticket> self = new CompletableFuture<>();
      Scheduler.Ticket ticket =
          scheduler.submit(
              Request.of("ROMEO:").length(64),
              Duration.ofMinutes(1),
              Optional.of(
                  _ -> {
                    if (steps.incrementAndGet() == 3) {
                      self.join().cancel();
                      third.countDown();
                    }
                  }));
      self.complete(ticket);
      third.await();
      Answer answer = ticket.answer().get();
      assertThat(answer.end()).isEqualTo(Answer.End.STOPPED);
      assertThat(answer.figures().steps()).isEqualTo(3);
      same(
          scheduler.submit(request(2)).answer().get(),
          llada.generate(request(2)),
          "those after it");
    }
  }

  @Test
  void aFullQueueTakesNoMore() throws Exception {
    Scheduler.Limits narrow = new Scheduler.Limits(2, 1, 4096, 1L << 40);
    try (Scheduler scheduler = new Scheduler(llada, narrow)) {
      CountDownLatch begun = new CountDownLatch(1);
      CountDownLatch goOn = new CountDownLatch(1);
      Scheduler.Ticket first =
          scheduler.submit(
              request(0),
              Duration.ofMinutes(1),
              Optional.of(
                  _ -> {
                    begun.countDown();
                    await(goOn);
                  }));
      begun.await();
      Scheduler.Ticket second = scheduler.submit(request(1));
      Scheduler.Ticket third = scheduler.submit(request(2));
      assertThat(scheduler.waiting()).isEqualTo(2);
      assertThat(scheduler.open()).isEqualTo(1);
      assertThatThrownBy(() -> scheduler.submit(request(3)))
          .isInstanceOf(QueueFullException.class)
          .hasMessageContaining("2 requests are waiting");
      third.cancel();
      assertThatThrownBy(() -> third.answer().join()).hasMessageContaining("cancelled");
      Scheduler.Ticket fourth = scheduler.submit(request(3));
      goOn.countDown();
      same(first.answer().get(), llada.generate(request(0)), "first");
      same(second.answer().get(), llada.generate(request(1)), "second");
      same(fourth.answer().get(), llada.generate(request(3)), "fourth");
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void timeEndsAnAnswerAndAWait() throws Exception {
    Scheduler.Limits narrow = new Scheduler.Limits(2, 1, 4096, 1L << 40);
    try (Scheduler scheduler = new Scheduler(llada, narrow)) {
      CountDownLatch begun = new CountDownLatch(1);
      Scheduler.Ticket slow =
          scheduler.submit(
              Request.of("ROMEO:").length(64),
              Duration.ofMillis(500),
              Optional.of(
                  _ -> {
                    begun.countDown();
                    sleep(100);
                  }));
      begun.await();
      Scheduler.Ticket waits = scheduler.submit(request(1), Duration.ofMillis(1), Optional.empty());
      assertThat(slow.answer().get(30, TimeUnit.SECONDS).end()).isEqualTo(Answer.End.TIME_UP);
      assertThatThrownBy(() -> waits.answer().join())
          .isInstanceOf(CompletionException.class)
          .hasCauseInstanceOf(TimeoutException.class);
    }
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void memoryIsCheckedBeforeARequestIsTaken() {
    try (Scheduler scheduler = new Scheduler(llada, new Scheduler.Limits(2, 2, 4096, 1 << 16))) {
      assertThatThrownBy(() -> scheduler.submit(request(0)))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("of memory")
          .hasMessageContaining("64.0 KiB");
    }
  }

  @Test
  void whatDoesNotFitTheModelIsRefusedAtOnce() {
    try (Scheduler scheduler = scheduler()) {
      assertThatThrownBy(() -> scheduler.submit(Request.of("a").length(1_000_000)))
          .isInstanceOf(RequestException.class);
      assertThat(scheduler.waiting()).isZero();
    }
  }

  @Test
  void aWatcherThatFailsEndsItsOwnAlone() {
    try (Scheduler scheduler = scheduler()) {
      Scheduler.Ticket bad =
          scheduler.submit(
              request(0),
              Duration.ofMinutes(1),
              Optional.of(
                  _ -> {
                    throw new IllegalArgumentException("no");
                  }));
      Scheduler.Ticket good = scheduler.submit(request(1));
      assertThatThrownBy(() -> bad.answer().join()).hasMessageContaining("no");
      same(good.answer().join(), llada.generate(request(1)), "the other");
    }
  }

  @Test
  void closingEndsAllAndDrainingNone() throws Exception {
    Scheduler drained = scheduler();
    Scheduler.Ticket one = drained.submit(request(0));
    assertThat(drained.drain(Duration.ofMinutes(1))).isTrue();
    assertThat(one.answer().isDone()).isTrue();
    assertThatThrownBy(() -> drained.submit(request(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    drained.close();
    Scheduler closed = scheduler();
    CountDownLatch begun = new CountDownLatch(1);
    Scheduler.Ticket two =
        closed.submit(
            Request.of("ROMEO:").length(64),
            Duration.ofMinutes(1),
            Optional.of(
                _ -> {
                  begun.countDown();
                  sleep(20);
                }));
    begun.await();
    assertThat(closed.drain(Duration.ofMillis(10))).isFalse();
    closed.close();
    assertThatThrownBy(() -> two.answer().join()).hasMessageContaining("closed");
    closed.close();
  }

  @Test
  void requestsShareTheirPasses() {
    try (Scheduler scheduler = scheduler()) {
      List<Scheduler.Ticket> tickets = new ArrayList<>();
      List<Integer> most = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        tickets.add(
            scheduler.submit(
                Request.of("ROMEO:").length(32).seed(i),
                Duration.ofMinutes(1),
                Optional.of(_ -> most.add(scheduler.open()))));
      }
      tickets.forEach(ticket -> ticket.answer().join());
      assertThat(most).contains(8);
    }
  }

  @Test
  void lengthsOfGapsAreFoundBetweenTheStepsOfOthers() {
    InfillTemplate template = InfillTemplate.parse("Once {} a {} in {3} town.", false);
    InfillOptions options =
        new InfillOptions(
            SamplerOptions.defaults().toBuilder().logitsEosInf(true).build(),
            null,
            InfillOptions.SCORING,
            8,
            3);
    try (Scheduler scheduler = scheduler()) {
      AtomicInteger asked = new AtomicInteger();
      InfillTemplate settled =
          llada.settled(
              template,
              options,
              () -> {
                Request other = request(asked.getAndIncrement());
                return scheduler.submit(other).answer().join() != null;
              });
      assertThat(asked).as("lengths that were tried").hasValueGreaterThan(8);
      assertThat(settled.lengths()).doesNotContain(0).endsWith(3);
      assertThat(
              llada.infill(template, options).fills().stream()
                  .mapToInt(fill -> fill.length)
                  .toArray())
          .isEqualTo(settled.lengths());
      assertThatThrownBy(() -> llada.settled(template, options, () -> false))
          .isInstanceOf(CancellationException.class);
    }
  }
}
