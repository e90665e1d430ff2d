package llada.model;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import llada.kernel.Kernels;
import llada.kernel.scalar.RopeTables;
import llada.tensor.DType;
import llada.tensor.NativeMemory;
import llada.tensor.Tensor;

/**
 * LLaDA's network p(x0 | xt): from partly masked tokens to logits for every position at once. The
 * paper calls it the mask predictor; it is the same function for inference, likelihood and
 * training.
 *
 * <p>Owns its buffers and serves one thread at a time; the kernels bring the threads, and any
 * number of predictors may share them. Closing it while another thread computes makes that thread's
 * next operation throw IllegalStateException.
 */
public final class MaskPredictor implements Predictor, AutoCloseable {
  private final LladaConfig config;
  private final LladaWeights weights;
  private final Kernels kernels;
  private final Arena arena = Arena.ofShared();
  private final Activations activations;
  private final RopeTables rope;
  private final Tensor head; // (rows, C), the rows whose logits are wanted
  private final Tensor headNormed;
  private final int maxTokens;
  private Arena logitsArena = Arena.ofShared();
  private final Optional<LowRank.Room> room;
  private final Runnable check; // of the files that weights are mapped from
  private Tensor logits; // grows to the largest number of rows ever asked for

  /**
   * Allocates all buffers.
   *
   * @param maxTokens the largest B * T of a batch
   * @throws IllegalArgumentException if weights do not have the shapes of the configuration
   */
  public MaskPredictor(LladaConfig config, LladaWeights weights, Kernels kernels, int maxTokens) {
    this(config, weights, kernels, maxTokens, false);
  }

  /**
   * As above, or the autoregressive model that LLaDA is compared with.
   *
   * @param causal a token sees only those before it, and its logits are of the token after it
   */
  public MaskPredictor(
      LladaConfig config, LladaWeights weights, Kernels kernels, int maxTokens, boolean causal) {
    if (maxTokens < 1) {
      throw new IllegalArgumentException("maxTokens is " + maxTokens + "; it must be positive");
    }
    this.config = causal ? config.causal() : config;
    this.weights = weights;
    this.kernels = kernels;
    this.maxTokens = maxTokens;
    this.activations = Activations.inPlace(config, maxTokens, arena);
    this.rope = Activations.rotation(config, weights.ropeLayout(), maxTokens, arena);
    this.head = Tensor.allocate(arena, DType.F32, maxTokens, config.dModel());
    this.headNormed = Tensor.allocate(arena, DType.F32, maxTokens, config.dModel());
    this.logits = Tensor.allocate(logitsArena, DType.F32, 0, config.embeddingSize());
    this.room = LowRank.Room.of(weights.lowRanks(), maxTokens, arena);
    this.check = weights.check();
    kernels.load(weights.tensors());
  }

  @Override
  public LladaConfig config() {
    return config;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  /** See {@link Predictor#forward(TokenBatch, int[])}; B * T is at most {@code maxTokens}. */
  @Override
  public Tensor forward(TokenBatch batch, int[] rows) {
    return forward(batch, rows, Probe.NONE);
  }

  /** As {@link #forward(TokenBatch, int[])}, showing intermediate values to {@code probe}. */
  public Tensor forward(TokenBatch batch, int[] rows, Probe probe) {
    int tokens = tokens(batch, config, maxTokens);
    check.run();
    Activations a = activations.rows(tokens);
    Pass pass = Pass.of(config, kernels, rope, batch, probe, room);
    kernels.embedding(a.x(), batch.flatIds(), weights.embedding());
    probe.see(-1, "embed", a.x());
    Runnable blocks =
        () -> {
          for (int layer = 0; layer < config.nLayers(); layer++) {
            TransformerBlock.forward(a, weights.blocks().get(layer), pass, layer);
          }
        };
    // A probe reads intermediate values, and experts change from pass to pass: no replay then.
    if (probe.equals(Probe.NONE) && !config.hasExperts()) {
      kernels.repeat(
          new SameCalls(this, tokens, batch.size(), hidden(pass.mask().visible()), batch.sight()),
          blocks);
    } else {
      blocks.run();
    }
    return logits(a.out(), rows, probe);
  }

  @Override
  public Tensor forward(TokenBatch batch, PartialPass partial, int[] rows) {
    tokens(batch, config, maxTokens);
    check.run();
    if (partial.ratio() < 1 && partial.cache().outputs() == null) {
      throw new IllegalArgumentException(
          "a ratio of %s needs a cache that keeps outputs".formatted(partial.ratio()));
    }
    CachedAttention cached = CachedAttention.of(batch, partial, kernels);
    int[] computed = cached.rows();
    Activations a = activations.rows(computed.length);
    Pass pass = Pass.partial(config, kernels, rope, batch, cached, room);
    int[] ids = new int[computed.length];
    Arrays.setAll(
        ids, i -> batch.ids()[computed[i] / batch.length()][computed[i] % batch.length()]);
    kernels.embedding(a.x(), ids, weights.embedding());
    for (int layer = 0; layer < config.nLayers(); layer++) {
      if (layer == 0 || partial.ratio() == 1) {
        TransformerBlock.forward(a, weights.blocks().get(layer), pass, layer);
      } else {
        AdaptiveUpdate.forward(a, weights.blocks().get(layer), pass, partial.ratio(), layer);
      }
    }
    return logits(a.out(), among(computed, rows), Probe.NONE);
  }

  /**
   * Logits from one pass that several generations share: each weight is read once for all.
   *
   * @param portions each of which {@link Portion#shares}, unless it is the only one
   * @return (rows of all portions, embedding_size), portion after portion; valid until the next
   *     call. They have the bits that each portion alone would get
   */
  public Tensor forward(List<Portion> portions) {
    if (portions.size() == 1) {
      return forward(portions.getFirst());
    }
    check.run();
    List<Pass.Share> shares = new ArrayList<>();
    IntArrayList ids = new IntArrayList();
    IntArrayList wanted = new IntArrayList();
    for (Portion portion : portions) {
      int first = ids.size();
      shares.add(share(portion, first, ids, wanted));
      if (ids.size() > maxTokens) {
        throw new IllegalArgumentException(
            "%d portions exceed the %d tokens that buffers were made for"
                .formatted(portions.size(), maxTokens));
      }
    }
    Activations a = activations.rows(ids.size());
    Pass pass = Pass.shared(shares);
    kernels.embedding(a.x(), ids.toIntArray(), weights.embedding());
    for (int layer = 0; layer < config.nLayers(); layer++) {
      TransformerBlock.forward(a, weights.blocks().get(layer), pass, layer);
    }
    return logits(a.out(), wanted.toIntArray(), Probe.NONE);
  }

  private Pass.Share share(Portion portion, int first, IntArrayList ids, IntArrayList wanted) {
    TokenBatch batch = portion.batch();
    tokens(batch, config, maxTokens);
    if (!portion.shares()) {
      throw new IllegalArgumentException("a cache that keeps outputs cannot share its pass");
    }
    int[] flat = batch.flatIds();
    Pass pass;
    int[] places = portion.rows();
    if (portion.partial().isEmpty()) {
      ids.addElements(first, flat);
      pass = Pass.of(config, kernels, rope, batch, Probe.NONE, room);
    } else {
      CachedAttention cached = CachedAttention.of(batch, portion.partial().get(), kernels);
      for (int row : cached.rows()) {
        ids.add(flat[row]);
      }
      places = among(cached.rows(), portion.rows());
      pass = Pass.partial(config, kernels, rope, batch, cached, room);
    }
    for (int place : places) {
      wanted.add(first + place);
    }
    return new Pass.Share(first, ids.size() - first, pass);
  }

  /** Where in {@code computed}, which ascends, each of {@code rows} stands. */
  private static int[] among(int[] computed, int[] rows) {
    int[] places = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      places[i] = Arrays.binarySearch(computed, rows[i]);
      if (places[i] < 0) {
        throw new IllegalArgumentException(
            "logits of row %d are asked for, which this pass does not compute".formatted(rows[i]));
      }
    }
    return places;
  }

  /** Passes for which the blocks' calls are the same. */
  private record SameCalls(
      MaskPredictor of, int tokens, int batch, BitSet hidden, Optional<Sight> sight) {}

  private static BitSet hidden(boolean[] visible) {
    BitSet hidden = new BitSet();
    for (int i = 0; visible != null && i < visible.length; i++) {
      hidden.set(i, !visible[i]);
    }
    return hidden;
  }

  /** B * T of a batch, which must fit the model and the buffers. */
  static int tokens(TokenBatch batch, LladaConfig config, int maxTokens) {
    int tokens = batch.size() * batch.length();
    if (batch.length() > config.maxSequenceLength()) {
      throw new IllegalArgumentException(
          "%d tokens are more than max_sequence_length, %d, of this model"
              .formatted(batch.length(), config.maxSequenceLength()));
    }
    if (tokens > maxTokens) {
      throw new IllegalArgumentException(
          "a batch of %d x %d tokens exceeds the %d that buffers were made for"
              .formatted(batch.size(), batch.length(), maxTokens));
    }
    return tokens;
  }

  /** Final norm and head, for the chosen rows of x only. */
  private Tensor logits(Tensor x, int[] rows, Probe probe) {
    Tensor chosen = head.rows(rows.length);
    Tensor normed = headNormed.rows(rows.length);
    kernels.embedding(chosen, rows, x);
    if (logits.dim(0) < rows.length) {
      logitsArena.close(); // the last pass's answer, which ends with this one
      logitsArena = Arena.ofShared();
      logits = Tensor.allocate(logitsArena, DType.F32, 0, config.embeddingSize());
      logits = Tensor.allocate(logitsArena, DType.F32, rows.length, config.embeddingSize());
    }
    Tensor out = logits.rows(rows.length);
    kernels.rmsNorm(normed, chosen, weights.finalNorm(), (float) config.rmsNormEps());
    probe.see(-1, "final_norm", normed);
    kernels.matmul(out, normed, weights.head());
    probe.see(-1, "logits", out);
    return out;
  }

  @Override
  public void close() {
    NativeMemory.free(arena);
    NativeMemory.free(logitsArena);
  }
}
