package llada.checkpoint;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.ints.IntList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import llada.format.FormatException;
import llada.format.Json;
import llada.model.Architecture;
import llada.model.SpecialTokens;

/**
 * What lies beside a config.json and fills in the special tokens that it does not name.
 *
 * @param generation what generation_config.json holds
 * @param ids gives the id of a token of the tokenizer
 * @param bos the text of the start of text
 * @param eos the text of the end of text
 */
record OtherFiles(
    Json generation,
    Function<String, OptionalInt> ids,
    Optional<String> bos,
    Optional<String> eos) {
  static final OtherFiles NONE =
      new OtherFiles(
          new Json(Map.of(), "generation_config.json"),
          _ -> OptionalInt.empty(),
          Optional.empty(),
          Optional.empty());

  /** The published vocabulary of Ling, and two of its tokens; its models' files lack them. */
  private static final int LING_VOCABULARY = 157184;

  private static final int LING_END = 156892;
  private static final int LING_MASK = 156895;
  private static final int LARGEST = 1 << 24;

  /**
   * The special tokens of a model.
   *
   * @param json config.json, which comes first
   * @param vocab V
   * @throws FormatException if there is no mask where one is needed, or no end of text
   */
  SpecialTokens tokens(Architecture architecture, Json json, int vocab) {
    IntList ends = new IntArrayList(integers(json.get("eos_token_id")));
    ends.addAll(integers(generation.get("eos_token_id")));
    if (ends.isEmpty()) {
      id(eos).ifPresent(ends::add);
    }
    if (ends.isEmpty() && ling(architecture, vocab)) {
      ends.add(LING_END);
    }
    int end = ends.isEmpty() ? json.get("eos_token_id").integer(0, LARGEST) : ends.getInt(0);
    // The published config.json of a dense LLaDA names a start, but is not asked for it.
    boolean named = architecture == Architecture.LLAMA && id(bos).isEmpty();
    OptionalInt start = named ? integer(json.get("bos_token_id")) : id(bos);
    OptionalInt turn = ids.apply(architecture.endOfTurn());
    return new SpecialTokens(
        mask(architecture, json, vocab),
        end,
        first(json.get("pad_token_id"), generation.get("pad_token_id")).orElse(end),
        turn,
        start,
        IntList.of(
            ends.intStream()
                .filter(e -> e != end && !OptionalInt.of(e).equals(turn))
                .distinct()
                .toArray()));
  }

  private OptionalInt mask(Architecture architecture, Json json, int vocab) {
    OptionalInt given = first(json.get("mask_token_id"), generation.get("mask_token_id"));
    if (architecture.masks().isEmpty() || given.isPresent()) {
      return architecture.masks().isEmpty() ? OptionalInt.empty() : given;
    }
    for (String text : architecture.masks()) {
      if (ids.apply(text).isPresent()) {
        return ids.apply(text);
      }
    }
    if (ling(architecture, vocab)) {
      return OptionalInt.of(LING_MASK);
    }
    throw new FormatException(
        "%s is missing and the tokenizer has no %s; add \"mask_token_id\", the id of the mask (126336 for LLaDA-8B, 5 for iLLaDA, 156895 for LLaDA-MoE and LLaDA2)"
            .formatted(
                json.get("mask_token_id").where(), String.join(" or ", architecture.masks())));
  }

  private static boolean ling(Architecture architecture, int vocab) {
    boolean family = architecture == Architecture.LLADA_MOE || architecture == Architecture.LLADA2;
    return family && vocab == LING_VOCABULARY;
  }

  private OptionalInt id(Optional<String> token) {
    return token.isPresent() ? ids.apply(token.get()) : OptionalInt.empty();
  }

  private static OptionalInt first(Json one, Json other) {
    return one.isNull() ? integer(other) : integer(one);
  }

  private static OptionalInt integer(Json json) {
    return json.isNull() ? OptionalInt.empty() : OptionalInt.of(json.integer(0, LARGEST));
  }

  /** One id in most files, a list of ids in some. */
  private static IntList integers(Json json) {
    if (json.value() instanceof List<?>) {
      return IntList.of(json.list().stream().mapToInt(j -> j.integer(0, LARGEST)).toArray());
    }
    OptionalInt one = integer(json);
    return one.isPresent() ? IntList.of(one.getAsInt()) : IntList.of();
  }
}
