/**
 * Several processes over MPI, through the FFM API: training, and the items of a file. Nothing of
 * MPI is looked for unless the process was started by {@code mpirun}.
 *
 * <p>Open first: {@link llada.mpi.MpiLauncher}.
 */
package llada.mpi;
