/**
 * From text to a trained model: token caches, AdamW, schedules, checkpoints, LoRA, and the loop.
 *
 * <p>A step: {@link llada.train.TrainingData} gives sequences, {@link
 * llada.diffusion.ForwardProcess} masks them, {@link llada.train.Network} computes the loss and its
 * gradients, their norm is clipped, {@link llada.train.AdamW} moves the weights. Everything random
 * follows from the seed and the number of the step, so a run that was cut off and resumed is bit
 * for bit the run that was not.
 *
 * <p>Open first: {@link llada.train.Trainer}.
 */
package llada.train;
