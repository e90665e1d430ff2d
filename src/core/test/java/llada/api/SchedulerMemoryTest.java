package llada.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.JMException;
import javax.management.ObjectName;
import llada.Golden;
import llada.diffusion.Daedal;
import llada.diffusion.Decoder;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.diffusion.cache.PrefixCache;
import llada.diffusion.commit.Remdm;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Thousands of requests, however they end, leave no memory behind: neither in the heap nor outside
 * it. Segments of shared and confined arenas are in no count but that of the JVM's native memory
 * tracking, which has to be asked for at its start: a process of its own answers the requests.
 */
@Timeout(240)
final class SchedulerMemoryTest {
  private static final int ROUNDS = 3;

  /** Requests that are submitted together. */
  private static final int GROUP = 50;

  private static final long HEAP_BYTES = 16L << 20;
  private static final long NATIVE_BYTES = 64L << 10;

  /**
   * What has grown from the end of the first round, in which buffers reach their size, to that of
   * the last.
   *
   * @param heap bytes of the heap
   * @param outside bytes of segments and buffers outside it
   * @param tickets that are still held, of those that are over
   */
  private record Growth(long heap, long outside, long tickets) {}

  /**
   * Has many requests answered.
   *
   * @param leak bytes outside the heap that are lost with each
   */
  private static Growth growth(int requests, int leak) throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:NativeMemoryTracking=summary",
                "-Xmx1g",
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                SchedulerMemoryTest.class.getName(),
                Integer.toString(requests),
                Integer.toString(leak))
            .redirectErrorStream(true)
            .start();
    try {
      String told = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      System.out.print(told); // the figures of each round
      assertThat(process.waitFor()).as(told).isZero();
      Matcher figures = Pattern.compile("grown by (-?\\d+) (-?\\d+) (\\d+)").matcher(told);
      assertThat(figures.find()).as(told).isTrue();
      return new Growth(
          Long.parseLong(figures.group(1)),
          Long.parseLong(figures.group(2)),
          Long.parseLong(figures.group(3)));
    } finally {
      process.destroyForcibly();
    }
  }

  private static void flat(int requests) throws Exception {
    Growth growth = growth(requests, 0);
    assertThat(growth.heap()).as("heap").isLessThan(HEAP_BYTES);
    assertThat(growth.outside()).as("outside the heap").isLessThan(NATIVE_BYTES);
    assertThat(growth.tickets()).as("tickets, but the last, which a frame may hold").isLessThan(5);
  }

  @Test
  void itStaysFlat() throws Exception {
    flat(300);
  }

  @Test
  void aLeakOfOneKibibyteARequestWouldBeSeen() throws Exception {
    assertThat(growth(300, 1 << 10).outside()).isBetween(200L << 10, 200L << 11);
  }

  @Test
  @Tag("nightly")
  @Timeout(1800)
  void itStaysFlatOverTenThousand() throws Exception {
    flat(10_000);
  }

  /** The process that answers: how many requests, and bytes that are lost with each. */
  public static void main(String[] args) throws JMException {
    int requests = Integer.parseInt(args[0]);
    int leak = Integer.parseInt(args[1]);
    List<WeakReference<Scheduler.Ticket>> over = new ArrayList<>();
    try (Arena lost = Arena.ofShared();
        Llada llada =
            Llada.open(
                Golden.resources().resolve("checkpoints/shakespeare-llada"),
                Setup.DEFAULT.threads(2));
        Scheduler scheduler = new Scheduler(llada, Scheduler.Limits.DEFAULT)) {
      llada.engine().with(AnswerLoop.ROOM + 1024, _ -> ""); // the largest pass that there will be
      long heap = 0;
      long outside = 0;
      for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < requests / ROUNDS; i += GROUP) {
          List<Scheduler.Ticket> tickets = new ArrayList<>();
          for (int j = i; j < i + GROUP; j++) {
            tickets.add(submit(llada, scheduler, j));
            MemorySegment _ = leak > 0 ? lost.allocate(leak) : MemorySegment.NULL;
          }
          tickets.forEach(ticket -> ticket.answer().handle((_, _) -> "").join());
          tickets.forEach(ticket -> over.add(new WeakReference<>(ticket)));
        }
        System.gc();
        Runtime memory = Runtime.getRuntime();
        long nowInHeap = memory.totalMemory() - memory.freeMemory();
        long nowOutside = outside();
        heap = round == 0 ? nowInHeap : heap;
        outside = round == 0 ? nowOutside : outside;
        long held = over.stream().filter(ticket -> !ticket.refersTo(null)).count();
        System.out.printf("round %d: %d %d%n", round, nowInHeap, nowOutside);
        if (round + 1 == ROUNDS) {
          System.out.printf("grown by %d %d %d%n", nowInHeap - heap, nowOutside - outside, held);
        }
      }
    }
  }

  /** Bytes that were allocated for segments and direct buffers. */
  private static long outside() throws JMException {
    String told =
        (String)
            ManagementFactory.getPlatformMBeanServer()
                .invoke(
                    new ObjectName("com.sun.management:type=DiagnosticCommand"),
                    "vmNativeMemory",
                    new Object[] {new String[] {"summary", "scale=B"}},
                    new String[] {String[].class.getName()});
    Matcher other = Pattern.compile("Other \\(reserved=(\\d+)").matcher(told);
    if (!other.find()) {
      throw new AssertionError(told);
    }
    return Long.parseLong(other.group(1));
  }

  /** One in ten is cancelled, one runs out of time, and of one the watcher fails. */
  private static Scheduler.Ticket submit(Llada llada, Scheduler scheduler, int i) {
    Duration time = i % 10 == 5 ? Duration.ofMillis(i % 3) : Duration.ofMinutes(5);
    Scheduler.Ticket ticket =
        scheduler.submit(
            request(llada, i),
            time,
            Optional.of(
                draft -> {
                  if (i % 10 == 3) {
                    throw new IllegalArgumentException("a watcher that fails at " + draft.number());
                  }
                }));
    if (i % 10 == 9) {
      ticket.cancel();
    }
    return ticket;
  }

  /** A request of 2 to 8 tokens, of a kind of its own for each number. */
  private static Request request(Llada llada, int i) {
    if (i % 8 == 7) {
      InfillTemplate gaps = InfillTemplate.parse("A {%d} b{2}.".formatted(1 + i % 6), false);
      SamplerOptions filling = SamplerOptions.defaults().toBuilder().logitsEosInf(true).build();
      return llada.infilling(gaps, new InfillOptions(filling, null, InfillOptions.SCORING, 4, 3));
    }
    Request text = Request.of("K%d:".formatted(i)).length(2 + i / 8 % 4 * 2).seed(i);
    return switch (i % 8) {
      case 0 -> text.fast();
      case 1 -> text.temperature(0.8);
      case 2 -> text.decoder(Decoder.fast().with(new PrefixCache(4)));
      case 3 -> text.sampler(o -> o.cfgScale(0.5));
      case 4 -> text.decoder(Decoder.exact().with(new Remdm(Remdm.Strategy.CAP, 0.3)));
      case 5 -> text.length(8).decoder(Decoder.fast().with(new Daedal(2, 2, 0.5, 2, 0.1, 0.9)));
      default -> text.sampler(o -> o.remasking(Remasking.RANDOM)).stop("a");
    };
  }
}
