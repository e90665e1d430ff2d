/**
 * Conversion of weights between file formats. So far one way: {@link llada.converter.Dequantize}
 * turns any checkpoint into a Hugging Face folder of plain float32 or bfloat16 numbers.
 *
 * <p>Open first: {@link llada.converter.Dequantize}.
 */
package llada.converter;
