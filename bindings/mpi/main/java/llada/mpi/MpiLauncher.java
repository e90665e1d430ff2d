package llada.mpi;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import llada.backend.BackendException;
import llada.train.Processes;

/** Joins the processes that Open MPI's {@code mpirun} started. */
public final class MpiLauncher implements Processes.Launcher {
  private static final String SIZE = "OMPI_COMM_WORLD_SIZE"; // set by mpirun for each process
  private static final List<String> LIBRARIES =
      List.of("libmpi.so.40", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib");

  /** For {@link java.util.ServiceLoader}. */
  public MpiLauncher() {}

  @Override
  public Processes join() {
    String size = System.getenv(SIZE);
    if (size == null || size.equals("1")) {
      return null;
    }
    return new MpiProcesses(new OpenMpi(library()));
  }

  private static SymbolLookup library() {
    String given = System.getenv("LLADA_MPI");
    List<String> names = given == null ? LIBRARIES : List.of(given);
    for (String name : names) {
      try {
        return SymbolLookup.libraryLookup(name, Arena.global());
      } catch (IllegalArgumentException e) {
        // The next name; none at all is told below.
      }
    }
    throw new BackendException(
        "mpirun started %s processes, but Open MPI's library cannot be loaded (%s): install it (Debian: openmpi-bin), set LLADA_MPI to its libmpi.so, or start without mpirun"
            .formatted(System.getenv(SIZE), String.join(", ", names)));
  }
}
