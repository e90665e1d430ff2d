package llada.benchmarks;

import llada.kernel.scalar.AttentionMask;
import llada.kernel.scalar.AttentionShape;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Sequences of T tokens, eight heads of 32 channels, as in a small model in training. */
public class AttentionBackwardBenchmark extends OpBenchmark {
  private static final int BATCH = 8;
  private static final int HEADS = 8;
  private static final int CHANNELS = HEADS * 32;

  /** T. */
  @Param({"256", "1024"})
  public int tokens = 32;

  private Tensor q;
  private Tensor k;
  private Tensor v;
  private Tensor dOut;
  private Tensor dq;
  private Tensor dk;
  private Tensor dv;

  /** Makes the input and checks the kernel on its last sequence. */
  @Setup
  public void setup() {
    int rows = BATCH * tokens;
    q = Inputs.normal(arena, 1, rows, CHANNELS);
    k = Inputs.normal(arena, 2, rows, CHANNELS);
    v = Inputs.normal(arena, 3, rows, CHANNELS);
    dOut = Inputs.normal(arena, 4, rows, CHANNELS);
    dq = Tensor.allocate(arena, DType.F32, rows, CHANNELS);
    dk = Tensor.allocate(arena, DType.F32, rows, CHANNELS);
    dv = Tensor.allocate(arena, DType.F32, rows, CHANNELS);
    backward();
    Tensor[] expected = new Tensor[3];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = Tensor.allocate(arena, DType.F32, tokens, CHANNELS);
    }
    REFERENCE.attentionBackward(
        expected[0],
        expected[1],
        expected[2],
        last(dOut),
        last(q),
        last(k),
        last(v),
        AttentionShape.of(HEADS, HEADS),
        AttentionMask.FULL);
    Inputs.requireClose(last(dq), expected[0], 1e-4);
    Inputs.requireClose(last(dk), expected[1], 1e-4);
    Inputs.requireClose(last(dv), expected[2], 1e-4);
  }

  private Tensor last(Tensor tensor) {
    return tensor.rows((long) (BATCH - 1) * tokens, tokens);
  }

  @Benchmark
  public Tensor backward() {
    AttentionShape shape = new AttentionShape(BATCH, HEADS, HEADS);
    kernels().attentionBackward(dq, dk, dv, dOut, q, k, v, shape, AttentionMask.FULL);
    return dq;
  }
}
