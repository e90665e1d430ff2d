package llada.checkpoint;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import llada.format.FormatException;

/**
 * Keys of a configuration that nothing here reads. A model that runs and is wrong is worse than one
 * that does not run: a key that may change what a forward pass computes is refused, unless its
 * value switches off what it names. Others are of no concern: names, versions, training, decoding.
 */
final class ConfigKeys {
  /** Words in the names of keys that say how numbers are computed; one name as a whole. */
  private static final Set<String> COMPUTING =
      Set.of(
          ("rope rotary mrope yarn ntk alibi position positions scale scaled scaling multiplier"
                  + " factor sliding window chunk sink sinks causal local softcap softcapping cap"
                  + " clip clamp bias biases norm norms layernorm rmsnorm qk qkv kv head heads"
                  + " expert experts moe router act activation logit logits residual shift block"
                  + " mlp ffn hidden intermediate quantization layer_types")
              .split(" "));

  /** Words of keys about training. */
  private static final Set<String> TRAINING =
      Set.of("dropout", "init", "initializer", "checkpointing", "loss");

  private static final Set<String> MULTIPLIERS =
      Set.of("scale", "scaling", "multiplier", "factor", "linear");

  private ConfigKeys() {}

  /** Whether the name is that of a setting of the forward pass. */
  static boolean computes(String key) {
    List<String> words = List.of(key.split("[_.]"));
    return words.stream().noneMatch(TRAINING::contains)
        && (COMPUTING.contains(key) || words.stream().anyMatch(COMPUTING::contains));
  }

  /**
   * Whether a value leaves a forward pass as it is: nothing, false, or a factor of 1.
   *
   * @param zeroIsUnset whether 0 means the same, as in GGUF files
   */
  static boolean off(String key, Object value, boolean zeroIsUnset) {
    return switch (value) {
      case null -> true;
      case Boolean bool -> !bool;
      case String text -> text.isEmpty() || text.equals("none");
      case List<?> list -> list.isEmpty();
      case Map<?, ?> map -> map.isEmpty();
      case Number number -> {
        boolean multiplier = Stream.of(key.split("[_.]")).anyMatch(MULTIPLIERS::contains);
        yield zeroIsUnset && number.doubleValue() == 0 || multiplier && number.doubleValue() == 1;
      }
      default -> false;
    };
  }

  /** The refusal. */
  static FormatException unknown(String where, Object value) {
    return new FormatException(
        "%s is %s; nothing here computes by it, and without it the model may give other numbers: remove the key if the model was made without"
            .formatted(where, value));
  }
}
