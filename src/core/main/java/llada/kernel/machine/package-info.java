/**
 * The machine tier: x86-64 code that Java assembles at start and calls through FFM, for the
 * instructions that the Vector API does not reach. vpdpbusd multiplies 64 pairs of 8-bit integers,
 * vdpbf16ps 32 pairs of bfloat16 numbers, where a float32 multiply-add does 16.
 *
 * <p>{@link llada.kernel.machine.Assembler} turns instructions into bytes, {@link
 * llada.kernel.machine.CodePage} makes them callable, and the classes named {@code ...Code} hold
 * one kernel each, written with the assembler. {@link llada.kernel.machine.Matmul} is the way
 * through them, {@link llada.kernel.machine.MatmulBackward} the way back, {@link
 * llada.kernel.machine.MachineKernels} the contract; attention and SwiGLU are here as well, all
 * other ops are the vector tier's.
 *
 * <p>Open first: {@link llada.kernel.machine.DotCode}, the simplest of the kernels.
 */
package llada.kernel.machine;
