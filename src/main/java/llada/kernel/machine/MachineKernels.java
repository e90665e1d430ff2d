package llada.kernel.machine;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.kernel.simd.VectorKernels;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * The contract with matrix products in machine code; all else is the vector tier's, and so are
 * products that no kernel here takes.
 *
 * <p>Quantised weights are multiplied in 8-bit and bfloat16 weights in bfloat16 arithmetic, for
 * which the activations are rounded: results differ slightly from float32. {@link Precision#EXACT}
 * forbids that.
 */
public final class MachineKernels extends VectorKernels {
  /** What the activations may be rounded to. */
  public enum Precision {
    /** Nothing: every product in float32. */
    EXACT,
    /** What suits the weights: bytes for quantised ones, bfloat16 for bfloat16. */
    WEIGHTS,
    /** As WEIGHTS, and bfloat16 also for float32 and float16 weights, which are rounded as well. */
    BF16
  }

  private final Program program;
  private final Matmul matmul;
  private final Precision precision;
  private final Set<DType> wrong = EnumSet.noneOf(DType.class);

  /**
   * Assembles the kernels, maps them and checks each against the scalar reference.
   *
   * @throws MachineException if this machine or system cannot run them; the message says why
   */
  public MachineKernels(Parallel parallel, Precision precision) {
    this(parallel, precision, CpuFeatures.detect());
  }

  MachineKernels(Parallel parallel, Precision precision, CpuFeatures features) {
    super(parallel);
    this.precision = precision;
    this.program = Program.assemble(features);
    this.matmul = new Matmul(program, parallel);
    wrong.addAll(SelfCheck.run(this, EnumSet.allOf(DType.class)));
  }

  /** The width of the vectors, in bits. */
  public int bits() {
    return program.bits();
  }

  /** The instructions that do the products, for a line to the user. */
  public String instructions() {
    String text = "float32 FMA";
    text += program.has(Program.dot(true, 1)) ? ", BF16" : "";
    text += program.has(Program.quantize(1)) ? ", VNNI" : "";
    String dropped = wrong.stream().map(DType::toString).collect(Collectors.joining(", "));
    return wrong.isEmpty() ? text : text + "; failed its self-check: " + dropped;
  }

  /** Whether products with such weights run in machine code here. */
  public boolean takes(DType dtype, int channels) {
    return !wrong.contains(dtype) && matmul.takes(dtype, channels, arithmetic(dtype));
  }

  /** The disassembly of all kernels, by name. */
  public Map<String, String> listings() {
    return program.listings();
  }

  private Matmul.Arithmetic arithmetic(DType dtype) {
    if (Program.QUANTISED.contains(dtype)) {
      return Matmul.Arithmetic.INT8;
    }
    boolean bf16 =
        precision == Precision.BF16 || precision == Precision.WEIGHTS && dtype == DType.BF16;
    return bf16 && program.has(Program.dot(true, 1))
        ? Matmul.Arithmetic.BF16
        : Matmul.Arithmetic.F32;
  }

  /** See {@link Kernels#matmul}. */
  @Override
  public void matmul(Tensor out, Tensor x, Tensor weight) {
    DType dtype = weight.dtype();
    boolean rounds = Program.QUANTISED.contains(dtype);
    boolean usable =
        takes(dtype, weight.dim(1))
            && !(rounds && precision == Precision.EXACT)
            && out.data().isNative()
            && x.data().isNative()
            && weight.data().isNative();
    if (usable) {
      matmul.forward(out, x, weight, arithmetic(dtype));
    } else {
      super.matmul(out, x, weight);
    }
  }
}
