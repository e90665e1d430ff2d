package llada.tensor;

import java.lang.foreign.Arena;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * When memory that kernels compute on may be freed: between operations. The JVM sees to that where
 * it makes the accesses itself. Machine code reads and writes by plain address, and would go on
 * after another thread has closed the arena, in pages that are gone.
 */
public final class NativeMemory {
  private static final ReentrantReadWriteLock OPERATIONS = new ReentrantReadWriteLock();

  private NativeMemory() {}

  /** An operation starts: nothing is freed until {@link #leave}, by the same thread. */
  public static void enter() {
    OPERATIONS.readLock().lock();
  }

  /** An operation is over. */
  public static void leave() {
    OPERATIONS.readLock().unlock();
  }

  /**
   * Closes a shared arena when no operation runs; one that is closed stays so.
   *
   * @throws IllegalStateException if this thread is within an operation
   */
  public static void free(Arena arena) {
    if (OPERATIONS.getReadHoldCount() > 0) {
      throw new IllegalStateException("memory may not be freed from within an operation");
    }
    OPERATIONS.writeLock().lock();
    try {
      if (arena.scope().isAlive()) {
        arena.close();
      }
    } finally {
      OPERATIONS.writeLock().unlock();
    }
  }
}
