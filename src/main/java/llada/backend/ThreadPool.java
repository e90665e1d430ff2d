package llada.backend;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import llada.kernel.Parallel;

/**
 * The only thread pool. Workers take pieces one by one from a common counter, so a slow core takes
 * fewer; the calling thread is worker 0. Between operations workers spin for a moment and then
 * park, since a forward pass is hundreds of operations, microseconds apart.
 */
public final class ThreadPool implements Parallel, AutoCloseable {
  private static final int SPINS = 20_000;

  private final Thread[] threads;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger pending = new AtomicInteger();
  private volatile Operation current = new Operation(0, (i, w) -> {}, 0);
  private volatile Throwable failure;
  private volatile boolean closed;

  private record Operation(int tasks, Task task, int generation) {}

  /** A pool of {@code workers} including the caller; at least 1. */
  public ThreadPool(int workers) {
    if (workers < 1) {
      throw new IllegalArgumentException("threads is " + workers + "; it must be at least 1");
    }
    threads = new Thread[workers - 1];
    for (int i = 0; i < threads.length; i++) {
      int worker = i + 1;
      threads[i] =
          Thread.ofPlatform().daemon().name("llada-" + worker).unstarted(() -> work(worker));
      threads[i].start();
    }
  }

  @Override
  public int workers() {
    return threads.length + 1;
  }

  @Override
  public void forEach(int tasks, Task task) {
    if (tasks <= 1 || threads.length == 0) {
      for (int i = 0; i < tasks; i++) {
        task.run(i, 0);
      }
      return;
    }
    failure = null;
    next.set(0);
    pending.set(threads.length);
    current = new Operation(tasks, task, current.generation + 1);
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
    take(current, 0);
    while (pending.get() > 0) {
      Thread.onSpinWait();
    }
    if (failure != null) {
      Throwable thrown = failure;
      switch (thrown) {
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        default -> throw new IllegalStateException(thrown);
      }
    }
  }

  private void take(Operation operation, int worker) {
    try {
      for (int i = next.getAndIncrement(); i < operation.tasks; i = next.getAndIncrement()) {
        operation.task.run(i, worker);
      }
    } catch (Throwable t) { // whatever it is, the caller must hear of it and the others must stop
      failure = t;
      next.set(operation.tasks);
    }
  }

  private void work(int worker) {
    int done = 0;
    while (!closed) {
      Operation operation = current;
      for (int spin = 0; operation.generation == done && spin < SPINS; spin++) {
        Thread.onSpinWait();
        operation = current;
      }
      if (operation.generation == done) {
        LockSupport.park(this);
        continue;
      }
      take(operation, worker);
      done = operation.generation;
      pending.decrementAndGet();
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
  }
}
