/**
 * Models between Hugging Face folders and GGUF files, as a library over {@code llada-core} alone:
 * {@link llada.converter.Converter} and {@link llada.converter.Quantizer} write, {@link
 * llada.converter.Difference} compares two models, {@link llada.converter.Verification} and {@link
 * llada.converter.Checksums} check a stranger's, {@link llada.converter.Importance} finds out which
 * columns of the weights matter. The block formats themselves are {@link llada.tensor.DType}'s.
 *
 * <p>Every job has a record of settings that is checked when it is made, tells a {@link
 * llada.converter.Progress} how far it is, ends with a {@link
 * java.util.concurrent.CancellationException} when its thread is interrupted, and leaves no part of
 * a target behind. Jobs of several threads do not touch each other. The commands are in {@code
 * llada.converter.cli}.
 *
 * <p>Open first: {@code Converter}.
 */
package llada.converter;
