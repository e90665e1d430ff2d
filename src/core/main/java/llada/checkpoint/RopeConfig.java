package llada.checkpoint;

import it.unimi.dsi.fastutil.floats.FloatList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import llada.format.FormatException;
import llada.format.Json;
import llada.kernel.scalar.Rope;
import llada.model.AttentionConfig;
import llada.model.RopeScaling;

/**
 * What a config.json says of rotary positions: in keys of their own, or as transformers 5 writes
 * it, in an object.
 *
 * @param theta the base of the frequencies
 * @param share of a head that turns
 */
record RopeConfig(double theta, double share, RopeScaling scaling) {
  static final String SHARE = "partial_rotary_factor";
  static final String LLAMA3 = "llama3";
  private static final String THETA = "rope_theta";
  private static final String FACTOR = "factor";
  private static final String LOW = "low_freq_factor";
  private static final String HIGH = "high_freq_factor";
  private static final String LENGTH = "original_max_position_embeddings";
  private static final Set<String> LLAMA3_KEYS = Set.of(FACTOR, LOW, HIGH, LENGTH);
  private static final int LARGEST = 1 << 24;

  /**
   * What {@code json} says.
   *
   * @param absent what holds where it says nothing
   * @param known what this architecture has: {@link #SHARE}, {@link #LLAMA3}; the rest is refused
   * @throws FormatException if two keys disagree, or a scaling is not known
   */
  static RopeConfig read(Json json, RopeConfig absent, Set<String> known) {
    Map<String, Json> said = new LinkedHashMap<>();
    said.put(THETA, json.get(THETA));
    if (known.contains(SHARE)) {
      said.put(SHARE, json.get(SHARE));
    }
    RopeScaling scaling = absent.scaling;
    for (String key : List.of("rope_parameters", "rope_scaling")) {
      Json rope = json.get(key).or(Map.of());
      boolean llama3 =
          known.contains(LLAMA3)
              && Stream.of("rope_type", "type").anyMatch(t -> LLAMA3.equals(rope.get(t).value()));
      if (llama3) {
        scaling = llama3(rope);
      }
      for (String name : rope.map().keySet()) {
        Json value = rope.get(name);
        if (said.containsKey(name) && !value.isNull()) {
          said.merge(name, value, RopeConfig::agreeing);
        } else if (!(llama3 && (LLAMA3_KEYS.contains(name) || name.endsWith("type")))
            && !ConfigKeys.off(name, value.value(), false)
            && !(name.endsWith("type") && "default".equals(value.value()))) {
          throw new FormatException(
              "%s is %s; rotary positions are supported as they are, not scaled: only the type default%s"
                  .formatted(
                      value.where(), value.value(), known.contains(LLAMA3) ? " and llama3" : ""));
        }
      }
    }
    Json part = said.getOrDefault(SHARE, json.get(SHARE)).or(absent.share);
    double share = part.number();
    if (known.contains(SHARE) && !(share > 0 && share <= 1)) {
      throw new FormatException(
          "%s is %s; it must be above 0, and at most 1".formatted(part.where(), part.value()));
    }
    return new RopeConfig(said.get(THETA).or(absent.theta).number(), share, scaling);
  }

  private static Json agreeing(Json one, Json other) {
    if (!one.isNull() && one.number() != other.number()) {
      throw new FormatException(
          "%s is %s, but %s is %s; remove the wrong one"
              .formatted(other.where(), other.value(), one.where(), one.value()));
    }
    return other;
  }

  private static RopeScaling llama3(Json rope) {
    try {
      return new RopeScaling.Llama3(
          (float) rope.get(FACTOR).number(),
          (float) rope.get(LOW).number(),
          (float) rope.get(HIGH).number(),
          rope.get(LENGTH).integer(1, LARGEST));
    } catch (IllegalArgumentException e) {
      throw new FormatException(rope.where() + ": " + e.getMessage(), e);
    }
  }

  /**
   * A scaling as config.json has it.
   *
   * @return the members of {@code rope_scaling}; empty for none
   * @throws FormatException if no config.json can say it
   */
  static Optional<Map<String, Object>> written(AttentionConfig attention) {
    return switch (attention.scaling()) {
      case RopeScaling.None _ -> Optional.empty();
      case RopeScaling.Llama3 l -> Optional.of(members(l));
      case RopeScaling.Divided d -> Optional.of(members(llama3(d.by(), attention)));
    };
  }

  private static Map<String, Object> members(RopeScaling.Llama3 scaling) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("rope_type", LLAMA3);
    members.put(FACTOR, scaling.factor());
    members.put(LOW, scaling.lowFactor());
    members.put(HIGH, scaling.highFactor());
    members.put(LENGTH, scaling.originalLength());
    return members;
  }

  /** The numbers of which the factors of a GGUF file were made: low 1, high 4, as all have it. */
  private static RopeScaling.Llama3 llama3(FloatList by, AttentionConfig attention) {
    float factor = 1;
    for (float divisor : by) {
      factor = Math.max(factor, divisor);
    }
    float[] frequencies = Rope.frequencies(attention.ropeTheta(), attention.rotaryDims());
    for (int length = 1; length <= LARGEST; length *= 2) {
      RopeScaling.Llama3 candidate = new RopeScaling.Llama3(factor, 1, 4, length);
      float[] scaled = candidate.scaled(frequencies);
      boolean same = true;
      for (int i = 0; i < scaled.length; i++) {
        same &= Math.abs(scaled[i] * by.getFloat(i) / frequencies[i] - 1) < 1e-5;
      }
      if (same) {
        return candidate;
      }
    }
    throw new FormatException(
        "the rotary frequencies are divided by factors that no rope_scaling of type llama3 gives; write a GGUF file instead");
  }

  /** What each frequency is divided by, as GGUF files have it; empty for none. */
  static Optional<float[]> divisors(AttentionConfig attention) {
    if (attention.scaling() instanceof RopeScaling.None) {
      return Optional.empty();
    }
    float[] frequencies = Rope.frequencies(attention.ropeTheta(), attention.rotaryDims());
    float[] by = attention.scaling().scaled(frequencies);
    for (int i = 0; i < by.length; i++) {
      by[i] = frequencies[i] / by[i];
    }
    return Optional.of(by);
  }
}
