package llada.kernel.scalar;

/**
 * How a mixture of experts chooses, and what weights it gives.
 *
 * @param scores from the router's logits (T, E) to scores
 * @param bias what the bias of the experts, if there is one, is added to
 * @param normalise whether the weights of the chosen are divided by their sum (plus 1e-20)
 * @param scale factor of all weights, after that
 * @param groups into which the experts are divided, in order; 1 for none
 * @param groupsUsed how many groups, those with the largest sum of their two best scores, bias
 *     included, take part
 */
public record Router(
    Scores scores, Bias bias, boolean normalise, float scale, int groups, int groupsUsed) {
  /** A scale that is no number, or none as a float, would make every answer so. */
  public Router {
    if (!(scale > 0 && scale <= Float.MAX_VALUE)) {
      throw new IllegalArgumentException(
          "the weights of a token's experts are scaled by %s; it must be positive and finite"
              .formatted(scale));
    }
  }

  /** LLaDA-MoE without a bias: softmax over all experts, not normalised again. */
  public static final Router SOFTMAX = new Router(Scores.SOFTMAX, Bias.NONE, false, 1, 1, 1);

  /** From logits to scores. */
  public enum Scores {
    /** Over all experts of a token, in float32. */
    SOFTMAX,
    /** Of each expert by itself. */
    SIGMOID
  }

  /** What an expert's bias is for. */
  public enum Bias {
    /** There is none. */
    NONE,
    /** It takes part in the choice, not in the weight (LLaDA2). */
    SELECTION,
    /** It takes part in both (LLaDA-MoE with {@code moe_router_enable_expert_bias}). */
    WEIGHT
  }
}
