/**
 * CUDA through the Foreign Function and Memory API.
 *
 * <p>So far {@link llada.cuda.CudaLibraries} tells which of CUDA's libraries can be loaded here,
 * and why not. The jextract bindings and the backend come later.
 */
package llada.cuda;
