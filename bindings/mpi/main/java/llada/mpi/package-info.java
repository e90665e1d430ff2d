/**
 * Training in several processes over MPI, through the FFM API. Nothing of MPI is looked for unless
 * the process was started by {@code mpirun}.
 *
 * <p>Open first: {@link llada.mpi.MpiLauncher}.
 */
package llada.mpi;
