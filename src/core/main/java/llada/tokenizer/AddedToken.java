package llada.tokenizer;

/**
 * A token that is recognised in the text as it stands, before any splitting: {@code <|eot_id|>}.
 * The names are those of tokenizer.json.
 *
 * @param id its id
 * @param content its text
 * @param special whether decoding may leave it out
 * @param normalized whether it is looked for after normalisation (itself normalised) instead of
 *     before
 * @param lstrip whether white space to its left belongs to it
 * @param rstrip whether white space to its right belongs to it
 * @param singleWord whether it counts only where no word character touches it
 */
public record AddedToken(
    int id,
    String content,
    boolean special,
    boolean normalized,
    boolean lstrip,
    boolean rstrip,
    boolean singleWord) {
  /** A control token as LLaDA has them: special, matched exactly, before normalisation. */
  public static AddedToken special(int id, String content) {
    return new AddedToken(id, content, true, false, false, false, false);
  }
}
