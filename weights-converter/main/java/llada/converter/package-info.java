/**
 * Conversion of models between Hugging Face folders and GGUF files, quantisation, and what belongs
 * to it: comparing two models, checking a stranger's file, and finding out which columns of the
 * weights matter. The block formats themselves are {@link llada.tensor.DType}'s.
 *
 * <p>Open first: {@code Converter}.
 */
package llada.converter;
