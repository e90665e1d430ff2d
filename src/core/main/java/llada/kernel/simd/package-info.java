/**
 * The vector tier: the same ops on the JDK's Vector API, which compiles to the widest vectors the
 * machine has. The only users of {@code jdk.incubator.vector}.
 *
 * <p>{@link llada.kernel.simd.Lanes} chooses the width once. {@link llada.kernel.simd.Tile} is the
 * heart: a small matrix product held in registers, on which matmul and attention stand. {@link
 * llada.kernel.simd.VectorKernels} maps the contract to the ops.
 *
 * <p>Open first: {@link llada.kernel.simd.Tile}.
 */
package llada.kernel.simd;
