package llada.kernel.machine;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.kernel.Precision;
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
  private final Program program;
  private final Matmul matmul;
  private final Precision precision;
  private final Set<DType> checked = EnumSet.noneOf(DType.class);
  private final Set<DType> wrong = EnumSet.noneOf(DType.class);

  /**
   * Asks the processor what it has and tries the float32 product. The products of other weight
   * types are assembled, and checked against the scalar reference, when one first comes; a type
   * that fails goes to the vector tier.
   *
   * @throws MachineException if this machine or system cannot run them; the message says why
   */
  public MachineKernels(Parallel parallel, Precision precision) {
    this(parallel, precision, CpuFeatures.detect());
  }

  MachineKernels(Parallel parallel, Precision precision, CpuFeatures features) {
    super(parallel);
    this.precision = precision;
    this.program = new Program(features);
    this.matmul = new Matmul(program, parallel);
    if (!check(DType.F32)) {
      throw new MachineException("the float32 product failed its self-check");
    }
  }

  /** The width of the vectors, in bits. */
  public int bits() {
    return program.bits();
  }

  /** The instructions that do the products, for a line to the user. */
  public String instructions() {
    StringBuilder text = new StringBuilder("FMA");
    text.append(program.bf16() && precision != Precision.EXACT ? ", BF16" : "");
    text.append(program.int8() && precision != Precision.EXACT ? ", VNNI" : "");
    return text.toString();
  }

  /** Weight types whose products failed their self-check so far, and so run on the vector tier. */
  public Set<DType> failed() {
    return Collections.unmodifiableSet(wrong);
  }

  /** Whether products with such weights run in machine code here. */
  public boolean takes(DType dtype, int channels) {
    boolean rounds = Program.QUANTISED.contains(dtype);
    return !(rounds && precision == Precision.EXACT)
        && matmul.takes(dtype, channels, arithmetic(dtype))
        && check(dtype);
  }

  private boolean check(DType dtype) {
    if (checked.add(dtype) && !SelfCheck.passes(matmul, dtype, arithmetic(dtype))) {
      wrong.add(dtype);
    }
    return !wrong.contains(dtype);
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
    return bf16 && program.bf16() ? Matmul.Arithmetic.BF16 : Matmul.Arithmetic.F32;
  }

  /** See {@link Kernels#matmul}. */
  @Override
  public void matmul(Tensor out, Tensor x, Tensor weight) {
    DType dtype = weight.dtype();
    boolean usable =
        takes(dtype, weight.dim(1))
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
