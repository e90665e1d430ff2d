package llada.tokenizer;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.ints.IntImmutableList;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Text to token ids and back, with the results of the published tokenizer: byte-level byte pair
 * encoding as in Hugging Face's library. Immutable but for a cache; threads may share it.
 *
 * <p>The way of a text: added tokens such as {@code <|eot_id|>} are cut out; what lies between is
 * normalised ({@link TextNormalizer}), split into pieces ({@link PreTokenizer}), and the bytes of
 * each piece are merged ({@link BytePairMerges}).
 */
public final class Tokenizer {
  private static final int CACHE_SLOTS = 1 << 14;
  private static final int CACHED_LENGTH = 64;
  private static final int MAX_ADDED_LENGTH = 512; // looking for one costs its length per character

  /** A piece and its ids; a record, so that a thread sees both or neither. */
  private record Cached(String piece, IntImmutableList ids) {}

  private final Vocabulary vocabulary;
  private final BytePairMerges merges;
  private final boolean ignoreMerges;
  private final TextNormalizer normalizer;
  private final PreTokenizer preTokenizer;
  private final AddedTokenMatcher beforeNormalizing;
  private final AddedTokenMatcher afterNormalizing;
  private final BitSet special;
  private final List<AddedToken> addedTokens;
  private final OptionalInt begin;
  private final Cached[] cache;

  /**
   * A tokenizer from its parts.
   *
   * @param vocabulary all tokens, the added ones too
   * @param ignoreMerges whether a piece that is itself a token is not taken apart
   * @param addedTokens the tokens to recognise in the text
   * @throws TokenizerException if an added token is empty, very long or not in the vocabulary under
   *     its id
   */
  public Tokenizer(
      Vocabulary vocabulary,
      BytePairMerges merges,
      boolean ignoreMerges,
      TextNormalizer normalizer,
      PreTokenizer preTokenizer,
      List<AddedToken> addedTokens) {
    for (AddedToken token : addedTokens) {
      if (token.content().length() > MAX_ADDED_LENGTH) {
        throw new TokenizerException(
            "added token %s has %d characters; at most %d are accepted"
                .formatted(
                    TokenizerException.shown(token.content()),
                    token.content().length(),
                    MAX_ADDED_LENGTH));
      }
      if (token.content().isEmpty() || vocabulary.id(token.content()) != token.id()) {
        throw new TokenizerException(
            "added token %s has id %d, but in the vocabulary its id is %d (-1: it is not there)"
                .formatted(
                    TokenizerException.shown(token.content()),
                    token.id(),
                    vocabulary.id(token.content())));
      }
    }
    this.vocabulary = vocabulary;
    this.merges = merges;
    this.ignoreMerges = ignoreMerges;
    this.normalizer = normalizer;
    this.preTokenizer = preTokenizer;
    beforeNormalizing =
        new AddedTokenMatcher(AddedTokenMatcher.select(addedTokens, false), TextNormalizer.none());
    afterNormalizing =
        new AddedTokenMatcher(AddedTokenMatcher.select(addedTokens, true), normalizer);
    special = AddedTokenMatcher.specialIds(addedTokens);
    this.addedTokens = List.copyOf(addedTokens);
    begin = OptionalInt.empty();
    cache = new Cached[CACHE_SLOTS];
  }

  private Tokenizer(Tokenizer other, OptionalInt begin) {
    vocabulary = other.vocabulary;
    merges = other.merges;
    ignoreMerges = other.ignoreMerges;
    normalizer = other.normalizer;
    preTokenizer = other.preTokenizer;
    beforeNormalizing = other.beforeNormalizing;
    afterNormalizing = other.afterNormalizing;
    special = other.special;
    addedTokens = other.addedTokens;
    cache = other.cache;
    this.begin = begin;
  }

  /**
   * The same, with another token that {@link #encodeText} puts before a text.
   *
   * @param id empty for none
   */
  public Tokenizer withBegin(OptionalInt id) {
    return new Tokenizer(this, id);
  }

  /** The token that {@link #encodeText} puts before a text, if there is one. */
  public OptionalInt begin() {
    return begin;
  }

  // What GgufVocabulary writes down.

  List<AddedToken> addedTokens() {
    return addedTokens;
  }

  BytePairMerges merges() {
    return merges;
  }

  boolean ignoreMerges() {
    return ignoreMerges;
  }

  TextNormalizer normalizer() {
    return normalizer;
  }

  PreTokenizer preTokenizer() {
    return preTokenizer;
  }

  /**
   * Refuses a model whose embedding lacks rows for some tokens.
   *
   * @param rows of the embedding
   * @throws TokenizerException if there are more ids than rows
   */
  public void requireRows(int rows) {
    if (size() > rows) {
      throw new TokenizerException(
          "the tokenizer has ids up to %d, but the embedding only %d rows; they are not of one model: give the tokenizer that the model was trained with"
              .formatted(size() - 1, rows));
    }
  }

  /**
   * A tokenizer from the vocabulary in a GGUF file; see {@link GgufVocabulary}.
   *
   * @throws TokenizerException if the parts do not fit together or {@code pre} is unknown
   */
  public static Tokenizer fromGguf(
      List<String> tokens, int[] tokenTypes, List<String> merges, String pre) {
    return GgufVocabulary.tokenizer(tokens, tokenTypes, merges, pre);
  }

  /**
   * The ids of a text; added tokens in it are recognised, none is put before or after. An unpaired
   * surrogate counts as U+FFFD.
   *
   * @throws TokenizerException if the file's pattern takes too many steps on this text
   */
  public int[] encode(String text) {
    String whole = Utf8.wellFormed(text);
    Budget budget = new Budget(whole.length());
    IntArrayList ids = new IntArrayList();
    beforeNormalizing.split(
        whole,
        new AddedTokenMatcher.Parts() {
          @Override
          public void text(int start, int end) {
            encodeNormalized(normalizer.apply(whole.substring(start, end), budget), budget, ids);
          }

          @Override
          public void token(AddedToken token) {
            ids.add(token.id());
          }
        });
    return ids.toIntArray();
  }

  /**
   * The ids of a text that is all that a model sees: as {@link #encode}, with the start of text
   * before it if this model wants one. A chat template writes that token itself.
   *
   * @throws TokenizerException if the file's pattern takes too many steps on this text
   */
  public int[] encodeText(String text) {
    return IntStream.concat(begin.stream(), Arrays.stream(encode(text))).toArray();
  }

  private void encodeNormalized(String text, Budget budget, IntArrayList ids) {
    afterNormalizing.split(
        text,
        new AddedTokenMatcher.Parts() {
          @Override
          public void text(int start, int end) {
            encodePieces(text.substring(start, end), budget, ids);
          }

          @Override
          public void token(AddedToken token) {
            ids.add(token.id());
          }
        });
  }

  /**
   * The ids of a text in which {@code <|eot_id|>} and the like are only characters.
   *
   * @throws TokenizerException if the file's pattern takes too many steps on this text
   */
  public int[] encodeOrdinary(String text) {
    String whole = Utf8.wellFormed(text);
    Budget budget = new Budget(whole.length());
    IntArrayList ids = new IntArrayList();
    encodePieces(normalizer.apply(whole, budget), budget, ids);
    return ids.toIntArray();
  }

  /** The pieces of ordinary text, normalised, into which it is cut before bytes are merged. */
  public List<String> pieces(String text) {
    String whole = Utf8.wellFormed(text);
    Budget budget = new Budget(whole.length());
    List<String> pieces = new ArrayList<>();
    preTokenizer.pieces(normalizer.apply(whole, budget), budget, pieces::add);
    return pieces;
  }

  private void encodePieces(String text, Budget budget, IntArrayList ids) {
    preTokenizer.pieces(text, budget, piece -> encodePiece(piece, ids));
  }

  private void encodePiece(String piece, IntArrayList ids) {
    if (piece.length() > CACHED_LENGTH) {
      ids.addElements(ids.size(), mergePiece(piece));
      return;
    }
    int hash = piece.hashCode();
    int slot = (hash ^ hash >>> 16) & CACHE_SLOTS - 1;
    Cached known = cache[slot];
    if (known == null || !known.piece().equals(piece)) {
      known = new Cached(piece, new IntImmutableList(mergePiece(piece)));
      cache[slot] = known;
    }
    ids.addAll(known.ids());
  }

  private int[] mergePiece(String piece) {
    byte[] bytes = piece.getBytes(StandardCharsets.UTF_8);
    if (ignoreMerges) {
      int id = vocabulary.id(ByteAlphabet.symbols(bytes));
      if (id >= 0) {
        return new int[] {id};
      }
    }
    return merges.encode(bytes);
  }

  /** The text of the ids, special tokens included. */
  public String decode(int[] ids) {
    return decode(ids, false);
  }

  /**
   * The text of the ids. Bytes that are not valid UTF-8 become U+FFFD; an unused id is nothing.
   *
   * @param skipSpecial whether to leave out special tokens
   * @throws IllegalArgumentException if an id is out of range
   */
  public String decode(int[] ids, boolean skipSpecial) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(4 * ids.length);
    for (int id : ids) {
      byte[] token = decodeBytes(id);
      if (!(skipSpecial && special.get(id))) {
        bytes.write(token, 0, token.length);
      }
    }
    return Utf8.decode(bytes.toByteArray(), bytes.size());
  }

  /**
   * The bytes of one token; they need not be whole characters. None for an unused id.
   *
   * @throws IllegalArgumentException if the id is out of range
   */
  public byte[] decodeBytes(int id) {
    check(id);
    String token = vocabulary.token(id);
    return token == null ? new byte[0] : ByteAlphabet.bytes(token);
  }

  /** One more than the highest id. */
  public int size() {
    return vocabulary.size();
  }

  /** The id of a token in the vocabulary's spelling, which has Ġ for the space. */
  public OptionalInt id(String token) {
    int id = vocabulary.id(token);
    return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /**
   * The token of an id in the vocabulary's spelling; empty if the id is unused.
   *
   * @throws IllegalArgumentException if the id is out of range
   */
  public Optional<String> token(int id) {
    check(id);
    return Optional.ofNullable(vocabulary.token(id));
  }

  /**
   * Whether decoding may leave this token out.
   *
   * @throws IllegalArgumentException if the id is out of range
   */
  public boolean isSpecial(int id) {
    check(id);
    return special.get(id);
  }

  private void check(int id) {
    if (id < 0 || id >= size()) {
      throw new IllegalArgumentException(
          ("token id %d is out of range: this tokenizer has the ids 0 to %d; use ids made by it, or"
                  + " the tokenizer that belongs to the model")
              .formatted(id, size() - 1));
    }
  }
}
