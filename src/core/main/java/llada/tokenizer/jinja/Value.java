package llada.tokenizer.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a template computes with. All are immutable but a {@link Namespace}. */
public sealed interface Value {
  /** How deep lists and mappings may lie in each other; all that walks over them recurses. */
  int MAX_DEPTH = 64;

  /** Nothing of this name: empty in text, false in a condition, an error in most else. */
  record Undefined(String name) implements Value {}

  /** Python's None. */
  record None() implements Value {
    static final None VALUE = new None();
  }

  /** A truth value. */
  record Bool(boolean is) implements Value {}

  /** An integer; beyond 64 bits is an error, and so is any other kind of number. */
  record Int(long number) implements Value {}

  /** A string. */
  record Text(String string) implements Value {}

  /** What kind of values in a row. */
  enum Sequence {
    LIST,
    TUPLE,
    /** What a filter hands on: it can be looped over, but has no length and is always true. */
    STREAM
  }

  /**
   * Values in a row.
   *
   * @param depth how many lists and mappings lie in each other, with this one
   */
  record Items(List<Value> items, Sequence sequence, int depth) implements Value {
    Items(List<Value> items, Sequence sequence) {
      this(List.copyOf(items), sequence, depthAround(items));
    }

    Items(List<Value> items) {
      this(items, Sequence.LIST);
    }
  }

  /** A mapping from strings. */
  record Dict(Map<String, Value> entries, int depth) implements Value {
    Dict(Map<String, Value> entries) {
      this(new LinkedHashMap<>(entries), depthAround(entries.values()));
    }
  }

  /** What {@code namespace()} makes: attributes that can be set from inside a loop. */
  final class Namespace implements Value {
    final Map<String, Value> attributes = new LinkedHashMap<>();
  }

  /** A function, a macro or a bound method. */
  non-sealed interface Function extends Value {
    /** The result of a call. */
    Value call(Arguments arguments);
  }

  private static int depthAround(Iterable<Value> values) {
    int depth = 0;
    for (Value value : values) {
      depth =
          switch (value) {
            case Items items -> Math.max(depth, items.depth());
            case Dict dict -> Math.max(depth, dict.depth());
            default -> depth;
          };
    }
    if (depth >= MAX_DEPTH) {
      throw new TemplateException("lists lie more than %d deep in each other".formatted(MAX_DEPTH));
    }
    return depth + 1;
  }

  /** A string as a value. */
  static Text text(String string) {
    return new Text(string);
  }

  /** A truth value as a value. */
  static Bool bool(boolean is) {
    return new Bool(is);
  }

  /**
   * A Java object as a value: null, Boolean, Integer, Long, String, a List or Map of such, or a
   * Value.
   *
   * @throws IllegalArgumentException if it is of another class
   */
  static Value of(Object object) {
    return switch (object) {
      case null -> None.VALUE;
      case Value value -> value;
      case Boolean is -> new Bool(is);
      case Integer number -> new Int(number);
      case Long number -> new Int(number);
      case String string -> new Text(string);
      case List<?> list -> {
        List<Value> items = new ArrayList<>(list.size());
        list.forEach(item -> items.add(of(item)));
        yield new Items(items);
      }
      case Map<?, ?> map -> {
        Map<String, Value> entries = new LinkedHashMap<>();
        map.forEach((key, value) -> entries.put((String) key, of(value)));
        yield new Dict(entries);
      }
      default ->
          throw new IllegalArgumentException(
              "a template variable is a %s; give null, Boolean, Integer, Long, String, List or Map"
                  .formatted(object.getClass().getName()));
    };
  }

  /** What the value is in a condition. */
  default boolean isTrue() {
    return switch (this) {
      case Undefined _, None _ -> false;
      case Bool(boolean is) -> is;
      case Int(long number) -> number != 0;
      case Text(String string) -> !string.isEmpty();
      case Items items -> items.sequence() == Sequence.STREAM || !items.items().isEmpty();
      case Dict dict -> !dict.entries().isEmpty();
      case Namespace _, Function _ -> true;
    };
  }

  /** The kind of value, as Python names it. */
  default String kind() {
    return switch (this) {
      case Undefined(String name) -> "undefined (%s)".formatted(TemplateException.shown(name));
      case None _ -> "None";
      case Bool _ -> "a boolean";
      case Int _ -> "an integer";
      case Text _ -> "a string";
      case Items items -> "a " + items.sequence().name().toLowerCase(java.util.Locale.ROOT);
      case Dict _ -> "a mapping";
      case Namespace _ -> "a namespace";
      case Function _ -> "a function";
    };
  }

  /** The string. */
  default String string() {
    if (this instanceof Text(String string)) {
      return string;
    }
    throw new TemplateException("is %s; it must be a string".formatted(kind()));
  }

  /** The integer; a boolean counts as 0 or 1. */
  default long integer() {
    return switch (this) {
      case Int(long number) -> number;
      case Bool(boolean is) -> is ? 1 : 0;
      default -> throw new TemplateException("is %s; it must be an integer".formatted(kind()));
    };
  }

  /** What a loop goes over: elements, characters or keys. */
  default List<Value> elements() {
    return switch (this) {
      case Items items -> items.items();
      case Undefined _ -> List.of();
      case Dict dict -> dict.entries().keySet().stream().<Value>map(Text::new).toList();
      case Text(String string) ->
          string.codePoints().<Value>mapToObj(c -> new Text(Character.toString(c))).toList();
      default -> throw new TemplateException("%s cannot be iterated over".formatted(kind()));
    };
  }

  /**
   * What a call is given.
   *
   * @param positional in order
   * @param named by name
   */
  record Arguments(List<Value> positional, Map<String, Value> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    /** Refuses more or other arguments than these. */
    Arguments only(String what, String... names) {
      if (positional.size() > names.length) {
        throw new TemplateException(
            "%s has %d arguments; it takes at most %d"
                .formatted(what, positional.size(), names.length));
      }
      for (String name : named.keySet()) {
        int place = List.of(names).indexOf(name);
        if (place < 0) {
          throw new TemplateException("%s has no argument '%s'".formatted(what, name));
        }
        if (place < positional.size()) {
          throw new TemplateException("%s is given '%s' twice".formatted(what, name));
        }
      }
      return this;
    }

    /** An argument by place or name, or what counts without it. */
    Value get(int place, String name, Value absent) {
      return place < positional.size() ? positional.get(place) : named.getOrDefault(name, absent);
    }

    /** An argument that must be there. */
    Value get(int place, String name) {
      Value value = get(place, name, null);
      if (value == null) {
        throw new TemplateException("the argument '%s' is missing".formatted(name));
      }
      return value;
    }
  }
}
