package llada.server;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import llada.api.Draft;

/**
 * What the scheduler tells of a request's choices, until the client's thread takes it. The
 * scheduler never waits: for a client that is slower than the model the oldest drafts are dropped,
 * of which later ones have everything.
 */
final class Inbox {
  private static final int MOST = 256;

  /**
   * Something has happened.
   *
   * @param choice to whom
   * @param draft empty where its answer is there
   */
  record Event(int choice, Optional<Draft> draft) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();
  private final Deque<Event> events = new ArrayDeque<>();
  private int drafts;

  void draft(int choice, Draft draft) {
    lock.lock();
    try {
      if (drafts == MOST) {
        events.remove(events.stream().filter(e -> e.draft().isPresent()).findFirst().orElseThrow());
        drafts--;
      }
      drafts++;
      events.add(new Event(choice, Optional.of(draft)));
      arrived.signal();
    } finally {
      lock.unlock();
    }
  }

  void end(int choice) {
    lock.lock();
    try {
      events.add(new Event(choice, Optional.empty()));
      arrived.signal();
    } finally {
      lock.unlock();
    }
  }

  /** The next event, if there is one within that time. */
  Optional<Event> next(long millis) throws InterruptedException {
    lock.lock();
    try {
      long left = TimeUnit.MILLISECONDS.toNanos(millis);
      while (events.isEmpty() && left > 0) {
        left = arrived.awaitNanos(left);
      }
      Optional<Event> next = Optional.ofNullable(events.poll());
      drafts -= next.isPresent() && next.get().draft().isPresent() ? 1 : 0;
      return next;
    } finally {
      lock.unlock();
    }
  }
}
