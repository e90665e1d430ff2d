package llada.model;

import java.lang.foreign.Arena;
import llada.kernel.Kernels;
import llada.tensor.DType;
import llada.tensor.Tensor;

/** What a cache holds, for tests outside this package. */
public final class CacheReader {
  private CacheReader() {}

  /** (count, Ckv) keys of a layer in float32, valid until the next call. */
  public static Tensor keys(ActivationCache cache, int layer, int count, Kernels kernels) {
    Tensor nothing = Tensor.allocate(Arena.ofAuto(), DType.F32, 0, 1);
    return cache.keys(layer, count, new int[0], nothing, kernels);
  }

  /** (count, Ckv) values likewise. */
  public static Tensor values(ActivationCache cache, int layer, int count, Kernels kernels) {
    return cache.storedValues(layer, count, kernels);
  }
}
