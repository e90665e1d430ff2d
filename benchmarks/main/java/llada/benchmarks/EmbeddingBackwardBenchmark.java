package llada.benchmarks;

import java.util.stream.IntStream;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** 2048 tokens to a table of 8192 rows of 256 channels, as in a small model in training. */
public class EmbeddingBackwardBenchmark extends OpBenchmark {
  private static final int V = 8192;
  private static final int C = 256;

  private final int[] ids = IntStream.range(0, 2048).map(t -> t * 7919 % V / 3).toArray();
  private Tensor dTable;
  private Tensor dOut;

  /** Makes the input and checks the kernel on it. */
  @Setup
  public void setup() {
    dOut = Inputs.normal(arena, 1, ids.length, C);
    dTable = Tensor.allocate(arena, DType.F32, V, C);
    Tensor expected = Tensor.allocate(arena, DType.F32, V, C);
    kernels().embeddingBackward(dTable, ids, dOut);
    REFERENCE.embeddingBackward(expected, ids, dOut);
    Inputs.requireClose(dTable, expected, 0);
  }

  @Benchmark
  public Tensor backward() {
    kernels().embeddingBackward(dTable, ids, dOut);
    return dTable;
  }
}
