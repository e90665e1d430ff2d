package llada.model;

import java.lang.foreign.Arena;
import java.util.Arrays;
import llada.kernel.Kernels;
import llada.tensor.DType;
import llada.tensor.NativeMemory;
import llada.tensor.Tensor;

/**
 * Keys and values of every position in every layer, and for dLLM-Cache also what attention and
 * feed-forward gave them.
 *
 * <p>In an autoregressive model such a cache is exact, and with blocks that see nothing behind them
 * too, for what is before never changes. Where every token sees every other, an entry grows stale
 * with each token that is revealed elsewhere: the policies of {@code llada.diffusion.cache} differ
 * in when they compute it anew.
 *
 * <p>A position takes 2 L Ckv numbers: with LLaDA-8B in bfloat16 512 KiB.
 */
public final class ActivationCache implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final LladaConfig config;
  private final DType dtype;
  private final int tokens;
  private final Tensor[] keys; // (tokens, Ckv) of each layer
  private final Tensor[] values;
  private final Tensor wideKeys; // (tokens, Ckv) of the layer at hand in float32
  private final Tensor wideValues;
  private final Outputs outputs; // null where only keys and values are kept

  /**
   * What dLLM-Cache keeps beside keys and values, in float32.
   *
   * @param attention (tokens, C) of each layer, what attention added to the stream
   * @param feedForward (tokens, C) of each layer, likewise
   * @param selected buffers for the positions that a layer computes
   * @param gathered (tokens, C) normed positions that are computed
   */
  record Outputs(Tensor[] attention, Tensor[] feedForward, Activations selected, Tensor gathered) {}

  /**
   * An empty cache.
   *
   * @param dtype F32, BF16 or Q8_0; fresh keys and values are read before they are rounded
   * @param tokens the largest B * T
   * @param keepsOutputs whether {@link PartialPass#ratio} may be below 1
   * @throws IllegalArgumentException if keys of this model cannot be stored in that type
   */
  public ActivationCache(LladaConfig config, DType dtype, int tokens, boolean keepsOutputs) {
    check(config, dtype);
    this.config = config;
    this.dtype = dtype;
    this.tokens = tokens;
    this.keys = allocate(config, dtype, config.kvChannels());
    this.values = allocate(config, dtype, config.kvChannels());
    boolean wide = dtype != DType.F32;
    this.wideKeys = wide ? Tensor.allocate(arena, DType.F32, tokens, config.kvChannels()) : null;
    this.wideValues = wide ? Tensor.allocate(arena, DType.F32, tokens, config.kvChannels()) : null;
    this.outputs =
        keepsOutputs
            ? new Outputs(
                allocate(config, DType.F32, config.dModel()),
                allocate(config, DType.F32, config.dModel()),
                Activations.inPlace(config, tokens, arena),
                Activations.channels(config, tokens, arena))
            : null;
  }

  private Tensor[] allocate(LladaConfig config, DType type, int channels) {
    Tensor[] layers = new Tensor[config.nLayers()];
    for (int layer = 0; layer < layers.length; layer++) {
      layers[layer] = Tensor.allocate(arena, type, tokens, channels);
    }
    return layers;
  }

  private static void check(LladaConfig config, DType dtype) {
    if (dtype != DType.F32 && dtype != DType.BF16 && dtype != DType.Q8_0) {
      throw new IllegalArgumentException(
          "a cache of type %s; it can be F32, BF16 or Q8_0".formatted(dtype));
    }
    if (config.kvChannels() % dtype.blockLength() != 0) {
      throw new IllegalArgumentException(
          "a cache of type %s needs a multiple of %d key channels, and this model has %d; use bf16"
              .formatted(dtype, dtype.blockLength(), config.kvChannels()));
    }
  }

  /** Bytes of the keys and values of one position over all layers. */
  public static long bytesPerToken(LladaConfig config, DType dtype) {
    return 2L * config.nLayers() * dtype.bytes(config.kvChannels());
  }

  /** Bytes that the keys and values of all positions take. */
  public long bytes() {
    return tokens * bytesPerToken(config, dtype);
  }

  /** The largest B * T. */
  public int tokens() {
    return tokens;
  }

  /** What is kept beside keys and values, or null. */
  Outputs outputs() {
    return outputs;
  }

  /** Rounded keys into their places. */
  void storeKeys(int layer, int[] rows, Tensor k, Kernels kernels) {
    kernels.storeCacheRows(keys[layer], rows, k);
  }

  /** Rounded values likewise. */
  void storeValues(int layer, int[] rows, Tensor v, Kernels kernels) {
    kernels.storeCacheRows(values[layer], rows, v);
  }

  /**
   * Keys of all positions in float32; valid until the next layer's are asked for.
   *
   * @param count B * T
   * @param rows fresh ones, which are read as they were before rounding
   * @param k (rows, Ckv)
   */
  Tensor keys(int layer, int count, int[] rows, Tensor k, Kernels kernels) {
    return widened(keys[layer], wideKeys, count, rows, k, kernels);
  }

  /** Values likewise. */
  Tensor values(int layer, int count, int[] rows, Tensor v, Kernels kernels) {
    return widened(values[layer], wideValues, count, rows, v, kernels);
  }

  /**
   * Takes over the first entries of another cache of the same kind.
   *
   * @param count how many
   */
  public void copy(ActivationCache other, int count, Kernels kernels) {
    int[] rows = new int[count];
    Arrays.setAll(rows, i -> i);
    int[] none = {};
    for (int layer = 0; count > 0 && layer < keys.length; layer++) {
      Tensor empty = keys[layer].rows(0);
      storeKeys(layer, rows, other.keys(layer, count, none, empty, kernels), kernels);
      storeValues(layer, rows, other.values(layer, count, none, empty, kernels), kernels);
    }
  }

  /** Values as they are stored, in float32, to compare others with. */
  Tensor storedValues(int layer, int count, Kernels kernels) {
    if (dtype == DType.F32) {
      return values[layer].rows(count);
    }
    kernels.loadCacheRows(wideValues.rows(count), values[layer].rows(count));
    return wideValues.rows(count);
  }

  private Tensor widened(
      Tensor stored, Tensor wide, int count, int[] rows, Tensor fresh, Kernels kernels) {
    if (dtype == DType.F32) {
      return stored.rows(count);
    }
    kernels.loadCacheRows(wide.rows(count), stored.rows(count));
    kernels.storeCacheRows(wide, rows, fresh);
    return wide.rows(count);
  }

  @Override
  public void close() {
    NativeMemory.free(arena);
  }
}
