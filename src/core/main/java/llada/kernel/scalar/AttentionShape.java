package llada.kernel.scalar;

/**
 * How the rows and channels of an attention divide.
 *
 * @param batch B, sequences of equal length
 * @param heads H, query heads; the channels of a query are H * D
 * @param kvHeads key-value heads, of which H is a multiple; the channels of a key are kvHeads * D
 */
public record AttentionShape(int batch, int heads, int kvHeads) {
  /** One sequence. */
  public static AttentionShape of(int heads, int kvHeads) {
    return new AttentionShape(1, heads, kvHeads);
  }
}
