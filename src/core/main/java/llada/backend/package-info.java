/**
 * Which kernels run, and on how many threads: decided once, at start, and explained in one line.
 *
 * <p>Open first: {@link llada.backend.Backends}.
 */
package llada.backend;
