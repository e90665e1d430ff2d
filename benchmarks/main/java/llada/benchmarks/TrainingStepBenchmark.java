package llada.benchmarks;

import java.util.Arrays;
import java.util.OptionalInt;
import java.util.Random;
import llada.model.Gradients;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.TokenBatch;
import llada.model.TrainablePredictor;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/**
 * Forward and backward pass of a batch, half of it masked: a model of 9.0 million parameters on 8
 * sequences of 256 tokens. Without the optimiser.
 */
public class TrainingStepBenchmark extends OpBenchmark {
  /** C x L x H x F x V. */
  @Param("256x6x8x704x8192")
  public String shape = "256x6x8x704x8192";

  /** B. */
  @Param("8")
  public int batch = 8;

  /** T. */
  @Param("256")
  public int tokens = 256;

  /** Whether activations are computed again rather than kept. */
  @Param({"false", "true"})
  public boolean recompute;

  private final Random random = new Random(1);
  private TrainablePredictor predictor;
  private Gradients gradients;
  private TokenBatch noisy;
  private int[] rows;
  private int[] targets;
  private double[] weights;

  /** Makes model and batch; checks that the loss of random weights is ln V, or so. */
  @Setup
  public void setup() {
    int[] s = Arrays.stream(shape.split("x", -1)).mapToInt(Integer::parseInt).toArray();
    int c = s[0];
    int v = s[4];
    LladaConfig config =
        new LladaConfig(
            c,
            s[1],
            s[2],
            s[2],
            s[3],
            v,
            v,
            tokens,
            10000,
            1e-5,
            false,
            0,
            1,
            1,
            OptionalInt.empty(),
            OptionalInt.empty());
    LladaWeights model =
        LladaWeights.make(
            config,
            row ->
                row.part().norm()
                    ? ones(row.shape().dim(0))
                    : matrix(row.shape().dim(0), row.shape().dim(1)));
    predictor =
        new TrainablePredictor(
            config,
            model,
            kernels(),
            batch * tokens,
            new TrainablePredictor.Options(recompute, false));
    gradients = new Gradients(model, arena);
    int[][] ids = new int[batch][tokens];
    rows = new int[batch * tokens / 2];
    targets = new int[rows.length];
    weights = new double[rows.length];
    Arrays.fill(weights, 1.0 / rows.length);
    for (int i = 0; i < batch * tokens; i++) {
      int id = random.nextInt(v);
      ids[i / tokens][i % tokens] = i % 2 == 0 ? 0 : id; // every second token is masked
      if (i % 2 == 0) {
        rows[i / 2] = i;
        targets[i / 2] = id;
      }
    }
    noisy = TokenBatch.of(ids);
    double loss = step();
    if (!(Math.abs(loss - Math.log(v)) < 1)) {
      throw new IllegalStateException(
          "the loss is %s where ln V is %s".formatted(loss, Math.log(v)));
    }
  }

  private Tensor ones(long n) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, n);
    for (int i = 0; i < n; i++) {
      tensor.set(i, 1);
    }
    return tensor;
  }

  private Tensor matrix(long n, long k) {
    Tensor tensor = Tensor.allocate(arena, DType.F32, n, k);
    for (long i = 0; i < tensor.shape().elements(); i++) {
      tensor.set(i, (float) (0.02 * random.nextGaussian()));
    }
    return tensor;
  }

  @Benchmark
  public double step() {
    gradients.zero();
    return predictor.lossAndGradients(noisy, rows, targets, weights, gradients);
  }

  /** Gives back the buffers. */
  @TearDown
  public void free() {
    predictor.close();
  }
}
