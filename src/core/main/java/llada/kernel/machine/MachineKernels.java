package llada.kernel.machine;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import llada.kernel.Kernels;
import llada.kernel.Parallel;
import llada.kernel.Precision;
import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.kernel.simd.VectorKernels;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * The contract with matrix products in machine code; all else is the vector tier's, and so are
 * products that no kernel here takes.
 *
 * <p>Quantised weights are multiplied in 8-bit and weights of 16 bits in bfloat16 arithmetic, where
 * the processor has it, for which the activations are rounded, and float16 weights as well: results
 * differ slightly from float32. {@link Precision#EXACT} forbids that.
 *
 * <p>Both gradients of a product with float32 weights are computed in float32, and in bfloat16 with
 * {@link Precision#BF16}: gradients and activations are rounded on the way into a product, the
 * weights themselves, which an optimiser updates, never. The gradient of the input of a product
 * with weights of any other type, which stay as they are, is computed in bfloat16 where the
 * processor has it, else in float32: weights and gradients are rounded to 8 bits of fraction, the
 * sums are float32. {@link Precision#EXACT} means float32 for all.
 */
public final class MachineKernels extends VectorKernels {
  /** Vectors of an element-wise op that are worth handing to a thread. */
  private static final int PIECE = 1024;

  private final Program program;
  private final Block.Owner blocks = new Block.Owner();
  private final Parallel parallel;
  private final Matmul matmul;
  private final MatmulBackward backward;
  private final AttentionBackward attentionBackward;
  private final Attention attention;
  private final Block[] arguments;
  private final Precision precision;
  private final Set<DType> checked = EnumSet.noneOf(DType.class);
  private final Map<Boolean, Boolean> backwardWorks = new HashMap<>(); // by whether in bfloat16
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
    this.program = Program.of(features);
    this.parallel = parallel;
    this.matmul = new Matmul(program, parallel, blocks);
    this.backward = new MatmulBackward(program, parallel, blocks, this::decode);
    this.attentionBackward = new AttentionBackward(program, parallel, blocks);
    this.attention = new Attention(program, parallel, blocks);
    this.arguments = new Block[parallel.workers()];
    Arrays.setAll(arguments, i -> blocks.block());
    boolean works = false;
    try {
      works = check(DType.F32);
    } finally {
      if (!works) {
        close();
      }
    }
    if (!works) {
      throw new MachineException("the float32 product failed its self-check");
    }
  }

  /** Frees all memory of these kernels; the code stays for those that come after them. */
  @Override
  public void close() {
    super.close();
    blocks.close();
  }

  /** Bytes of native memory that are kept between operations. */
  long bytes() {
    return blocks.bytes();
  }

  /** The width of the vectors, in bits. */
  public int bits() {
    return program.bits();
  }

  /** The instructions that do the products, for a line to the user. */
  public String instructions() {
    StringBuilder text = new StringBuilder("FMA");
    text.append(program.bf16() && precision != Precision.EXACT ? ", BF16" : "");
    String int8 = program.vnni() ? ", VNNI" : ", VPMADDUBSW";
    text.append(precision != Precision.EXACT ? int8 : "");
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

  /**
   * The disassembly of all kernels that this machine can run, by name.
   *
   * @throws MachineException if it can run none
   */
  public static Map<String, String> listings() {
    return Program.of(CpuFeatures.detect()).listings();
  }

  private Matmul.Arithmetic arithmetic(DType dtype) {
    if (Program.QUANTISED.contains(dtype)) {
      return Matmul.Arithmetic.INT8;
    }
    boolean bf16 =
        precision == Precision.BF16 || precision != Precision.EXACT && dtype != DType.F32;
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

  /** See {@link Kernels#expertMatmul}. */
  @Override
  public void expertMatmul(Tensor out, Tensor x, List<Tensor> weights, int[] offsets) {
    llada.kernel.scalar.ExpertMatmul.check(out, x, weights, offsets);
    DType dtype = weights.getFirst().dtype();
    boolean usable =
        takes(dtype, x.dim(1))
            && areNative(out, x)
            && weights.stream().allMatch(weight -> weight.data().isNative());
    if (usable) {
      matmul.forward(out, x, weights, offsets, arithmetic(dtype));
    } else {
      super.expertMatmul(out, x, weights, offsets);
    }
  }

  /** See {@link Kernels#matmulBackwardInput}. */
  @Override
  public void matmulBackwardInput(Tensor dx, Tensor dOut, Tensor weight) {
    boolean bf16 = backwardArithmetic(weight.dtype()) == Matmul.Arithmetic.BF16;
    boolean usable =
        weight.shape().rank() == 2
            && backward.takesInput(weight.dim(0), weight.dim(1))
            && areNative(dx, dOut)
            && weight.data().isNative()
            && backwardWorks(bf16);
    if (usable) {
      backward.input(dx, dOut, weight, bf16);
    } else {
      super.matmulBackwardInput(dx, dOut, weight);
    }
  }

  /** See {@link Kernels#matmulBackwardWeight}. */
  @Override
  public void matmulBackwardWeight(Tensor dWeight, Tensor dOut, Tensor x) {
    boolean usable =
        dWeight.shape().rank() == 2
            && backward.takesWeight(dWeight.dim(0), dWeight.dim(1))
            && areNative(dWeight, dOut, x)
            && backwardWorks(bf16());
    if (usable) {
      backward.weight(dWeight, dOut, x, bf16());
    } else {
      super.matmulBackwardWeight(dWeight, dOut, x);
    }
  }

  /** See {@link Kernels#attentionBackward}. */
  @Override
  public void attentionBackward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask mask) {
    boolean usable =
        mask.uniform()
            && wholeHeads(q, shape)
            && attentionBackward.takes(q.dim(1) / shape.heads())
            && areNative(dq, dk, dv, dOut, q, k, v);
    if (usable) {
      attentionBackward.backward(dq, dk, dv, dOut, q, k, v, shape, mask);
    } else {
      super.attentionBackward(dq, dk, dv, dOut, q, k, v, shape, mask);
    }
  }

  /** See {@link Kernels#swiGluBackward}. */
  @Override
  public void swiGluBackward(Tensor dGate, Tensor dUp, Tensor dOut, Tensor gate, Tensor up) {
    llada.kernel.scalar.SwiGlu.checkBackward(dGate, dUp, dOut, gate, up);
    int lanes = program.bits() / 32;
    long vectors = gate.shape().elements() / lanes;
    if (gate.dim(1) % lanes != 0 || !areNative(dGate, dUp, dOut, gate, up)) {
      super.swiGluBackward(dGate, dUp, dOut, gate, up);
      return;
    }
    CodePage.Code code = program.code(Program.SWIGLU_BACKWARD);
    parallel.forEach(
        Math.toIntExact((vectors + PIECE - 1) / PIECE),
        (piece, worker) -> {
          MemorySegment block = arguments[worker].atLeast(64);
          long at = (long) piece * PIECE * lanes * Float.BYTES;
          Block.set(block, SwiGluBackwardCode.D_GATE, dGate.data().address() + at);
          Block.set(block, SwiGluBackwardCode.D_UP, dUp.data().address() + at);
          Block.set(block, SwiGluBackwardCode.D_OUT, dOut.data().address() + at);
          Block.set(block, SwiGluBackwardCode.GATE, gate.data().address() + at);
          Block.set(block, SwiGluBackwardCode.UP, up.data().address() + at);
          Block.set(
              block, SwiGluBackwardCode.VECTORS, Math.min(PIECE, vectors - (long) piece * PIECE));
          Block.set(block, SwiGluBackwardCode.EXP, ExpCode.TABLE.address());
          code.run(block);
        });
  }

  /**
   * Whether the processor multiplies bfloat16 numbers, so that {@link Precision#BF16} has an
   * effect.
   *
   * @throws MachineException if no machine code runs here
   */
  public static boolean processorHasBf16() {
    return Program.of(CpuFeatures.detect()).bf16();
  }

  /** Whether float32 weights are multiplied in bfloat16: that was asked for and the CPU can. */
  public boolean bf16() {
    return arithmetic(DType.F32) == Matmul.Arithmetic.BF16;
  }

  /** Of the gradient of a product's input: weights that are not trained may be rounded for it. */
  private Matmul.Arithmetic backwardArithmetic(DType dtype) {
    boolean bf16 = precision != Precision.EXACT && dtype != DType.F32 && program.bf16();
    return bf16 ? Matmul.Arithmetic.BF16 : arithmetic(DType.F32);
  }

  private boolean backwardWorks(boolean bf16) {
    return backwardWorks.computeIfAbsent(bf16, b -> SelfCheck.backwardPasses(backward, b));
  }

  /** See {@link Kernels#attention}. */
  @Override
  public void attention(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionShape shape, AttentionMask mask) {
    boolean usable =
        !mask.added()
            && wholeHeads(q, shape)
            && Attention.takes(q.dim(1) / shape.heads())
            && areNative(out, q, k, v);
    if (usable) {
      attention.forward(out, q, k, v, shape, mask);
    } else {
      super.attention(out, q, k, v, shape, mask);
    }
  }

  private static boolean wholeHeads(Tensor q, AttentionShape shape) {
    return shape.heads() > 0 && q.shape().rank() == 2 && q.dim(1) % shape.heads() == 0;
  }

  /** See {@link Kernels#swiGlu}. */
  @Override
  public void swiGlu(Tensor out, Tensor gate, Tensor up) {
    llada.kernel.scalar.SwiGlu.check(out, gate, up);
    int lanes = program.bits() / 32;
    long vectors = gate.shape().elements() / lanes;
    if (gate.dim(1) % lanes != 0 || !areNative(out, gate, up)) {
      super.swiGlu(out, gate, up);
      return;
    }
    CodePage.Code code = program.code(Program.SWIGLU);
    int pieces = Math.toIntExact((vectors + PIECE - 1) / PIECE);
    parallel.forEach(
        pieces,
        (piece, worker) -> {
          MemorySegment block = arguments[worker].atLeast(64);
          long at = (long) piece * PIECE * lanes * Float.BYTES;
          Block.set(block, SwiGluCode.OUT, out.data().address() + at);
          Block.set(block, SwiGluCode.GATE, gate.data().address() + at);
          Block.set(block, SwiGluCode.UP, up.data().address() + at);
          Block.set(block, SwiGluCode.VECTORS, Math.min(PIECE, vectors - (long) piece * PIECE));
          Block.set(block, SwiGluCode.EXP, ExpCode.TABLE.address());
          code.run(block);
        });
  }

  private static boolean areNative(Tensor... tensors) {
    for (Tensor tensor : tensors) {
      if (tensor.dtype() != DType.F32 || !tensor.data().isNative()) {
        return false;
      }
    }
    return true;
  }
}
