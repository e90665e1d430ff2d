package llada.diffusion;

/**
 * What makes a proposed token worth keeping: the positions with the highest score are revealed, all
 * others are masked again.
 */
public enum Remasking {
  /** Probability of the proposed token, without noise: the paper's low-confidence remasking. */
  LOW_CONFIDENCE,
  /** A uniform random number: the reverse process as eq. (5) of the MDLM line has it. */
  RANDOM,
  /** Negative entropy of the distribution, in nats. */
  ENTROPY,
  /** Probability of the best token less that of the second best. */
  MARGIN
}
