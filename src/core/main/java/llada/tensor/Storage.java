package llada.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A piece of memory that tensors are views of, and where its numbers are: in that memory, unless a
 * backend works on a copy of its own and says so.
 */
public final class Storage {
  private final MemorySegment memory;
  private Copy copy; // null while the memory is all there is
  private Runnable check = Storage::unchecked;

  /**
   * A copy of a storage, on a device for example, which may be newer. Calls come from any thread.
   */
  public interface Copy {
    /** Called before the memory is read: it must hold the newest numbers. */
    void beforeReading();

    /** Called before the memory is read and written: the copy is old from now on. */
    void beforeWriting();

    /**
     * Sets a part to 0, wherever the newest numbers are.
     *
     * @param offset of the first byte
     */
    void clear(long offset, long bytes);
  }

  /** Says what tells, by an exception, that the memory is no longer what it was: of a file. */
  public void checkedBy(Runnable check) {
    this.check = check;
  }

  /** The check of the file that the memory is mapped from; else it does nothing. */
  public Runnable check() {
    return check;
  }

  /** Memory that belongs to no file. */
  private static void unchecked() {}

  Storage(MemorySegment memory) {
    this.memory = memory;
  }

  /** The whole memory, which may be older than the copy. */
  public MemorySegment memory() {
    return memory;
  }

  /** The copy, or null. */
  public Copy copy() {
    return copy;
  }

  /** From now on a copy has to be asked before the memory is touched; null for none any more. */
  public void keepIn(Copy place) {
    copy = place;
  }

  void beforeReading() {
    if (copy != null) {
      copy.beforeReading();
    }
  }

  void beforeWriting() {
    if (copy != null) {
      copy.beforeWriting();
    }
  }

  void clear(long offset, long bytes) {
    if (copy != null) {
      copy.clear(offset, bytes);
    } else {
      memory.asSlice(offset, bytes).fill((byte) 0);
    }
  }
}
