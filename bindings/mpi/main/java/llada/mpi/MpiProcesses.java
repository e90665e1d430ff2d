package llada.mpi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import llada.train.Processes;

/** MPI's processes. A process that ends without {@link #close} takes the others with it. */
final class MpiProcesses implements Processes {
  private static final long MOST = 1L << 30; // counts of MPI are ints

  private final OpenMpi mpi;
  private final int rank;
  private final int size;
  private final Thread abort;

  MpiProcesses(OpenMpi mpi) {
    this.mpi = mpi;
    mpi.init();
    rank = mpi.number("MPI_Comm_rank");
    size = mpi.number("MPI_Comm_size");
    // The others would wait for this one for ever.
    abort = new Thread(() -> mpi.abort(1), "mpi-abort");
    Runtime.getRuntime().addShutdownHook(abort);
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public void sum(MemorySegment floats) {
    long count = floats.byteSize() / Float.BYTES;
    for (long at = 0; at < count; at += MOST) {
      int part = (int) Math.min(MOST, count - at);
      mpi.sum(floats.asSlice(at * Float.BYTES), part, mpi.floats);
    }
  }

  @Override
  public double sum(double value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocateFrom(ValueLayout.JAVA_DOUBLE, value);
      mpi.sum(number, 1, mpi.doubles);
      return number.get(ValueLayout.JAVA_DOUBLE, 0);
    }
  }

  @Override
  public void barrier() {
    mpi.barrier();
  }

  @Override
  public void close() {
    mpi.finish();
    Runtime.getRuntime().removeShutdownHook(abort);
  }
}
