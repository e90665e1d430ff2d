package llada.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import llada.Golden;
import llada.diffusion.SamplerOptions;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What goes wrong for one request ends there: the scheduler goes on, and nobody waits for ever. */
@Timeout(60)
final class SchedulerFaultsTest {
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

  @Test
  void anErrorIsToldAndOthersAreAnsweredAfterIt() {
    try (Scheduler scheduler = new Scheduler(llada, Scheduler.Limits.DEFAULT)) {
      Request request = Request.of("ROMEO:").length(8);
      CompletableFuture<Answer> failed =
          scheduler
              .submit(
                  request,
                  Duration.ofMinutes(1),
                  Optional.of(
                      _ -> {
                        throw new InternalError("a fault in mapped memory");
                      }))
              .answer();
      assertThatThrownBy(failed::join).hasRootCauseInstanceOf(InternalError.class);
      assertThat(scheduler.submit(request).answer().join().tokens()).hasSize(8);
      assertThat(scheduler.open()).isZero();
    }
  }

  @Test
  void whoeverIsToldOfARequestThatLeftTheQueueMayAskTheScheduler() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    try (Scheduler scheduler = new Scheduler(llada, new Scheduler.Limits(4, 1, 4096, 1L << 40))) {
      Request request = Request.of("ROMEO:").length(8);
      Scheduler.Ticket first =
          scheduler.submit(
              request,
              Duration.ofMinutes(1),
              Optional.of(
                  _ -> {
                    begun.countDown();
                    await(goOn);
                  }));
      begun.await();
      Scheduler.Ticket cancelled = scheduler.submit(request);
      Scheduler.Ticket late = scheduler.submit(request, Duration.ofMillis(1), Optional.empty());
      CompletableFuture<Integer> seen = waitingSeenElsewhere(scheduler, cancelled);
      CompletableFuture<Integer> seenLate = waitingSeenElsewhere(scheduler, late);
      cancelled.cancel();
      assertThat(seen.get(20, TimeUnit.SECONDS)).isEqualTo(1);
      Thread.sleep(5);
      goOn.countDown();
      assertThat(seenLate.get(20, TimeUnit.SECONDS)).isZero();
      assertThat(first.answer().join().tokens()).hasSize(8);
      assertThat(scheduler.drain(Duration.ofSeconds(20))).isTrue();
    }
  }

  /** What another thread sees waiting when a ticket is told; it could not look under a lock. */
  private static CompletableFuture<Integer> waitingSeenElsewhere(
      Scheduler scheduler, Scheduler.Ticket ticket) {
    return ticket
        .answer()
        .handle(
            (_, _) ->
                CompletableFuture.supplyAsync(scheduler::waiting)
                    .orTimeout(10, TimeUnit.SECONDS)
                    .join());
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void lengthsOfGapsAreFoundWithinTheMemoryThatThereIs() {
    InfillTemplate template = InfillTemplate.parse("Once {} a time in a {} town.", false);
    InfillOptions options =
        new InfillOptions(
            SamplerOptions.defaults().toBuilder().logitsEosInf(true).build(),
            null,
            InfillOptions.SCORING,
            4,
            3);
    long needed =
        MemoryNeed.of(llada.config(), java.util.List.of(), llada.room(template, options))
            .activationBytes();
    try (Scheduler scheduler = new Scheduler(llada, new Scheduler.Limits(4, 1, 4096, needed - 1))) {
      assertThatThrownBy(() -> scheduler.settled(template, options, () -> true))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("memory");
    }
    try (Scheduler scheduler = new Scheduler(llada, new Scheduler.Limits(4, 1, 4096, needed))) {
      assertThat(scheduler.settled(template, options, () -> true).lengths())
          .isEqualTo(llada.settled(template, options, () -> true).lengths());
    }
  }
}
