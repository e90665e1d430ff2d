/**
 * CUDA through the Foreign Function and Memory API: the backend {@code cuda}.
 *
 * <p>Three floors. {@code llada.cuda.driver}, {@code cublas}, {@code cudnn} and {@code nvrtc} are
 * what jextract made of NVIDIA's headers ({@code bindings/generate.sh}); nobody needs to read them.
 * A typed wrapper ({@link llada.cuda.CudaContext}, {@link llada.cuda.CudaStream}, {@link
 * llada.cuda.DeviceMemory}, {@link llada.cuda.CudaModule} and others) owns lifetimes and turns
 * every status into an exception with the call's name. On it stands {@link llada.cuda.CudaKernels}:
 * one launch, or a few, an op. The kernels themselves are CUDA C++ in {@code native/cuda}, compiled
 * by NVRTC at first use and kept on disk.
 *
 * <p>cuDNN is looked for and its version reported, and nothing more: its softmax and activations
 * would read and write once more what our kernels have in registers.
 *
 * <p>Open first: {@link llada.cuda.CudaKernels}, then {@code DeviceTensors} for how numbers stay on
 * the device.
 */
package llada.cuda;
