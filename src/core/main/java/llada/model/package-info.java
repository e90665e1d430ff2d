/**
 * The mask predictor: LLaDA's network, a Transformer that looks both ways.
 *
 * <p>A block adds two things to the stream x of shape (T, C):
 *
 * <pre>
 *   x += attn_out( attention( rope(q), rope(k), v ) )   q, k, v = projections of rms_norm(x)
 *   x += ff_out( silu(ff_proj(h)) * up_proj(h) )         h = rms_norm(x)
 * </pre>
 *
 * and the logits are ff_out(rms_norm(x)). There is no causal mask and no time input: how much is
 * masked can be seen in the tokens themselves (LLaDA, eq. 11). This package knows no file.
 *
 * <p>Each forward pass has its backward pass written out beneath it, the same lines read from
 * bottom to top: {@link llada.model.TrainablePredictor} runs them for a batch.
 *
 * <p>Open first: {@link llada.model.MaskPredictor}, then {@link llada.model.TransformerBlock}.
 */
package llada.model;
