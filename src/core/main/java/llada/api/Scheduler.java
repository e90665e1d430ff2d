package llada.api;

import static llada.api.Request.given;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import llada.diffusion.NonFiniteLogitsException;
import llada.diffusion.StepListener;

/**
 * Answers the requests of many who do not know of each other. A thread of its own takes the steps:
 * all that is under way shares each pass over the weights, and what comes in joins between two
 * steps, in the order of its coming, as soon as there is room. Each gets the answer that it would
 * get alone, token for token.
 *
 * <p>Thread-safe. The model stays the caller's, and is closed after this.
 */
public final class Scheduler implements AutoCloseable {
  /**
   * What is taken on.
   *
   * @param waiting requests that wait at most
   * @param open requests that are under way together at most
   * @param positions of these in a pass; one request alone may have more
   * @param bytes that buffers and caches may take, beside the weights
   */
  public record Limits(int waiting, int open, int positions, long bytes) {
    /** 64 wait, 32 are answered, in as much memory as the Java heap may have. */
    public static final Limits DEFAULT =
        new Limits(64, 32, AnswerLoop.ROOM, Runtime.getRuntime().maxMemory());

    /** Checks. */
    public Limits {
      if (waiting < 1 || open < 1 || positions < 1 || bytes < 1) {
        throw new IllegalArgumentException(
            "limits of %d, %d, %d and %d; each must be at least 1"
                .formatted(waiting, open, positions, bytes));
      }
    }

    /** These with another queue. */
    public Limits waiting(int count) {
      return new Limits(count, open, positions, bytes);
    }
  }

  /**
   * What was done so far.
   *
   * @param steps each for all that was under way
   * @param shares requests that took part, summed over the steps
   * @param stepNanos time of the steps
   * @param otherNanos CPU time of the thread that takes them between them; 0 where none is told
   */
  public record Figures(long steps, long shares, long stepNanos, long otherNanos) {
    private Figures and(long more, long sharing, long inSteps, long between) {
      return new Figures(steps + more, shares + sharing, stepNanos + inSteps, otherNanos + between);
    }
  }

  /** A request that was taken. */
  public final class Ticket {
    private final Asked asked;
    private final long deadline; // of System.nanoTime
    private final Optional<Consumer<Draft>> watcher;
    private final CompletableFuture<Answer> answer = new CompletableFuture<>();
    private volatile boolean cancelled;
    private Answering answering; // of the thread that takes the steps

    private Ticket(Asked asked, Duration time, Optional<Consumer<Draft>> watcher) {
      this.asked = asked;
      this.deadline = System.nanoTime() + time.toNanos();
      this.watcher = watcher;
    }

    /**
     * The answer. It ends with {@link Answer.End#STOPPED} where the request was cancelled, with
     * {@link Answer.End#TIME_UP} where time was up; and exceptionally where it waited all its time,
     * a watcher failed, the model cannot go on or the scheduler was closed.
     */
    public CompletableFuture<Answer> answer() {
      return answer.copy();
    }

    /** Wants no more: it is left out of the next step. */
    public void cancel() {
      cancelled = true;
      leaveQueue(
          List.of(this),
          new IllegalStateException("the request was cancelled before its first step"));
    }

    private boolean late() {
      return System.nanoTime() - deadline > 0;
    }
  }

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean(); // slow to find

  private final Llada llada;
  private final Opened opened;
  private final Limits limits;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Ticket> waiting = new ArrayDeque<>();
  private final List<Ticket> open = new ArrayList<>(); // of the thread; its size under the lock
  private final Thread thread;
  private volatile Figures figures = new Figures(0, 0, 0, 0);
  private long stepCpu; // of the step at hand
  private int leaving; // requests that are over, but have not been told
  private boolean draining;
  private boolean closed;

  /** Begins to take requests. */
  public Scheduler(Llada llada, Limits limits) {
    this.llada = given(llada, "the model");
    this.limits = given(limits, "the limits");
    this.opened = llada.opened();
    this.thread = Thread.ofPlatform().name("llada-scheduler").daemon().start(this::run);
  }

  /** Takes a request that may last as long as it does. */
  public Ticket submit(Request request) {
    return submit(request, Duration.ofDays(365), Optional.empty());
  }

  /**
   * Takes a request.
   *
   * @param time until its answer ends as it stands, from now on
   * @param watcher is shown each step by the thread that takes them: it should be quick
   * @throws RequestException if the model cannot answer it, or there will never be memory for it
   * @throws QueueFullException if too many wait
   * @throws IllegalStateException if this is closed, or about to be
   */
  public Ticket submit(Request request, Duration time, Optional<Consumer<Draft>> watcher) {
    Asked asked = llada.asked(given(request, "the request"), "");
    requireMemory(bytes(List.of(), asked));
    Ticket ticket = new Ticket(asked, time, watcher);
    lock.lock();
    try {
      if (draining) {
        throw new IllegalStateException("the scheduler is closed");
      }
      if (waiting.size() >= limits.waiting()) {
        throw new QueueFullException(waiting.size());
      }
      waiting.add(ticket);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    return ticket;
  }

  private void requireMemory(long bytes) {
    if (bytes > limits.bytes()) {
      throw new RequestException(
          "the answer needs about %s of memory beside the weights and there are %s: ask for a shorter one"
              .formatted(MemoryNeed.text(bytes), MemoryNeed.text(limits.bytes())));
    }
  }

  /**
   * The lengths of open gaps, as {@link Llada#settled}, within the memory that there is.
   *
   * @throws RequestException if there will never be memory for it
   */
  public InfillTemplate settled(
      InfillTemplate template, InfillOptions options, BooleanSupplier wanted) {
    int room = llada.room(template, options);
    requireMemory(MemoryNeed.of(llada.config(), List.of(), room).activationBytes());
    return llada.settled(template, options, wanted);
  }

  /** What was done so far. */
  public Figures figures() {
    return figures;
  }

  /** Requests that wait. */
  public int waiting() {
    return locked(waiting::size);
  }

  /** Requests that are under way. */
  public int open() {
    return locked(open::size);
  }

  private <R> R locked(Supplier<R> look) {
    lock.lock();
    try {
      return look.get();
    } finally {
      lock.unlock();
    }
  }

  /** Buffers of a pass over these and one more, and what each keeps. */
  private long bytes(List<Ticket> others, Asked one) {
    long kept = one.bytes(llada.config());
    int positions = one.room();
    for (Ticket other : others) {
      kept += other.asked.bytes(llada.config());
      positions += other.asked.room();
    }
    return kept + MemoryNeed.of(llada.config(), List.of(), positions).activationBytes();
  }

  private void run() {
    while (admitted()) {
      long before = cpu();
      stepCpu = 0;
      try {
        step();
      } catch (RuntimeException | Error e) { // such as of a file that shrinks while it is mapped
        endAll(e); // of a pass that they shared
      }
      figures = figures.and(0, 0, 0, cpu() - before - stepCpu);
    }
    endAll(new IllegalStateException("the scheduler is closed"));
  }

  private static long cpu() {
    return THREADS.getCurrentThreadCpuTime();
  }

  /** Lets in what there is room for, and waits where nothing is under way. False when closed. */
  private boolean admitted() {
    leaveQueue(
        locked(() -> waiting.stream().filter(Ticket::late).toList()),
        new TimeoutException("its time was up before its first step"));
    lock.lock();
    try {
      do {
        while (!closed && !waiting.isEmpty() && fits(waiting.peek().asked)) {
          open.add(waiting.remove());
        }
        if (open.isEmpty() && !closed) {
          changed.awaitUninterruptibly();
        }
      } while (open.isEmpty() && !closed);
      return !closed;
    } finally {
      lock.unlock();
    }
  }

  private boolean fits(Asked next) {
    int positions = open.stream().mapToInt(ticket -> ticket.asked.room()).sum();
    return open.isEmpty()
        || open.size() < limits.open()
            && positions + next.room() <= limits.positions()
            && bytes(open, next) <= limits.bytes();
  }

  private void step() {
    for (Ticket ticket : List.copyOf(open)) {
      begin(ticket);
    }
    List<Answering> all =
        open.stream().map(ticket -> ticket.answering).filter(one -> !one.done()).toList();
    if (!all.isEmpty()) {
      long before = System.nanoTime();
      long cpuBefore = cpu();
      List<Optional<StepListener.Step>> steps =
          opened.engine().step(AnswerLoop.processes(all), (i, e) -> all.get(i).fail(explained(e)));
      figures = figures.and(1, all.size(), System.nanoTime() - before, 0);
      stepCpu = cpu() - cpuBefore;
      AnswerLoop.saw(all, steps);
    }
    for (Ticket ticket : List.copyOf(open)) {
      if (ticket.answering.done()) {
        Answering done = ticket.answering;
        if (done.failure().isPresent()) {
          leave(ticket, () -> ticket.answer.completeExceptionally(done.failure().get()));
        } else {
          Answer answer = done.answer();
          leave(ticket, () -> ticket.answer.complete(answer));
        }
      }
    }
  }

  /** Makes a request ready for its next step, if it has one. */
  private void begin(Ticket ticket) {
    if (ticket.answering == null) {
      try {
        ticket.answering = new Answering(opened.engine(), opened.tokenizer(), ticket.asked, 0);
        ticket.watcher.ifPresent(ticket.answering::watchedBy);
      } catch (RuntimeException | OutOfMemoryError e) {
        leave(ticket, () -> ticket.answer.completeExceptionally(e));
        return;
      }
    }
    if (ticket.cancelled) {
      ticket.answering.end(Answer.End.STOPPED);
    } else if (ticket.late()) {
      ticket.answering.end(Answer.End.TIME_UP);
    }
  }

  private RuntimeException explained(NonFiniteLogitsException e) {
    try {
      return opened.checked(
          () -> {
            throw e;
          });
    } catch (RuntimeException told) {
      return told;
    }
  }

  private void endAll(Throwable why) {
    for (Ticket ticket : List.copyOf(open)) {
      leave(ticket, () -> ticket.answer.completeExceptionally(why));
    }
  }

  /** Frees what a request had, and only then tells whoever waits for it. */
  private void leave(Ticket ticket, Runnable tell) {
    if (ticket.answering != null) {
      ticket.answering.close();
    }
    lock.lock();
    try {
      open.remove(ticket);
      leaving++;
    } finally {
      lock.unlock();
    }
    try {
      tell.run(); // not under the lock: who waits for the answer may do anything
    } finally {
      told();
    }
  }

  /** Those of them that wait do so no longer, and are told why. */
  private void leaveQueue(List<Ticket> tickets, Throwable why) {
    for (Ticket ticket : tickets) {
      boolean waited =
          locked(
              () -> {
                boolean removed = waiting.remove(ticket);
                leaving += removed ? 1 : 0;
                return removed;
              });
      if (waited) {
        try {
          ticket.answer.completeExceptionally(why); // not under the lock either
        } finally {
          told();
        }
      }
    }
  }

  private void told() {
    lock.lock();
    try {
      leaving--;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Takes no more requests and waits until those that were taken are answered.
   *
   * @return whether they were within that time
   */
  public boolean drain(Duration time) {
    long left = time.toNanos();
    lock.lock();
    try {
      draining = true;
      changed.signalAll();
      while (left > 0 && !idle()) {
        left = changed.awaitNanos(left);
      }
      return idle();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      lock.unlock();
    }
  }

  private boolean idle() {
    return open.isEmpty() && waiting.isEmpty() && leaving == 0;
  }

  /** Ends all requests, after the step at hand. */
  @Override
  public void close() {
    List<Ticket> left =
        locked(
            () -> {
              draining = true;
              closed = true;
              changed.signalAll();
              return List.copyOf(waiting);
            });
    leaveQueue(left, new IllegalStateException("the scheduler is closed"));
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
