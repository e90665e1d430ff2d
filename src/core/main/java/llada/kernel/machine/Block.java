package llada.kernel.machine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Native memory that grows and shrinks only when freed, so that steady work allocates nothing. */
final class Block {
  private static final int ALIGNMENT = 64;

  private Arena arena;
  private MemorySegment memory = MemorySegment.NULL;

  private Block() {}

  /** All blocks of some kernels, which are freed together. */
  static final class Owner implements AutoCloseable {
    private final List<Block> blocks = new ArrayList<>();

    /** One more block, still empty. */
    Block block() {
      Block block = new Block();
      blocks.add(block);
      return block;
    }

    /** Bytes that the blocks hold. */
    long bytes() {
      return blocks.stream().mapToLong(block -> block.memory.byteSize()).sum();
    }

    /** Frees the memory. No operation may be running. */
    @Override
    public void close() {
      blocks.forEach(Block::free);
    }
  }

  private void free() {
    if (arena != null) {
      arena.close();
    }
    arena = null;
    memory = MemorySegment.NULL;
  }

  /** At least {@code bytes}; what was there may be lost. */
  MemorySegment atLeast(long bytes) {
    if (memory.byteSize() < bytes) {
      Arena larger = Arena.ofShared();
      MemorySegment grown = larger.allocate(bytes, ALIGNMENT);
      free();
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
