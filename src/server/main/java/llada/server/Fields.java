package llada.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.Function;
import llada.format.FormatException;
import llada.format.Json;

/**
 * The members of a JSON object of a request. A null is an absent member; what is wrong is an {@link
 * ApiException} that names the member.
 *
 * @param prefix before the names of members in messages, such as {@code diffusion.}
 */
record Fields(Json json, String prefix) {
  /** Reads a body. */
  static Fields of(byte[] body) {
    try {
      Json json = Json.parse(body, "the body");
      json.map();
      return new Fields(json, "");
    } catch (FormatException e) {
      throw ApiException.invalid(null, e.getMessage());
    }
  }

  /** Something about a member, which is in the message if that fails. */
  <R> R read(String name, Function<Json, R> how) {
    try {
      return how.apply(new Json(json.map().get(name), prefix + name));
    } catch (FormatException e) {
      throw ApiException.invalid(prefix + name, e.getMessage());
    }
  }

  boolean has(String name) {
    return json.map().get(name) != null;
  }

  Optional<String> string(String name) {
    return has(name) ? Optional.of(read(name, Json::string)) : Optional.empty();
  }

  OptionalInt integer(String name, int min, int max) {
    return has(name)
        ? OptionalInt.of(read(name, value -> value.integer(min, max)))
        : OptionalInt.empty();
  }

  OptionalLong whole(String name) {
    return has(name) ? OptionalLong.of(read(name, Json::integer)) : OptionalLong.empty();
  }

  OptionalDouble number(String name) {
    return has(name) ? OptionalDouble.of(read(name, Json::number)) : OptionalDouble.empty();
  }

  boolean flag(String name) {
    return has(name) && read(name, Json::bool);
  }

  /** An object that may be absent; then it has no members. */
  Fields object(String name) {
    Object value = has(name) ? read(name, Json::map) : Map.of();
    return new Fields(new Json(value, prefix + name), prefix + name + ".");
  }

  /** A list of strings, or one string in place of a list of one. */
  List<String> strings(String name, int most) {
    if (!has(name)) {
      return List.of();
    }
    return read(
        name,
        value -> {
          if (value.value() instanceof String text) {
            return List.of(text);
          }
          List<String> texts = new ArrayList<>();
          value.list().forEach(element -> texts.add(element.string()));
          if (texts.size() > most) {
            throw new FormatException(
                "%s has %d texts; there may be %d".formatted(prefix + name, texts.size(), most));
          }
          return texts;
        });
  }

  /** Token ids. */
  int[] ids(String name) {
    return read(
        name,
        value -> value.list().stream().mapToInt(id -> id.integer(0, Integer.MAX_VALUE)).toArray());
  }

  /** Refuses a member that would change the answer, unless it says that it would not. */
  void refuse(String name, String why) {
    if (has(name)) {
      Object value = json.map().get(name);
      boolean neutral =
          switch (value) {
            case Number number -> number.doubleValue() == 0;
            case List<?> list -> list.isEmpty();
            case Map<?, ?> map -> map.isEmpty();
            case String text -> text.isEmpty() || text.equals("none") || text.equals("auto");
            default -> Boolean.FALSE.equals(value);
          };
      if (!neutral) {
        throw ApiException.invalid(
            prefix + name, "unsupported_parameter", prefix + name + " cannot be done: " + why);
      }
    }
  }
}
