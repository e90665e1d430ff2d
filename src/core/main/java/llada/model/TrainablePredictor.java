package llada.model;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import llada.kernel.Kernels;
import llada.kernel.scalar.RopeTables;
import llada.tensor.DType;
import llada.tensor.NativeMemory;
import llada.tensor.Tensor;

/**
 * The mask predictor and its derivative: loss and gradients of a batch. The forward pass is that of
 * {@link MaskPredictor}, block for block; only that each block keeps what its backward pass reads.
 *
 * <p>Either all weights are trained, which are float32 then, or the low-rank terms beside them
 * alone ({@link LowRank}): weights then stay where they lie, in the type of their file.
 *
 * <p>Owns its buffers and is not thread-safe; reads the weights anew at each call, so an optimiser
 * may change them between calls.
 */
public final class TrainablePredictor implements AutoCloseable {
  /** Rows of the head whose logits exist at a time, when only the loss is asked for. */
  private static final int LOSS_ROWS = 64;

  private final LladaConfig config;
  private final LladaWeights weights;
  private final Kernels kernels;
  private final Options options;
  private final int maxTokens;
  private final Arena arena = Arena.ofShared();
  private final RopeTables rope;
  private final Optional<LowRank.Room> room;
  private final Runnable check; // of the files that weights are mapped from
  private final List<Activations> blocks = new ArrayList<>();
  private final ActivationGradients gradients;
  private final Tensor hidden; // (rows, C), the stream where it is wanted
  private final Tensor normed; // (rows, C), what the head reads
  private final Tensor dNormed;
  private final Tensor dHidden;
  private Tensor logits; // of LOSS_ROWS, once needed

  /**
   * How to train.
   *
   * @param recompute keep the streams between blocks only, 2 numbers a channel, and run each block
   *     forward again before its backward pass: a third more work for a fraction of the memory
   * @param causal a token sees only those before it: not LLaDA, but the autoregressive model it is
   *     compared with
   */
  public record Options(boolean recompute, boolean causal) {
    /** Both ways, everything kept. */
    public static final Options DEFAULT = new Options(false, false);
  }

  /**
   * Allocates all buffers.
   *
   * @param weights of any type; float32 for training all of them
   * @param maxTokens the largest B * T of a batch
   */
  public TrainablePredictor(
      LladaConfig config, LladaWeights weights, Kernels kernels, int maxTokens, Options options) {
    if (maxTokens < 1) {
      throw new IllegalArgumentException("maxTokens is " + maxTokens + "; it must be positive");
    }
    requireTrainable(config);
    this.config = options.causal() ? config.causal() : config;
    this.weights = weights;
    this.kernels = kernels;
    this.options = options;
    this.maxTokens = maxTokens;
    rope = Activations.rotation(config, weights.ropeLayout(), maxTokens, arena);
    room = LowRank.Room.of(weights.lowRanks(), maxTokens, arena);
    check = weights.check();
    Tensor x = Activations.channels(config, maxTokens, arena);
    Tensor out = Activations.channels(config, maxTokens, arena);
    blocks.add(Activations.kept(config, maxTokens, arena, x, out));
    for (int layer = 1; layer < config.nLayers(); layer++) {
      Activations last = blocks.getLast();
      Tensor next = Activations.channels(config, maxTokens, arena);
      blocks.add(
          options.recompute() ? last.between(last.out(), next) : last.next(config, arena, next));
    }
    gradients = ActivationGradients.allocate(config, maxTokens, arena);
    hidden = Activations.channels(config, maxTokens, arena);
    normed = Activations.channels(config, maxTokens, arena);
    dNormed = Activations.channels(config, maxTokens, arena);
    dHidden = Activations.channels(config, maxTokens, arena);
    kernels.load(weights.tensors());
  }

  /**
   * Whether models of this configuration can be trained.
   *
   * @throws IllegalArgumentException if not
   */
  public static void requireTrainable(LladaConfig config) {
    AttentionConfig attention = config.attention();
    if (config.hasExperts() || attention.qkNorm() || attention.qkvBias() || attention.outBias()) {
      throw new IllegalArgumentException(
          config.architecture()
              + ": models with experts, normed heads or biases are run, but not trained");
    }
  }

  public LladaConfig config() {
    return config;
  }

  public LladaWeights weights() {
    return weights;
  }

  public Options options() {
    return options;
  }

  /**
   * sum_r weights[r] * -ln p(targets[r] at rows[r]), and what each weight owes to it.
   *
   * @param noisy B sequences of T tokens, B * T at most {@code maxTokens}
   * @param rows which of the B * T rows are predicted, each once, sequence after sequence: the
   *     masked ones
   * @param targets the tokens that belong there, one a row
   * @param weights for LLaDA's objective (eq. 3) 1 / (p_mask * B * T)
   * @param into accumulates
   * @throws IllegalArgumentException if the batch is too large, too long, or has an id or row out
   *     of range
   */
  public double lossAndGradients(
      TokenBatch noisy, int[] rows, int[] targets, double[] weights, Gradients into) {
    return lossAndGradients(new double[rows.length], noisy, rows, targets, weights, into);
  }

  /**
   * The same, with what each row adds to the sum.
   *
   * @param losses (rows) overwritten: weights[r] * -ln p(targets[r] at rows[r])
   */
  public double lossAndGradients(
      double[] losses,
      TokenBatch noisy,
      int[] rows,
      int[] targets,
      double[] weights,
      Gradients into) {
    Pass pass = forward(noisy, rows, targets, weights);
    int tokens = noisy.size() * noisy.length();
    LladaWeights d = into.tensors();
    ActivationGradients g = gradients.rows(tokens);
    Tensor chosen = hidden.rows(rows.length);
    Tensor dChosen = dHidden.rows(rows.length);
    Tensor dRead = dNormed.rows(rows.length);
    kernels.maskedCrossEntropyBackward(
        losses, dRead, d.head(), normed.rows(rows.length), this.weights.head(), targets, weights);
    dChosen.clear();
    kernels.rmsNormBackward(
        dChosen, d.finalNorm(), dRead, chosen, this.weights.finalNorm(), pass.eps());
    g.dx().clear();
    kernels.embeddingBackward(g.dx(), rows, dChosen);
    for (int layer = config.nLayers() - 1; layer >= 0; layer--) {
      Activations a = blocks.get(layer).rows(tokens);
      BlockWeights w = this.weights.blocks().get(layer);
      if (options.recompute() && layer < config.nLayers() - 1) {
        TransformerBlock.again(a, w, pass, layer);
      }
      TransformerBlock.backward(g, a, d.blocks().get(layer), w, pass);
    }
    if (into.all()) {
      kernels.embeddingBackward(d.embedding(), noisy.flatIds(), g.dx());
    }
    return sum(losses);
  }

  /** The loss alone. Arguments as in {@link #lossAndGradients}. */
  public double loss(TokenBatch noisy, int[] rows, int[] targets, double[] weights) {
    forward(noisy, rows, targets, weights);
    if (logits == null) {
      logits = Tensor.allocate(arena, DType.F32, LOSS_ROWS, config.embeddingSize());
    }
    double loss = 0;
    for (int r = 0; r < rows.length; r += LOSS_ROWS) {
      int count = Math.min(LOSS_ROWS, rows.length - r);
      double[] losses = new double[count];
      kernels.matmul(logits.rows(count), normed.rows(r, count), this.weights.head());
      kernels.maskedCrossEntropy(
          losses,
          logits.rows(count),
          Arrays.copyOfRange(targets, r, r + count),
          Arrays.copyOfRange(weights, r, r + count));
      loss += sum(losses);
    }
    return loss;
  }

  /** Up to what the head reads, for the chosen rows only. */
  private Pass forward(TokenBatch batch, int[] rows, int[] targets, double[] weights) {
    int tokens = MaskPredictor.tokens(batch, config, maxTokens);
    check(rows, targets, weights, tokens);
    check.run();
    Pass pass = Pass.of(config, kernels, rope, batch, Probe.NONE, room);
    Activations a = blocks.getFirst().rows(tokens);
    kernels.embedding(a.x(), batch.flatIds(), this.weights.embedding());
    for (int layer = 0; layer < config.nLayers(); layer++) {
      a = blocks.get(layer).rows(tokens);
      TransformerBlock.forward(a, this.weights.blocks().get(layer), pass, layer);
    }
    Tensor chosen = hidden.rows(rows.length);
    kernels.embedding(chosen, rows, a.out());
    kernels.rmsNorm(normed.rows(rows.length), chosen, this.weights.finalNorm(), pass.eps());
    return pass;
  }

  private static void check(int[] rows, int[] targets, double[] weights, int tokens) {
    if (targets.length != rows.length || weights.length != rows.length) {
      throw new IllegalArgumentException(
          "%d rows, %d targets and %d weights: they must be as many"
              .formatted(rows.length, targets.length, weights.length));
    }
    for (int i = 0; i < rows.length; i++) {
      if (rows[i] < 0 || rows[i] >= tokens || i > 0 && rows[i] <= rows[i - 1]) {
        throw new IllegalArgumentException(
            "row %d at index %d: rows must ascend and be among the %d of the batch"
                .formatted(rows[i], i, tokens));
      }
    }
  }

  private static double sum(double[] losses) {
    double sum = 0;
    for (double loss : losses) {
      sum += loss;
    }
    return sum;
  }

  @Override
  public void close() {
    NativeMemory.free(arena);
  }
}
