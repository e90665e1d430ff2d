package llada.tokenizer;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

  /** The token for what cannot be encoded. */
  public static final int UNKNOWN = 2;

  /** A token that stands for no text, such as the mask. */
  public static final int CONTROL = 3;

  /** A token that is recognised in the text but stands for itself. */
  public static final int USER_DEFINED = 4;

  /** A row of the embedding without a token. */
  public static final int UNUSED = 5;

  private static final String LLAMA3 =
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
          + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** The splits for each name, and for which names the text is first brought to form NFC. */
  private static final Map<String, List<String>> PATTERNS =
      new TreeMap<>(
          Map.of(
              "llada", List.of(PreTokenizer.LLADA_PATTERN),
              "llada-moe", List.of(PreTokenizer.LLADA_PATTERN),
              "bailingmoe", List.of(PreTokenizer.LLADA_PATTERN),
              "bailingmoe2", List.of(PreTokenizer.LLADA_PATTERN),
              "gpt-2", List.of(PreTokenizer.GPT2_PATTERN),
              "llama-bpe", List.of(LLAMA3),
              "llama3", List.of(LLAMA3),
              "llama-v3", List.of(LLAMA3),
              "qwen2", List.of(LLAMA3.replace("{1,3}", "")),
              "default",
                  List.of(
                      "[\\p{P}\\$\\+<=>\\^~\\|]+",
                      PreTokenizer.GPT2_PATTERN,
                      "\\p{N}+",
                      "[0-9][0-9][0-9]")));

  private static final Set<String> NFC = Set.of("llada", "llada-moe", "bailingmoe", "qwen2");
  private static final Set<String> IGNORING_MERGES = Set.of("llama-bpe", "llama3", "llama-v3");

  /** The names to write: those that llama.cpp knows too. */
  private static final List<String> WRITTEN =
      List.of("bailingmoe", "bailingmoe2", "gpt-2", "llama-bpe", "qwen2", "default");

  /**
   * What a GGUF file holds of a tokenizer.
   *
   * @param tokens by id
   * @param types by id: {@link #NORMAL} and the like; empty if all are normal
   * @param merges "a b" for each merge, in order
   * @param pre the name of the splitting pattern
   */
  public record Tables(List<String> tokens, int[] types, List<String> merges, String pre) {
    /** The type of a token. */
    public int type(int id) {
      return types.length == 0 ? NORMAL : types[id];
    }
  }

  private GgufVocabulary() {}

  /** The names of splitting patterns that are known here. */
  public static Set<String> supportedPre() {
    return new TreeSet<>(PATTERNS.keySet());
  }

  /**
   * The splitting patterns of a name, each applied to the pieces of the one before.
   *
   * @throws TokenizerException if the name is unknown
   */
  public static List<String> patterns(String pre) {
    List<String> patterns = PATTERNS.get(pre);
    if (patterns == null) {
      throw new TokenizerException(
          "tokenizer.ggml.pre is %s; supported are %s. A tokenizer.json of the same model works too"
              .formatted(TokenizerException.shown(pre), String.join(", ", PATTERNS.keySet())));
    }
    return patterns;
  }

  /** Whether the text is brought to Unicode's form NFC before it is split. */
  public static boolean normalizes(String pre) {
    return NFC.contains(pre);
  }

  /** Whether a piece that is itself a token is not taken apart. */
  public static boolean ignoresMerges(String pre) {
    return IGNORING_MERGES.contains(pre);
  }

  /**
   * Writes a tokenizer down. Ids without a token get the type {@link #UNUSED} and a name, as
   * llama.cpp's converter gives it.
   *
   * @param rows of the embedding; each gets a token
   * @throws TokenizerException if there are more tokens than rows, or a GGUF file has no name for
   *     the tokenizer's way of splitting text or for that of an added token
   */
  public static Tables tables(Tokenizer tokenizer, int rows) {
    tokenizer.requireRows(rows);
    requirePlain(tokenizer);
    List<String> tokens = new ArrayList<>(rows);
    int[] types = new int[rows];
    for (int id = 0; id < rows; id++) {
      Optional<String> token = id < tokenizer.size() ? tokenizer.token(id) : Optional.empty();
      tokens.add(token.orElse("[PAD" + id + "]"));
      types[id] = token.isPresent() ? NORMAL : UNUSED;
    }
    for (AddedToken token : tokenizer.addedTokens()) {
      types[token.id()] = token.special() ? CONTROL : USER_DEFINED;
    }
    return new Tables(tokens, types, tokenizer.merges().spelled(), pre(tokenizer));
  }

  /**
   * Refuses added tokens that are found in another way than exactly as they stand. One that is
   * looked for in the normalised text is found alike if no text is changed and all are looked for
   * in one pass.
   */
  private static void requirePlain(Tokenizer tokenizer) {
    boolean onePass =
        flat(tokenizer.normalizer()).equals(TextNormalizer.none())
            && tokenizer.addedTokens().stream().allMatch(AddedToken::normalized);
    for (AddedToken token : tokenizer.addedTokens()) {
      String flag =
          token.lstrip()
              ? "lstrip"
              : token.rstrip()
                  ? "rstrip"
                  : token.singleWord()
                      ? "single_word"
                      : token.normalized() && !onePass ? "normalized" : "";
      if (!flag.isEmpty()) {
        throw new TokenizerException(
            "added token %s is %s; GGUF files cannot hold that, and text would get other ids: set it to false in tokenizer.json if the model was trained so"
                .formatted(TokenizerException.shown(token.content()), flag));
      }
    }
  }

  /** The name of a tokenizer's way of splitting text. */
  private static String pre(Tokenizer tokenizer) {
    PreTokenizer steps = tokenizer.preTokenizer();
    List<Split> splits = new ArrayList<>(steps.splits());
    if (steps.byteLevelSplit() != null) {
      splits.add(steps.byteLevelSplit());
    }
    List<String> patterns = splits.stream().map(split -> split.pattern().toString()).toList();
    boolean plain =
        !steps.addPrefixSpace()
            && splits.stream()
                .allMatch(s -> s.behavior() == Split.Behavior.ISOLATED && !s.invert());
    for (String name : WRITTEN) {
      if (plain
          && PATTERNS.get(name).equals(patterns)
          && normalizer(name).equals(flat(tokenizer.normalizer()))
          && ignoresMerges(name) == tokenizer.ignoreMerges()) {
        return name;
      }
    }
    throw new TokenizerException(
        "the tokenizer splits text by %s after the normaliser %s; GGUF files hold only a name for this, and there is a name for the ways of %s"
            .formatted(
                TokenizerException.shown(String.join(", then ", patterns)),
                TokenizerException.shown(tokenizer.normalizer().toString()),
                String.join(", ", WRITTEN)));
  }

  /** A sequence of one step is that step. */
  private static TextNormalizer flat(TextNormalizer normalizer) {
    return normalizer instanceof TextNormalizer.Steps s && s.steps().size() == 1
        ? flat(s.steps().getFirst())
        : normalizer;
  }

  private static TextNormalizer normalizer(String pre) {
    return normalizes(pre)
        ? new TextNormalizer.Unicode(Normalizer.Form.NFC)
        : TextNormalizer.none();
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
    List<String> patterns = patterns(pre);
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
    return new Tokenizer(
        vocabulary,
        pairs,
        ignoresMerges(pre),
        normalizer(pre),
        new PreTokenizer(splits, false, null),
        added);
  }
}
