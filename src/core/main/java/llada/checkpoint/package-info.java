/**
 * Joins files to the model: names, shapes, layouts and special tokens of Hugging Face folders and
 * GGUF files become one {@link llada.model.LladaConfig} and one {@link llada.model.LladaWeights}.
 *
 * <p>Weights stay where the file is mapped. The rows of q and k stand in another order in GGUF
 * files, which the weights say ({@link llada.kernel.scalar.RopeLayout}) and the rope op undoes.
 *
 * <p>Open first: {@link llada.checkpoint.Checkpoint}.
 */
package llada.checkpoint;
