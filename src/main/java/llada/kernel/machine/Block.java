package llada.kernel.machine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Native memory that grows and never shrinks, so that steady work allocates nothing. */
final class Block {
  private static final int ALIGNMENT = 64;

  private Arena arena;
  private MemorySegment memory = MemorySegment.NULL;

  /** At least {@code bytes}; what was there may be lost. */
  MemorySegment atLeast(long bytes) {
    if (memory.byteSize() < bytes) {
      Arena larger = Arena.ofShared();
      MemorySegment grown = larger.allocate(bytes, ALIGNMENT);
      if (arena != null) {
        arena.close();
      }
      arena = larger;
      memory = grown;
    }
    return memory;
  }

  /** Sets the 64-bit number at a byte offset. */
  static void set(MemorySegment block, int offset, long value) {
    block.set(ValueLayout.JAVA_LONG, offset, value);
  }
}
