package llada.kernel.scalar;

import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import llada.tensor.Tensor;

/**
 * Scaled dot-product attention. Every token sees every token, which is what lets LLaDA fill in any
 * order; only the autoregressive model that it is compared with is causal. Keys may be hidden by a
 * padding mask. With fewer key-value heads than query heads, neighbouring query heads share one
 * (grouped-query attention; one key-value head for all is multi-query attention).
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
   * A query that sees no key gives zeros.
   *
   * @param out (B * Tq, heads * D), overwritten
   * @param q (B * Tq, heads * D)
   * @param k (B * Tk, kvHeads * D)
   * @param v (B * Tk, kvHeads * D)
   * @param visible (B * Tk) which keys take part; null when all do
   * @param batch B
   * @param causal whether query t sees keys 0 to t only; asks for Tq = Tk
   */
  public static void forward(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      boolean[] visible,
      int batch,
      int heads,
      int kvHeads,
      boolean causal) {
    check(out, q, k, v, visible, batch, heads, kvHeads, causal);
    int queries = q.dim(0) / batch;
    int keys = k.dim(0) / batch;
    int d = q.dim(1) / heads;
    float[] p = new float[keys];
    int[][] visibleKeys = visibleKeys(visible, batch, keys);
    for (int b = 0; b < batch; b++) {
      for (int h = 0; h < heads; h++) {
        int group = h / (heads / kvHeads);
        for (int t = 0; t < queries; t++) {
          long query = ((long) b * queries + t) * heads * d + (long) h * d;
          int reach = causal ? t + 1 : keys;
          probabilities(p, reach, q, query, k, visible, b * keys, kvHeads, group, d);
          for (int i = 0; i < d; i++) {
            float sum = 0;
            for (int s : visibleKeys[b]) {
              if (s < reach) {
                sum += p[s] * v.get(((long) b * keys + s) * kvHeads * d + (long) group * d + i);
              }
            }
            out.set(query + i, sum);
          }
        }
      }
    }
  }

  /**
   * With p as in {@link #forward}, which is computed again and not kept:
   *
   * <pre>
   *   dp[s] = dOut[b, t, h] . v[b, s, g]
   *   ds[s] = p[s] * (dp[s] - sum_u p[u] * dp[u]) / sqrt(D)
   *   dq[b, t, h]  = sum_s ds[s] * k[b, s, g]
   *   dk[b, s, g] += ds[s] * q[b, t, h]        summed over all t and the heads h of group g
   *   dv[b, s, g] += p[s] * dOut[b, t, h]
   * </pre>
   *
   * @param dq (B * Tq, heads * D), overwritten
   * @param dk (B * Tk, kvHeads * D), overwritten
   * @param dv (B * Tk, kvHeads * D), overwritten
   * @param dOut (B * Tq, heads * D)
   * @param q (B * Tq, heads * D), and all others as they went into {@link #forward}
   */
  public static void backward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      boolean[] visible,
      int batch,
      int heads,
      int kvHeads,
      boolean causal) {
    checkBackward(dq, dk, dv, dOut, q, k, v, visible, batch, heads, kvHeads, causal);
    int queries = q.dim(0) / batch;
    int keys = k.dim(0) / batch;
    int d = q.dim(1) / heads;
    float scale = (float) (1 / Math.sqrt(d));
    float[] p = new float[keys];
    float[] dp = new float[keys];
    dq.data().fill((byte) 0);
    dk.data().fill((byte) 0);
    dv.data().fill((byte) 0);
    for (int b = 0; b < batch; b++) {
      for (int h = 0; h < heads; h++) {
        int group = h / (heads / kvHeads);
        for (int t = 0; t < queries; t++) {
          long query = ((long) b * queries + t) * heads * d + (long) h * d;
          int reach = causal ? t + 1 : keys;
          probabilities(p, reach, q, query, k, visible, b * keys, kvHeads, group, d);
          float mean = 0;
          for (int s = 0; s < reach; s++) {
            long key = ((long) b * keys + s) * kvHeads * d + (long) group * d;
            dp[s] = 0;
            for (int i = 0; i < d; i++) {
              dp[s] += dOut.get(query + i) * v.get(key + i);
            }
            mean += p[s] * dp[s];
          }
          for (int s = 0; s < reach; s++) {
            long key = ((long) b * keys + s) * kvHeads * d + (long) group * d;
            float ds = p[s] * (dp[s] - mean) * scale;
            for (int i = 0; i < d; i++) {
              dq.set(query + i, dq.get(query + i) + ds * k.get(key + i));
              dk.set(key + i, dk.get(key + i) + ds * q.get(query + i));
              dv.set(key + i, dv.get(key + i) + p[s] * dOut.get(query + i));
            }
          }
        }
      }
    }
  }

  /**
   * Softmax of one query over the keys of its sequence.
   *
   * @param p (Tk), overwritten; keys that the query does not see get 0
   * @param reach how many keys, from the first, the query may see
   * @param query index of the query's first element in {@code q}
   * @param firstKey row of the sequence's first key in {@code k}
   * @param group the key-value head
   */
  public static void probabilities(
      float[] p,
      int reach,
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
      if (s >= reach || visible != null && !visible[firstKey + s]) {
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
      Arrays.fill(p, 0);
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

  /** (B, n) which keys of each sequence are visible, ascending. */
  public static int[][] visibleKeys(boolean[] visible, int batch, int keys) {
    int[][] all = new int[batch][];
    for (int b = 0; b < batch; b++) {
      int first = b * keys;
      IntPredicate seen = s -> visible == null || visible[first + s];
      all[b] = IntStream.range(0, keys).filter(seen).toArray();
    }
    return all;
  }

  /** As {@link #check}, and each gradient has the shape of what it is the gradient of. */
  public static void checkBackward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      boolean[] visible,
      int batch,
      int heads,
      int kvHeads,
      boolean causal) {
    check(dOut, q, k, v, visible, batch, heads, kvHeads, causal);
    check(dOut, dq, dk, dv, visible, batch, heads, kvHeads, causal);
    Require.matrix("attention backward", "dk", dk, k.shape().dim(0), k.shape().dim(1));
  }

  /**
   * The shapes agree, heads divide the channels, kvHeads divide the heads, and a causal query has
   * its key.
   */
  public static void check(
      Tensor out,
      Tensor q,
      Tensor k,
      Tensor v,
      boolean[] visible,
      int batch,
      int heads,
      int kvHeads,
      boolean causal) {
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
    if (causal && q.shape().dim(0) != k.shape().dim(0)) {
      throw new IllegalArgumentException(
          "attention: q is %s and k is %s: when causal, they must have as many rows"
              .formatted(q.shape(), k.shape()));
    }
    if (visible != null && visible.length != k.shape().dim(0)) {
      throw new IllegalArgumentException(
          "attention: the padding mask has %d entries for %d keys"
              .formatted(visible.length, k.shape().dim(0)));
    }
  }
}
