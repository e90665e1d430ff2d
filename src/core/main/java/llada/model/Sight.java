package llada.model;

/**
 * How far the tokens of a pass see, where that is not the model's own {@link
 * AttentionConfig#block}.
 *
 * @param block tokens of a block, to whose end each of them sees
 * @param added whether nothing is hidden, but what is seen is scored higher by 1: the published
 *     generate() of LLaDA2.1, which gives the model a 0/1 mask where it takes a bias
 */
public record Sight(int block, boolean added) {}
