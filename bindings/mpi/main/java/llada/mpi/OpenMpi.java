package llada.mpi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import llada.backend.BackendException;

/**
 * The calls of MPI 3.1 that are used, with Open MPI's binary interface: what C code calls
 * MPI_COMM_WORLD, MPI_FLOAT or MPI_SUM are addresses of objects that the library exports.
 */
final class OpenMpi {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final MemorySegment IN_PLACE = MemorySegment.ofAddress(1);
  private static final int THREAD_FUNNELED = 1;

  private final SymbolLookup library;
  private final MethodHandle allReduce;
  private final MethodHandle barrier;
  private final MemorySegment world;
  private final MemorySegment sum;

  /** MPI_FLOAT. */
  final MemorySegment floats;

  /** MPI_DOUBLE. */
  final MemorySegment doubles;

  OpenMpi(SymbolLookup library) {
    this.library = library;
    world = symbol("ompi_mpi_comm_world");
    sum = symbol("ompi_mpi_op_sum");
    floats = symbol("ompi_mpi_float");
    doubles = symbol("ompi_mpi_double");
    allReduce = function("MPI_Allreduce", ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS, ADDRESS);
    barrier = function("MPI_Barrier", ADDRESS);
  }

  private MemorySegment symbol(String name) {
    return library
        .find(name)
        .orElseThrow(
            () ->
                new BackendException(
                    "the MPI library has no %s: it is not Open MPI; set LLADA_MPI to Open MPI's libmpi.so"
                        .formatted(name)));
  }

  private MethodHandle function(String name, MemoryLayout... arguments) {
    return LINKER.downcallHandle(symbol(name), FunctionDescriptor.of(JAVA_INT, arguments));
  }

  /**
   * MPI_Init_thread. Open MPI's own handlers for SIGSEGV and the like are turned off first: the
   * virtual machine needs these signals for itself.
   */
  void init() {
    try (Arena arena = Arena.ofConfined()) {
      MethodHandle setenv =
          LINKER.downcallHandle(
              LINKER.defaultLookup().findOrThrow("setenv"),
              FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
      check(
          "setenv",
          (int)
              setenv.invokeExact(
                  arena.allocateFrom("OMPI_MCA_opal_signal"), arena.allocateFrom(""), 1));
      MemorySegment provided = arena.allocate(JAVA_INT);
      check(
          "MPI_Init_thread",
          (int)
              function("MPI_Init_thread", ADDRESS, ADDRESS, JAVA_INT, ADDRESS)
                  .invokeExact(MemorySegment.NULL, MemorySegment.NULL, THREAD_FUNNELED, provided));
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  /** MPI_Comm_rank or MPI_Comm_size. */
  int number(String call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      check(call, (int) function(call, ADDRESS, ADDRESS).invokeExact(world, result));
      return result.get(JAVA_INT, 0);
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  /** MPI_Allreduce with MPI_SUM, in place. */
  void sum(MemorySegment numbers, int count, MemorySegment type) {
    try {
      check(
          "MPI_Allreduce", (int) allReduce.invokeExact(IN_PLACE, numbers, count, type, sum, world));
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  void barrier() {
    try {
      check("MPI_Barrier", (int) barrier.invokeExact(world));
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  void finish() {
    try {
      check("MPI_Finalize", (int) function("MPI_Finalize").invokeExact());
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  /** MPI_Abort: ends every process. */
  void abort(int code) {
    try {
      check("MPI_Abort", (int) function("MPI_Abort", ADDRESS, JAVA_INT).invokeExact(world, code));
    } catch (Throwable t) {
      throw failed(t);
    }
  }

  private static void check(String call, int status) {
    if (status != 0) {
      throw new BackendException(call + " failed with status " + status);
    }
  }

  private static RuntimeException failed(Throwable thrown) {
    return switch (thrown) {
      case RuntimeException e -> e;
      case Error e -> throw e;
      default -> new IllegalStateException(thrown); // a native call throws nothing checked
    };
  }
}
