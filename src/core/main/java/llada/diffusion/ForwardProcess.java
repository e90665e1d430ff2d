package llada.diffusion;

import it.unimi.dsi.fastutil.doubles.DoubleArrayList;
import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.SplittableRandom;
import llada.model.TokenBatch;

/**
 * The forward process of LLaDA (sec. 2.1 and 2.2 of the paper, forward_process() of its
 * guidelines): from x0 to xt by masking each token for itself.
 *
 * <pre>
 *   t ~ U(0, 1) for each sequence
 *   p_mask = (1 - eps) t + eps
 *   xt[i] = MASK with probability p_mask, else x0[i]
 *   pre-training loss = sum over masked i of CE_i / p_mask / (B T)
 *   fine-tuning loss  = sum over masked i of the answers of CE_i / p_mask / answer_length / B
 * </pre>
 *
 * In fine-tuning only the answer is masked, and the EOS that fill the batch up belong to it: so the
 * model learns when to stop.
 *
 * @param objective what is trained
 * @param eps least probability of masking
 * @param stratified whether the t of a batch are spread evenly: t_b = (b + u) / B for one u, in
 *     random order. Each t is uniform as before, their mean varies less
 * @param maskId the token M
 */
public record ForwardProcess(Objective objective, double eps, boolean stratified, int maskId) {
  /** The published eps. */
  public static final double EPS = 1e-3;

  /**
   * Checks eps.
   *
   * @throws SettingException if it is no probability
   */
  public ForwardProcess {
    SettingException.require(
        eps >= 0 && eps < 1, "eps", " is %s; it must be at least 0 and below 1", eps);
  }

  /** LLaDA's own process with the published eps. */
  public static ForwardProcess llada(int maskId) {
    return new ForwardProcess(Objective.LLADA, EPS, false, maskId);
  }

  /**
   * Masks a batch.
   *
   * @param x0 (B, T)
   * @param promptLengths (B) tokens that are never masked, or null in pre-training
   * @param random gives t and the choice of tokens
   */
  public NoisyBatch noise(int[][] x0, int[] promptLengths, SplittableRandom random) {
    float[] t = times(x0.length, random);
    float[][] u = new float[x0.length][x0[0].length];
    for (float[] row : u) {
      for (int i = 0; i < row.length; i++) {
        row[i] = uniform(random);
      }
    }
    return noise(x0, promptLengths, t, u);
  }

  private float[] times(int batch, SplittableRandom random) {
    float[] t = new float[batch];
    float shift = uniform(random);
    for (int b = 0; b < batch; b++) {
      t[b] = stratified ? Math.min((b + shift) / batch, Math.nextDown(1f)) : uniform(random);
    }
    if (stratified) { // neighbours in the data set should not always get neighbouring t
      for (int b = batch - 1; b > 0; b--) {
        int other = random.nextInt(b + 1);
        float swap = t[b];
        t[b] = t[other];
        t[other] = swap;
      }
    }
    return t;
  }

  /** From 0 to 1, 1 excluded, with the 24 bits of a float32, as torch.rand. */
  private static float uniform(SplittableRandom random) {
    return (random.nextLong() >>> 40) * 0x1p-24f;
  }

  /**
   * Masks a batch with these random numbers; p_mask in float32, as published.
   *
   * @param x0 (B, T)
   * @param promptLengths (B) or null
   * @param t (B) from 0 to 1
   * @param u (B, T) from 0 to 1; a token is masked where u is below p_mask
   * @throws IllegalArgumentException if a prompt leaves no answer
   */
  public NoisyBatch noise(int[][] x0, int[] promptLengths, float[] t, float[][] u) {
    int batch = x0.length;
    int length = x0[0].length;
    int[][] xt = new int[batch][];
    float[] pMask = new float[batch];
    IntArrayList rows = new IntArrayList();
    IntArrayList targets = new IntArrayList();
    DoubleArrayList weights = new DoubleArrayList();
    for (int b = 0; b < batch; b++) {
      int prompt = promptLengths == null ? 0 : promptLengths[b];
      if (prompt < 0 || prompt >= length) {
        throw new IllegalArgumentException(
            "sequence %d: a prompt of %d tokens leaves no answer among %d"
                .formatted(b, prompt, length));
      }
      xt[b] = x0[b].clone();
      pMask[b] = pMask(t[b]);
      if (objective == Objective.AR) {
        int from = Math.max(1, prompt);
        for (int i = from; i < length; i++) {
          rows.add(b * length + i - 1);
          targets.add(x0[b][i]);
          weights.add(1.0 / ((double) (length - from) * batch));
        }
        continue;
      }
      double share = objective == Objective.LLADA ? pMask[b] : 1;
      for (int i = prompt; i < length; i++) {
        if (u[b][i] < pMask[b]) {
          xt[b][i] = maskId;
          rows.add(b * length + i);
          targets.add(x0[b][i]);
          weights.add(1 / (share * (length - prompt) * batch));
        }
      }
    }
    return new NoisyBatch(
        TokenBatch.of(xt),
        rows.toIntArray(),
        targets.toIntArray(),
        weights.toDoubleArray(),
        pMask,
        objective == Objective.AR);
  }

  private float pMask(float t) {
    return switch (objective) {
      case LLADA, MASKGIT -> (float) (1 - eps) * t + (float) eps;
      case BERT15 -> Objective.BERT_SHARE;
      case AR -> 0;
    };
  }
}
