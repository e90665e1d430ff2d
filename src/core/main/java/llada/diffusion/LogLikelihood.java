package llada.diffusion;

/**
 * An estimate of the bound on ln p(answer | prompt), in nats.
 *
 * @param value the estimate; its expectation is at most the log-likelihood of the model
 * @param standardError of the value, from the spread of the batches; 0 where nothing is random, NaN
 *     where it is not known: there was a single batch, or too few of the t-form
 * @param tokens of the answer
 * @param forwardPasses sequences sent through the mask predictor
 */
public record LogLikelihood(double value, double standardError, int tokens, int forwardPasses) {

  /** Bound on the negative log-likelihood of a token. */
  public double natsPerToken() {
    return -value / tokens;
  }

  /** Bound on the perplexity: exp of {@link #natsPerToken}. */
  public double perplexity() {
    return Math.exp(natsPerToken());
  }

  /** Standard error of {@link #perplexity}, to first order. */
  public double perplexityError() {
    return perplexity() * standardError / tokens;
  }

  /** Two parts of one text, estimated independently. */
  public LogLikelihood plus(LogLikelihood other) {
    return new LogLikelihood(
        value + other.value,
        Math.hypot(standardError, other.standardError),
        tokens + other.tokens,
        forwardPasses + other.forwardPasses);
  }
}
