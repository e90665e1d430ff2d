package llada.backend;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import llada.kernel.Parallel;

/**
 * The only thread pool. Workers take pieces one by one from the operation's counter, so a slow core
 * takes fewer; the calling thread is worker 0 and never waits for a worker that has taken nothing.
 * That matters on a busy machine: a worker that the system does not schedule costs no time then.
 * Between operations workers spin for some 300 microseconds and then park: a forward pass is
 * hundreds of operations, microseconds apart, and to wake a thread takes longer than many of them.
 */
public final class ThreadPool implements Parallel, AutoCloseable {
  private static final int SPINS = 20_000;

  /** The same for a caller, which waits for work that goes on. */
  private static final int PATIENCE = 2_000;

  private final Thread[] threads;
  private volatile Operation current = new Operation(0, (index, worker) -> {});
  private volatile boolean closed;

  private static final class Operation {
    final int tasks;
    final Task task;
    final AtomicInteger next = new AtomicInteger();
    final AtomicInteger finished = new AtomicInteger();
    volatile Throwable failure;

    Operation(int tasks, Task task) {
      this.tasks = tasks;
      this.task = task;
    }

    /** Takes pieces until none is left. After a failure the rest is counted but not run. */
    void take(int worker) {
      for (int i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
        try {
          if (failure == null) {
            task.run(i, worker);
          }
        } catch (Throwable t) { // whatever it is, the caller must hear of it
          failure = t;
        } finally {
          finished.incrementAndGet();
        }
      }
    }

    boolean open() {
      return next.get() < tasks;
    }
  }

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
  @SuppressWarnings("ThreadPriorityCheck") // the yield: see there
  public void forEach(int tasks, Task task) {
    Operation operation = new Operation(tasks, task);
    if (tasks > 1 && threads.length > 0) {
      current = operation;
      for (Thread thread : threads) {
        LockSupport.unpark(thread);
      }
    }
    operation.take(0);
    for (int spin = 0; operation.finished.get() < tasks; spin++) {
      if (spin < PATIENCE) {
        Thread.onSpinWait();
      } else {
        Thread.yield(); // the worker may be waiting for this very core
      }
    }
    switch (operation.failure) {
      case null -> {}
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case Throwable t -> throw new IllegalStateException(t);
    }
  }

  private void work(int worker) {
    int idle = 0;
    while (!closed) {
      Operation operation = current;
      if (operation.open()) {
        operation.take(worker);
        idle = 0;
      } else if (idle++ < SPINS) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
        idle = 0;
      }
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
