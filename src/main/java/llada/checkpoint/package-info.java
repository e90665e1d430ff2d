/**
 * Joins files to the model: names, shapes, layouts and special tokens of Hugging Face folders and
 * GGUF files become one {@link llada.model.LladaConfig} and one {@link llada.model.LladaWeights}.
 *
 * <p>Weights stay where the file is mapped. The one exception is the rows of q and k in GGUF files,
 * which {@link llada.checkpoint.RopeLayout} puts back in order.
 *
 * <p>Open first: {@link llada.checkpoint.Checkpoint}.
 */
package llada.checkpoint;
