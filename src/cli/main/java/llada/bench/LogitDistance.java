package llada.bench;

/** How far one set of logits is from another, gathered row by row. All of it in double. */
public final class LogitDistance {
  private long rows;
  private long agreeing;
  private double cosines;
  private double leastCosine = 1;
  private double divergence;
  private double loss;

  /**
   * Takes in rows.
   *
   * @param right (R, V), the logits to compare with
   * @param other (R, V)
   * @param targets (R), the tokens that stand there in truth
   */
  public void add(float[] right, float[] other, int[] targets) {
    int v = right.length / targets.length;
    for (int r = 0; r < targets.length; r++) {
      row(right, other, r * v, v, targets[r]);
    }
  }

  private void row(float[] right, float[] other, int at, int v, int target) {
    double dot = 0;
    double a = 0;
    double b = 0;
    int bestRight = 0;
    int bestOther = 0;
    for (int i = 0; i < v; i++) {
      double x = right[at + i];
      double y = other[at + i];
      dot += x * y;
      a += x * x;
      b += y * y;
      bestRight = x > right[at + bestRight] ? i : bestRight;
      bestOther = y > other[at + bestOther] ? i : bestOther;
    }
    double cosine = dot / Math.sqrt(a * b);
    double sumRight = logSumExp(right, at, v, right[at + bestRight]);
    double sumOther = logSumExp(other, at, v, other[at + bestOther]);
    double kl = 0;
    for (int i = 0; i < v; i++) {
      double logP = right[at + i] - sumRight;
      kl += Math.exp(logP) * (logP - (other[at + i] - sumOther));
    }
    rows++;
    agreeing += bestRight == bestOther ? 1 : 0;
    cosines += cosine;
    leastCosine = Math.min(leastCosine, cosine);
    divergence += kl;
    loss += sumOther - other[at + target] - (sumRight - right[at + target]);
  }

  private static double logSumExp(float[] logits, int at, int v, double max) {
    double sum = 0;
    for (int i = 0; i < v; i++) {
      sum += Math.exp(logits[at + i] - max);
    }
    return max + Math.log(sum);
  }

  /** How many. */
  public long rows() {
    return rows;
  }

  /** Mean over rows of x.y / (|x| |y|). */
  public double meanCosine() {
    return cosines / rows;
  }

  /** Over rows. */
  public double leastCosine() {
    return leastCosine;
  }

  /** Mean over rows of KL(right || other), in nats. */
  public double meanKl() {
    return divergence / rows;
  }

  /** The share of rows with the same likeliest token. */
  public double agreement() {
    return (double) agreeing / rows;
  }

  /** Mean over rows of what the true token's -ln p grows by, in nats. */
  public double lossChange() {
    return loss / rows;
  }
}
