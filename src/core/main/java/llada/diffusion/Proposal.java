package llada.diffusion;

/**
 * What one position of one step comes to.
 *
 * @param token the proposed token x0
 * @param score what {@link Remasking} ranks by
 */
record Proposal(int token, double score) {}
