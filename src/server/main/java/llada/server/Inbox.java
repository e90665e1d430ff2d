package llada.server;

import java.io.EOFException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
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
  private final boolean all; // whether each draft is told, or the last one does
  private int drafts;
  private boolean gone;

  Inbox(boolean all) {
    this.all = all;
  }

  void draft(int choice, Draft draft) {
    lock.lock();
    try {
      if (!all || drafts == MOST) {
        dropOldest(e -> e.draft().isPresent() && (all || e.choice() == choice));
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

  private void dropOldest(Predicate<Event> draft) {
    Optional<Event> oldest = events.stream().filter(draft).findFirst();
    if (oldest.isPresent()) {
      events.remove(oldest.get());
      drafts--;
    }
  }

  /** The client is gone: nobody will be told anything. */
  void gone() {
    lock.lock();
    try {
      gone = true;
      arrived.signal();
    } finally {
      lock.unlock();
    }
  }

  boolean isEmpty() {
    lock.lock();
    try {
      return events.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** The next event, for which it waits. Throws where nobody is left to be told. */
  Event next() throws EOFException, InterruptedException {
    lock.lock();
    try {
      while (events.isEmpty() && !gone) {
        arrived.await(); // a time would cost more than all else here: virtual threads share a timer
      }
      if (gone) {
        throw new EOFException("the client is gone");
      }
      Event next = events.remove();
      drafts -= next.draft().isPresent() ? 1 : 0;
      return next;
    } finally {
      lock.unlock();
    }
  }
}
