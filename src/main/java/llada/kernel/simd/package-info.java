/**
 * The vector tier: the same ops on the JDK's Vector API, which compiles to the widest vectors the
 * machine has. The only users of {@code jdk.incubator.vector}.
 *
 * <p>{@link llada.kernel.simd.Lanes} chooses the width once. {@link llada.kernel.simd.Dot} is the
 * heart: a tile of dot products held in registers, on which matmul and attention stand. {@link
 * llada.kernel.simd.VectorKernels} maps the contract to the ops.
 *
 * <p>Open first: {@link llada.kernel.simd.Dot}.
 */
package llada.kernel.simd;
