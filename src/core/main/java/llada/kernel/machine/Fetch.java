package llada.kernel.machine;

import static llada.kernel.machine.Gpr.R13;
import static llada.kernel.machine.Gpr.R14;
import static llada.kernel.machine.Gpr.R15;
import static llada.kernel.machine.Gpr.RDI;

import java.lang.foreign.MemorySegment;

/**
 * Prefetching, woven into a product: while it multiplies one piece of the weights, it asks for the
 * next one, a line of each row in each round of its loop. Rows are far apart in memory, a pattern
 * that no hardware sees; and asking for all at once, when a piece is expanded, makes the processor
 * wait for memory: with bfloat16 and 32 tokens that took twice as long.
 *
 * <p>The addresses need not exist. A prefetch of what is no memory does nothing.
 */
final class Fetch {
  /** The arguments, behind those of the product. */
  static final int FROM = 64; // changed by the code

  static final int ROW = 72; // bytes from row to row
  static final int STEP = 80; // bytes that a round goes on
  static final int TILE = 88; // bytes from tile to tile
  static final int ARGUMENTS = 96;

  private final Assembler a;

  Fetch(Assembler a) {
    this.a = a;
  }

  /** Arguments that ask for one line over and over: for nothing. */
  static void nothing(MemorySegment arguments, long address) {
    Block.set(arguments, FROM, address);
    Block.set(arguments, ROW, 0);
    Block.set(arguments, STEP, 0);
    Block.set(arguments, TILE, 0);
  }

  void save() {
    a.push(R13);
    a.push(R14);
    a.push(R15);
    a.mov(R15, RDI.at(ROW));
  }

  void restore() {
    a.pop(R15);
    a.pop(R14);
    a.pop(R13);
  }

  void startTile() {
    a.mov(R13, RDI.at(FROM));
  }

  void startRound() {
    a.mov(R14, R13);
  }

  /** The line of the next row of the tile. */
  void row() {
    a.prefetch(R14.at(0), 2);
    a.add(R14, R15);
  }

  void endRound() {
    a.add(R13, RDI.at(STEP));
  }

  void endTile() {
    a.mov(R13, RDI.at(FROM));
    a.add(R13, RDI.at(TILE));
    a.mov(RDI.at(FROM), R13);
  }
}
