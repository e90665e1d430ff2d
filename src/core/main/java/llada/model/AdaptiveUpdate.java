package llada.model;

import it.unimi.dsi.fastutil.ints.IntArrays;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import llada.kernel.Kernels;
import llada.tensor.Tensor;

/**
 * A block under dLLM-Cache's adaptive partial update (Liu et al. 2025, arXiv 2506.06295, sec. 3.3).
 * Values are cheap and tell which tokens changed, so they are computed for all positions of the
 * pass; only the share {@code ratio} with the lowest similarity to their cached values goes through
 * attention and feed-forward, the others take what the block gave them before:
 *
 * <pre>
 *   v      = v_proj(rms_norm(x))                       all positions of the pass
 *   S      = the ratio * n with the lowest cos(v, cached v); rounded down, at least 1
 *   q, k   = rope(q_proj, k_proj of rms_norm(x[S]))    into the cached keys; values are all replaced
 *   A[S]   = attn_out(attention(q, cached k, cached v))
 *   mid    = x + A
 *   F[S]   = ff_out(silu(ff_proj(h)) * up_proj(h))     h = rms_norm(mid[S])
 *   out    = mid + F
 * </pre>
 */
final class AdaptiveUpdate {
  private AdaptiveUpdate() {}

  static void forward(Activations a, BlockWeights w, Pass pass, double ratio, int layer) {
    Kernels kernels = pass.kernels();
    CachedAttention attention = pass.cached();
    ActivationCache cache = attention.cache();
    ActivationCache.Outputs outputs = cache.outputs();
    int[] rows = attention.rows();
    int count = pass.batch() * attention.length();

    kernels.rmsNorm(a.normed(), a.x(), w.attnNorm(), pass.eps());
    SelfAttention.values(a.v(), a.normed(), w, pass);
    double[] similarity = similarity(a.v(), cache.storedValues(layer, count, kernels), rows);
    int[][] chosen = leastSimilar(similarity, attention.computed(), ratio);
    int[] selected = Arrays.stream(chosen).flatMapToInt(Arrays::stream).toArray();
    int[] selectedRows = Arrays.stream(selected).map(i -> rows[i]).toArray();
    int[] positions = Arrays.stream(selected).map(i -> pass.positions()[i]).toArray();
    Activations s = outputs.selected().rows(selected.length);
    Tensor normed = outputs.gathered().rows(selected.length);

    gather(normed, a.normed(), selected);
    SelfAttention.queriesAndKeys(s.q(), s.k(), normed, positions, w, pass);
    cache.storeKeys(layer, selectedRows, s.k(), kernels);
    cache.storeValues(layer, rows, a.v(), kernels);
    attention.attend(
        s.context(),
        s.q(),
        cache.keys(layer, count, selectedRows, s.k(), kernels),
        cache.values(layer, count, rows, a.v(), kernels),
        chosen,
        pass.shape(),
        pass.mask().queries(selected));
    SelfAttention.output(s.delta(), s.context(), w, pass);
    kernels.storeCacheRows(outputs.attention()[layer], selectedRows, s.delta());
    gather(a.delta(), outputs.attention()[layer], rows);
    kernels.residual(a.mid(), a.x(), a.delta());

    gather(s.mid(), a.mid(), selected);
    FeedForward.forward(s, w, pass, layer); // leaves what it added in s.delta()
    kernels.storeCacheRows(outputs.feedForward()[layer], selectedRows, s.delta());
    gather(a.delta(), outputs.feedForward()[layer], rows);
    kernels.residual(a.out(), a.mid(), a.delta());
  }

  /** out[i] = x[rows[i]]. */
  static void gather(Tensor out, Tensor x, int[] rows) {
    long bytes = x.shape().dim(1) * Float.BYTES;
    for (int i = 0; i < rows.length; i++) {
      MemorySegment.copy(x.data(), rows[i] * bytes, out.data(), i * bytes, bytes);
    }
  }

  /** cos(v[i], cached[rows[i]]); 1 where both are zero. */
  static double[] similarity(Tensor v, Tensor cached, int[] rows) {
    int channels = v.dim(1);
    double[] similarity = new double[rows.length];
    for (int i = 0; i < rows.length; i++) {
      float dot = 0;
      float fresh = 0;
      float old = 0;
      for (int c = 0; c < channels; c++) {
        float x = v.get((long) i * channels + c);
        float y = cached.get((long) rows[i] * channels + c);
        dot += x * y;
        fresh += x * x;
        old += y * y;
      }
      double norms = Math.sqrt((double) fresh * old);
      similarity[i] = norms == 0 ? (fresh == old ? 1 : 0) : dot / norms;
    }
    return similarity;
  }

  /**
   * The {@code ratio} of each sequence with the lowest similarity, ties to the left.
   *
   * @param similarity (n), sequence after sequence
   * @param computed (B, m) positions by sequence
   * @return (B, k) indices into {@code similarity}, ascending
   */
  static int[][] leastSimilar(double[] similarity, int[][] computed, double ratio) {
    int[][] chosen = new int[computed.length][];
    int first = 0;
    for (int b = 0; b < computed.length; b++) {
      int[] order = new int[computed[b].length];
      for (int i = 0; i < order.length; i++) {
        order[i] = first + i;
      }
      IntArrays.mergeSort(order, (i, j) -> Double.compare(similarity[i], similarity[j]));
      chosen[b] = Arrays.copyOf(order, Math.max(1, (int) (ratio * order.length)));
      Arrays.sort(chosen[b]);
      first += order.length;
    }
    return chosen;
  }
}
