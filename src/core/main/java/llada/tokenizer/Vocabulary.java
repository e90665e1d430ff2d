package llada.tokenizer;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.objects.Object2IntOpenHashMap;
import java.util.ArrayList;
import java.util.List;

/** Tokens by id and ids by token, in the spelling of the file. Immutable. */
public final class Vocabulary {
  /** How many ids may be without a token. Bounds the memory that one absurd id can claim. */
  static final int MAX_UNUSED_IDS = 1 << 16;

  private final String[] tokens;
  private final Object2IntOpenHashMap<String> ids;

  private Vocabulary(String[] tokens, Object2IntOpenHashMap<String> ids) {
    this.tokens = tokens;
    this.ids = ids;
  }

  /** One more than the highest id. */
  public int size() {
    return tokens.length;
  }

  /** The id of a token, or -1. */
  public int id(String token) {
    return ids.getInt(token);
  }

  /** The token of an id below {@link #size()}, or null if the id is unused. */
  String token(int id) {
    return tokens[id];
  }

  /** Collects tokens in any order and checks them. */
  public static final class Builder {
    private final Object2IntOpenHashMap<String> ids = new Object2IntOpenHashMap<>();
    private final List<String> order = new ArrayList<>();
    private final IntArrayList orderIds = new IntArrayList();

    public Builder() {
      ids.defaultReturnValue(-1);
    }

    /**
     * Adds a token.
     *
     * @throws TokenizerException if the token is there already or cannot be text, or if the id is
     *     no index
     */
    public Builder add(String token, long id) {
      if (id < 0 || id >= Integer.MAX_VALUE) {
        throw new TokenizerException(
            "token %s has id %d; ids must be from 0 to %d"
                .formatted(TokenizerException.shown(token), id, Integer.MAX_VALUE - 1));
      }
      if (!Utf8.isWellFormed(token)) {
        throw new TokenizerException(
            "the token with id %d holds half a surrogate pair; tokens must be valid Unicode"
                .formatted(id));
      }
      int known = ids.putIfAbsent(token, (int) id);
      if (known >= 0) {
        throw new TokenizerException(
            "token %s has the ids %d and %d; a token may have only one"
                .formatted(TokenizerException.shown(token), known, id));
      }
      order.add(token);
      orderIds.add((int) id);
      return this;
    }

    /** The id given to a token so far, or -1. */
    public int id(String token) {
      return ids.getInt(token);
    }

    /**
     * The finished vocabulary.
     *
     * @throws TokenizerException if two tokens share an id or too many ids are unused
     */
    public Vocabulary build() {
      int size = 0;
      for (int i = 0; i < orderIds.size(); i++) {
        size = Math.max(size, orderIds.getInt(i) + 1);
      }
      if (size > order.size() + MAX_UNUSED_IDS) {
        throw new TokenizerException(
            "the highest id is %d but there are only %d tokens; at most %d ids may be unused"
                .formatted(size - 1, order.size(), MAX_UNUSED_IDS));
      }
      String[] tokens = new String[size];
      for (int i = 0; i < order.size(); i++) {
        int id = orderIds.getInt(i);
        if (tokens[id] != null) {
          throw new TokenizerException(
              "the tokens %s and %s both have id %d; ids must be unique"
                  .formatted(
                      TokenizerException.shown(tokens[id]),
                      TokenizerException.shown(order.get(i)),
                      id));
        }
        tokens[id] = order.get(i);
      }
      return new Vocabulary(tokens, ids);
    }
  }
}
