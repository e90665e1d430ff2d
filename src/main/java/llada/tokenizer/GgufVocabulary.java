package llada.tokenizer;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * A tokenizer from the keys {@code tokenizer.ggml.tokens}, {@code token_type}, {@code merges} and
 * {@code pre} of a GGUF file. GGUF stores neither the splitting pattern nor the normaliser, only a
 * name for them, so both are known here by that name.
 */
public final class GgufVocabulary {
  /** A token of ordinary text. */
  public static final int NORMAL = 1;

  private static final int UNKNOWN = 2;

  /** A token that stands for no text, such as the mask. */
  public static final int CONTROL = 3;

  private static final int USER_DEFINED = 4;

  /** A row of the embedding without a token. */
  public static final int UNUSED = 5;

  private static final String LLADA =
      "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*"
          + "|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";
  private static final String LLAMA3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** The splits for each name, and for which names the text is first brought to form NFC. */
  private static final Map<String, List<String>> PATTERNS =
      new TreeMap<>(
          Map.of(
              "llada", List.of(LLADA),
              "bailingmoe", List.of(LLADA),
              "gpt-2", List.of(PreTokenizer.GPT2_PATTERN),
              "llama-bpe", List.of(LLAMA3),
              "llama3", List.of(LLAMA3),
              "qwen2", List.of(LLAMA3.replace("{1,3}", "")),
              "default",
                  List.of(
                      "[\\p{P}\\$\\+<=>\\^~\\|]+",
                      PreTokenizer.GPT2_PATTERN,
                      "\\p{N}+",
                      "[0-9][0-9][0-9]")));

  private static final Set<String> NFC = Set.of("llada", "bailingmoe", "qwen2");
  private static final Set<String> IGNORING_MERGES = Set.of("llama-bpe", "llama3");

  private GgufVocabulary() {}

  /** The names of splitting patterns that are known here. */
  public static Set<String> supportedPre() {
    return new TreeSet<>(PATTERNS.keySet());
  }

  /**
   * Builds the tokenizer.
   *
   * @param tokens the tokens by id
   * @param tokenTypes their types; empty if all are normal
   * @param merges "a b" for each merge, in order
   * @param pre the name of the splitting pattern
   * @throws TokenizerException if the parts do not fit together or {@code pre} is unknown
   */
  public static Tokenizer tokenizer(
      List<String> tokens, int[] tokenTypes, List<String> merges, String pre) {
    List<String> patterns = PATTERNS.get(pre);
    if (patterns == null) {
      throw new TokenizerException(
          "tokenizer.ggml.pre is %s; supported are %s. A tokenizer.json of the same model works too"
              .formatted(TokenizerException.shown(pre), String.join(", ", PATTERNS.keySet())));
    }
    if (tokenTypes.length != 0 && tokenTypes.length != tokens.size()) {
      throw new TokenizerException(
          "tokenizer.ggml.tokens has %d entries, tokenizer.ggml.token_type %d; they must agree"
              .formatted(tokens.size(), tokenTypes.length));
    }
    Vocabulary.Builder builder = new Vocabulary.Builder();
    List<AddedToken> added = new ArrayList<>();
    for (int id = 0; id < tokens.size(); id++) {
      String token = tokens.get(id);
      builder.add(token, id);
      int type = tokenTypes.length == 0 ? NORMAL : tokenTypes[id];
      switch (type) {
        case NORMAL, UNUSED -> {}
        case UNKNOWN, CONTROL -> added.add(AddedToken.special(id, token));
        case USER_DEFINED ->
            added.add(new AddedToken(id, token, false, false, false, false, false));
        default ->
            throw new TokenizerException(
                ("token %s (id %d) has type %d; a byte-level vocabulary has only the types 1 to 5"
                        + " (6 is for SentencePiece, which is not supported)")
                    .formatted(TokenizerException.shown(token), id, type));
      }
    }
    Vocabulary vocabulary = builder.build();
    BytePairMerges pairs = new BytePairMerges(vocabulary, null, false);
    for (String merge : merges) {
      pairs.addSpelled(merge);
    }
    List<Split> splits =
        patterns.stream()
            .map(p -> new Split(SplitPattern.regex(p), Split.Behavior.ISOLATED, false))
            .toList();
    TextNormalizer normalizer =
        NFC.contains(pre) ? new TextNormalizer.Unicode(Normalizer.Form.NFC) : TextNormalizer.none();
    return new Tokenizer(
        vocabulary,
        pairs,
        IGNORING_MERGES.contains(pre),
        normalizer,
        new PreTokenizer(splits, false, null),
        added);
  }
}
