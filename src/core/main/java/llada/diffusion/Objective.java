package llada.diffusion;

import java.util.Locale;

/** What the network is trained to do, on the same backbone; all but the first for comparison. */
public enum Objective {
  /**
   * LLaDA eq. 3: a share t ~ U(0, 1) is masked, each term weighs 1 / p_mask. A likelihood bound.
   */
  LLADA,
  /**
   * As BERT: always 15 % are masked, unweighted. No bound: it has never seen a text almost blank.
   */
  BERT15,
  /** As MaskGIT: t ~ U(0, 1) without the weight 1 / p_mask. Generates, but is no bound either. */
  MASKGIT,
  /** Autoregressive: nothing is masked, attention is causal, each position predicts the next. */
  AR;

  /** The share that BERT masks. */
  static final float BERT_SHARE = 0.15f;

  /** The name on the command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
