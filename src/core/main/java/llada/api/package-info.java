/**
 * The front door: a model that is open and answers.
 *
 * <p>{@link llada.api.Llada} works on text: it knows the model's files, tokenizer and chat
 * template, and where an answer ends. {@link llada.api.Engine} lies under it and works on token
 * ids: the weights, the buffers of the mask predictor, and generations that are driven step by
 * step. A {@link llada.api.Request} says what is wanted, an {@link llada.api.Answer} what came of
 * it, and a {@link llada.api.Step} how far it has come.
 *
 * <pre>
 *   requests  ->  ReverseProcess each      plan: what the next step computes
 *             ->  one pass over the weights, shared by all that are open
 *             ->  ReverseProcess each      commit: which proposals are kept
 *             ->  listeners, stop texts, interrupts
 * </pre>
 *
 * <p>Read {@link llada.api.Llada#generate(java.util.List)} first.
 */
package llada.api;
