/**
 * Text to token ids and back: byte-level byte pair encoding, with the ids of the published code.
 *
 * <pre>
 *   "Hi &lt;|eot_id|&gt;"     added tokens are cut out          AddedTokenMatcher
 *   "Hi "               the rest is normalised (NFC)      TextNormalizer
 *   "Hi", " "           split by the file's pattern       PreTokenizer, Split, Regex
 *   48 69, 20           its bytes are merged by rank      BytePairMerges
 *   [39, 72, 220, 317]  ids                               Vocabulary
 * </pre>
 *
 * <p>Everything but the algorithm comes from the model's files; {@code llada.format.TokenizerJson}
 * reads tokenizer.json, {@link llada.tokenizer.GgufVocabulary} takes the lists of a GGUF file. The
 * files are not trusted: ids claim no memory, and patterns run on an engine that counts its steps.
 * {@link llada.tokenizer.ChatTemplate} puts messages into the form that instruction-tuned models
 * were trained on, by the program that the model's files carry ({@link llada.tokenizer.jinja}).
 *
 * <p>Open first: {@link llada.tokenizer.Tokenizer}.
 */
package llada.tokenizer;
