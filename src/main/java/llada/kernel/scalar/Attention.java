package llada.kernel.scalar;

import llada.tensor.Tensor;

/**
 * Scaled dot-product attention without a causal mask: every token sees every token, which is what
 * lets LLaDA fill in any order. Keys may be hidden by a padding mask. With fewer key-value heads
 * than query heads, neighbouring query heads share one (grouped-query attention; one key-value head
 * for all is multi-query attention).
 */
public final class Attention {
  private Attention() {}

  /**
   * For each sequence b, head h and query t, with D = C / heads and g = h / (heads / kvHeads):
   *
   * <pre>
   *   p[s]   = softmax over visible s of (q[b, t, h] . k[b, s, g]) / sqrt(D)
   *   out[b, t, h] = sum_s p[s] * v[b, s, g]
   * </pre>
   *
   * A sequence whose keys are all hidden gives zeros.
   *
   * @param out (B * Tq, heads * D), overwritten
   * @param q (B * Tq, heads * D)
   * @param k (B * Tk, kvHeads * D)
   * @param v (B * Tk, kvHeads * D)
   * @param visible (B * Tk) which keys take part; null when all do
   * @param batch B
   */
  public static void forward(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      boolean[] visible,
      int batch,
      int heads,
      int kvHeads) {
    check(out, q, k, v, visible, batch, heads, kvHeads);
    int queries = q.dim(0) / batch;
    int keys = k.dim(0) / batch;
    int d = q.dim(1) / heads;
    float[] p = new float[keys];
    for (int b = 0; b < batch; b++) {
      for (int h = 0; h < heads; h++) {
        int group = h / (heads / kvHeads);
        for (int t = 0; t < queries; t++) {
          long query = ((long) b * queries + t) * heads * d + (long) h * d;
          probabilities(p, q, query, k, visible, b * keys, kvHeads, group, d);
          for (int i = 0; i < d; i++) {
            float sum = 0;
            for (int s = 0; s < keys; s++) {
              sum += p[s] * v.get(((long) b * keys + s) * kvHeads * d + (long) group * d + i);
            }
            out.set(query + i, sum);
          }
        }
      }
    }
  }

  /**
   * Softmax of one query over the keys of its sequence.
   *
   * @param p (Tk), overwritten; hidden keys get 0
   * @param query index of the query's first element in {@code q}
   * @param firstKey row of the sequence's first key in {@code k}
   * @param group the key-value head
   */
  public static void probabilities(
      float[] p,
      Tensor q,
      long query,
      Tensor k,
      boolean[] visible,
      int firstKey,
      int kvHeads,
      int group,
      int d) {
    float scale = (float) (1 / Math.sqrt(d));
    float max = Float.NEGATIVE_INFINITY;
    for (int s = 0; s < p.length; s++) {
      if (visible != null && !visible[firstKey + s]) {
        p[s] = Float.NEGATIVE_INFINITY;
        continue;
      }
      long key = ((long) firstKey + s) * kvHeads * d + (long) group * d;
      float dot = 0;
      for (int i = 0; i < d; i++) {
        dot += q.get(query + i) * k.get(key + i);
      }
      p[s] = dot * scale;
      max = Math.max(max, p[s]);
    }
    if (max == Float.NEGATIVE_INFINITY) {
      java.util.Arrays.fill(p, 0);
      return;
    }
    float sum = 0;
    for (int s = 0; s < p.length; s++) {
      p[s] = (float) Math.exp(p[s] - max);
      sum += p[s];
    }
    for (int s = 0; s < p.length; s++) {
      p[s] /= sum;
    }
  }

  /** The shapes agree, heads divide the channels, and kvHeads divide the heads. */
  public static void check(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      boolean[] visible,
      int batch,
      int heads,
      int kvHeads) {
    Require.rank2("attention", "q", q);
    Require.rank2("attention", "k", k);
    long channels = q.shape().dim(1);
    if (batch < 1 || heads < 1 || kvHeads < 1 || channels % heads != 0 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "attention: %d channels, %d heads, %d key-value heads, batch %d: heads must divide the channels and key-value heads the heads"
              .formatted(channels, heads, kvHeads, batch));
    }
    if (q.shape().dim(0) % batch != 0 || k.shape().dim(0) % batch != 0) {
      throw new IllegalArgumentException(
          "attention: q is %s and k is %s, which are no %d sequences of equal length"
              .formatted(q.shape(), k.shape(), batch));
    }
    long kvChannels = channels / heads * kvHeads;
    Require.matrix("attention", "q", q, q.shape().dim(0), channels);
    Require.matrix("attention", "out", out, q.shape().dim(0), channels);
    Require.matrix("attention", "k", k, k.shape().dim(0), kvChannels);
    Require.matrix("attention", "v", v, k.shape().dim(0), kvChannels);
    if (visible != null && visible.length != k.shape().dim(0)) {
      throw new IllegalArgumentException(
          "attention: the padding mask has %d entries for %d keys"
              .formatted(visible.length, k.shape().dim(0)));
    }
  }
}
