/**
 * File formats, read as untrusted input: JSON, safetensors, GGUF, tokenizer.json.
 *
 * <p>Readers map a file and hand out views; nothing is copied and nothing is believed. Every size,
 * offset and count is checked against the file before it is used, so that a bad file is one {@link
 * llada.format.FormatException} with a message for the user: never a crash, a hang or an allocation
 * as large as a header claims. Writers replace a file only once the new one is complete: see {@link
 * llada.format.AtomicFile}. Nothing here knows what the tensors mean: {@code llada.checkpoint}
 * joins files to the model.
 *
 * <p>Open first: {@link llada.format.Safetensors}.
 */
package llada.format;
