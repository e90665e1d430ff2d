package llada.kernel.scalar;

import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import llada.tensor.Tensor;

/**
 * Scaled dot-product attention. Every token of LLaDA sees every token, which is what lets it fill
 * in any order; in other models a query sees the keys up to the end of its block, or up to itself
 * (see {@link AttentionMask}). With fewer key-value heads than query heads, neighbouring query
 * heads share one (grouped-query attention; one key-value head for all is multi-query attention).
 */
public final class Attention {
  private static final ValueLayout.OfInt BITS =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int EXPONENT = 0x7f800000;
  private static final int LOWEST_EXPONENT = 0x00800000;

  private Attention() {}

  /**
   * For each sequence b, head h and query t, with g = h / (H / kvHeads):
   *
   * <pre>
   *   p[s]   = softmax over the s that t sees of (q[b, t, h] . k[b, s, g]) / sqrt(D) + bias[t, s]
   *   out[b, t, h] = sum_s p[s] * v[b, s, g]
   * </pre>
   *
   * A query that sees no key gives zeros.
   *
   * @param out (B * Tq, H * D), overwritten
   * @param q (B * Tq, H * D)
   * @param k (B * Tk, kvHeads * D)
   * @param v (B * Tk, kvHeads * D)
   * @param mask which keys a query sees, and what is added to the scores
   */
  public static void forward(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionShape shape, AttentionMask mask) {
    check(out, q, k, v, shape, mask);
    int heads = shape.heads();
    int kvHeads = shape.kvHeads();
    int queries = q.dim(0) / shape.batch();
    int keys = k.dim(0) / shape.batch();
    int d = q.dim(1) / heads;
    float[] p = new float[keys];
    int[][] visibleKeys = visibleKeys(mask.visible(), shape.batch(), keys);
    for (int b = 0; b < shape.batch(); b++) {
      for (int h = 0; h < heads; h++) {
        int group = h / (heads / kvHeads);
        for (int t = 0; t < queries; t++) {
          long query = ((long) b * queries + t) * heads * d + (long) h * d;
          int reach = mask.reach(b * queries + t, keys);
          probabilities(p, b * queries + t, q, query, k, mask, b * keys, kvHeads, group, d);
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
   * @param dq (B * Tq, H * D), overwritten
   * @param dk (B * Tk, kvHeads * D), overwritten
   * @param dv (B * Tk, kvHeads * D), overwritten
   * @param dOut (B * Tq, H * D)
   * @param q (B * Tq, H * D), and all others as they went into {@link #forward}
   * @throws IllegalArgumentException if the mask adds to scores: nothing is trained so
   */
  public static void backward(
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Tensor dOut,
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionShape shape,
      AttentionMask mask) {
    checkBackward(dq, dk, dv, dOut, q, k, v, shape, mask);
    int heads = shape.heads();
    int kvHeads = shape.kvHeads();
    int queries = q.dim(0) / shape.batch();
    int keys = k.dim(0) / shape.batch();
    int d = q.dim(1) / heads;
    float scale = (float) (1 / Math.sqrt(d));
    float[] p = new float[keys];
    float[] dp = new float[keys];
    dq.data().fill((byte) 0);
    dk.data().fill((byte) 0);
    dv.data().fill((byte) 0);
    for (int b = 0; b < shape.batch(); b++) {
      for (int h = 0; h < heads; h++) {
        int group = h / (heads / kvHeads);
        for (int t = 0; t < queries; t++) {
          long query = ((long) b * queries + t) * heads * d + (long) h * d;
          int reach = mask.reach(b * queries + t, keys);
          probabilities(p, b * queries + t, q, query, k, mask, b * keys, kvHeads, group, d);
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
   * @param row the query's, of the B * Tq
   * @param query index of the query's first element in {@code q}
   * @param firstKey row of the sequence's first key in {@code k}
   * @param group the key-value head
   */
  public static void probabilities(
      float[] p,
      int row,
      Tensor q,
      long query,
      Tensor k,
      AttentionMask mask,
      int firstKey,
      int kvHeads,
      int group,
      int d) {
    float scale = (float) (1 / Math.sqrt(d));
    float max = Float.NEGATIVE_INFINITY;
    int reach = mask.reach(row, p.length);
    for (int s = 0; s < p.length; s++) {
      if (s >= reach || mask.visible() != null && !mask.visible()[firstKey + s]) {
        p[s] = Float.NEGATIVE_INFINITY;
        continue;
      }
      long key = ((long) firstKey + s) * kvHeads * d + (long) group * d;
      float dot = 0;
      for (int i = 0; i < d; i++) {
        dot += q.get(query + i) * k.get(key + i);
      }
      p[s] = dot * scale + mask.bias(row, s);
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

  /**
   * Whether all values are finite that stand between the reaches of queries that are computed
   * together: only then does a weight of 0 hide them.
   *
   * @param v (B * Tk, kvHeads * D)
   * @param first element of the sequence's first value of a head
   * @param visibleKeys of the sequence, ascending
   * @param within see {@link AttentionMask#within}; null when all queries see the same
   * @param from the first of the queries, of B * Tq
   * @param to behind the last
   */
  public static boolean finiteBetween(
      Tensor v, long first, int d, int[] visibleKeys, int[] within, int from, int to) {
    int least = visibleKeys.length;
    int most = 0;
    for (int row = from; within != null && row < to; row++) {
      least = Math.min(least, within[row]);
      most = Math.max(most, within[row]);
    }
    int bits = 0; // the sign shows an exponent of ones
    for (int s = least; s < most; s++) {
      long value = (first + (long) visibleKeys[s] * v.dim(1)) * Float.BYTES;
      for (int i = 0; i < d; i++) {
        bits |= (v.data().get(BITS, value + (long) i * Float.BYTES) & EXPONENT) + LOWEST_EXPONENT;
      }
    }
    return bits >= 0;
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
      AttentionShape shape,
      AttentionMask mask) {
    check(dOut, q, k, v, shape, mask);
    check(dOut, dq, dk, dv, shape, mask);
    Require.matrix("attention backward", "dk", dk, k.shape().dim(0), k.shape().dim(1));
    if (mask.added()) {
      throw new IllegalArgumentException(
          "attention backward: a mask that is added to the scores has no gradient here; train with one that hides");
    }
  }

  /**
   * The shapes agree, heads divide the channels, kvHeads divide the heads, and the mask is of so
   * many queries and keys.
   */
  public static void check(
      Tensor out, Tensor q, Tensor k, Tensor v, AttentionShape shape, AttentionMask mask) {
    int batch = shape.batch();
    int heads = shape.heads();
    int kvHeads = shape.kvHeads();
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
    mask.check(q.shape().dim(0), k.shape().dim(0), batch);
  }
}
