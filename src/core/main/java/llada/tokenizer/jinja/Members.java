package llada.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import llada.tokenizer.jinja.Value.Arguments;
import llada.tokenizer.jinja.Value.Dict;
import llada.tokenizer.jinja.Value.Int;
import llada.tokenizer.jinja.Value.Items;
import llada.tokenizer.jinja.Value.Sequence;
import llada.tokenizer.jinja.Value.Text;
import llada.tokenizer.jinja.Value.Undefined;

/**
 * What lies inside values: attributes, elements, parts, and the methods of strings and mappings.
 */
final class Members {
  private static final Set<String> OF_DICTS = Set.of("items", "keys", "values", "get");

  private Members() {}

  /** {@code value.name}: a method, else what {@code value['name']} is. */
  static Value attribute(Work work, Value value, String name) {
    if (value instanceof Dict dict && OF_DICTS.contains(name)) {
      return (Value.Function) given -> ofDict(dict, name, given);
    }
    if (value instanceof Text(String text)) {
      return (Value.Function) given -> ofString(work, text, name, given);
    }
    return item(work, value, Value.text(name));
  }

  /** {@code value[key]}. */
  static Value item(Work work, Value value, Value key) {
    String name = Operators.string(key);
    if (value instanceof Undefined) {
      throw new TemplateException(
          "%s has no %s".formatted(value.kind(), TemplateException.shown(name)));
    }
    Optional<Value> found = Optional.empty();
    if (key instanceof Text) {
      if (value instanceof Dict dict) {
        found = Optional.ofNullable(dict.entries().get(name));
      } else if (value instanceof Value.Namespace space) {
        found = Optional.ofNullable(space.attributes.get(name));
      }
    } else if (key instanceof Int(long at) && hasParts(value)) {
      work.look(value);
      List<Value> elements = value.elements();
      long index = at < 0 ? at + elements.size() : at;
      if (index >= 0 && index < elements.size()) {
        found = Optional.of(elements.get((int) index));
      }
    }
    return found.orElseGet(() -> new Undefined(name));
  }

  /** {@code value[from:to:step]}; none stands for what is left out. */
  static Value slice(Work work, Value value, Value from, Value to, Value step) {
    if (!hasParts(value)) {
      throw new TemplateException("%s has no parts".formatted(value.kind()));
    }
    List<Value> elements = value.elements();
    work.spend(elements.size());
    long by = step instanceof Value.None ? 1 : step.integer();
    if (by == 0) {
      throw new TemplateException("the step of a part is 0; it must be another integer");
    }
    int n = elements.size();
    long stop = bound(to, n, by, by > 0 ? n : -1);
    List<Value> part = new ArrayList<>();
    for (long i = bound(from, n, by, by > 0 ? 0 : n - 1); by > 0 ? i < stop : i > stop; i += by) {
      part.add(elements.get((int) i));
    }
    if (value instanceof Items list) {
      return new Items(part, list.sequence());
    }
    return Value.text(String.join("", part.stream().map(Value::string).toList()));
  }

  private static boolean hasParts(Value value) {
    return value instanceof Text
        || value instanceof Items items && items.sequence() != Sequence.STREAM;
  }

  private static long bound(Value value, int n, long by, long absent) {
    if (value instanceof Value.None) {
      return absent;
    }
    long at = value.integer();
    return Math.clamp(at < 0 ? at + n : at, by > 0 ? 0L : -1L, by > 0 ? (long) n : n - 1L);
  }

  private static Value ofDict(Dict dict, String name, Arguments given) {
    Map<String, Value> entries = dict.entries();
    return switch (name) {
      case "get" ->
          given.get(0, "key") instanceof Text(String key) && entries.containsKey(key)
              ? entries.get(key)
              : given.get(1, "default", Value.None.VALUE);
      case "keys" -> new Items(dict.elements());
      case "values" -> new Items(List.copyOf(entries.values()));
      default -> items(dict);
    };
  }

  /** The entries of a mapping as tuples of key and value. */
  static Items items(Value value) {
    if (!(value instanceof Dict dict)) {
      throw new TemplateException("%s has no items; only a mapping has".formatted(value.kind()));
    }
    List<Value> items = new ArrayList<>();
    dict.entries()
        .forEach((k, v) -> items.add(new Items(List.of(Value.text(k), v), Sequence.TUPLE)));
    return new Items(items);
  }

  /** A method of a string; those of them that are filters too have one meaning. */
  static Value ofString(Work work, String text, String name, Arguments given) {
    work.look(Value.text(text));
    return switch (name) {
      case "strip" -> strip(work, text, given, true, true);
      case "lstrip" -> strip(work, text, given, true, false);
      case "rstrip" -> strip(work, text, given, false, true);
      case "split" -> split(work, text, given.only(name, "sep", "maxsplit"));
      case "startswith" -> Value.bool(anyOf(given, text::startsWith));
      case "endswith" -> Value.bool(anyOf(given, text::endsWith));
      case "upper" -> Value.text(text.toUpperCase(Locale.ROOT));
      case "lower" -> Value.text(text.toLowerCase(Locale.ROOT));
      case "title" -> Value.text(Strings.title(text, c -> !Character.isLetter(c)));
      case "capitalize" -> Value.text(Strings.title(text, _ -> false));
      case "replace" -> {
        String old = given.only(name, "old", "new", "count").get(0, "old").string();
        String by = given.get(1, "new").string();
        Value count = given.get(2, "count", Value.None.VALUE);
        work.search(text, old);
        List<String> parts =
            Strings.parts(text, old, count instanceof Value.None ? -1 : count.integer());
        work.spend((long) parts.size() * by.length());
        yield Value.text(String.join(by, parts));
      }
      case "join" -> join(work, given.get(0, "iterable").elements(), text);
      default ->
          throw new TemplateException(
              "the method '%s' of strings is not known here".formatted(name));
    };
  }

  /** Elements as one text. */
  static Value join(Work work, List<Value> elements, String between) {
    List<String> parts = new ArrayList<>();
    for (Value element : elements) {
      String part = Operators.string(element);
      work.spend(part.length() + between.length());
      parts.add(part);
    }
    return Value.text(String.join(between, parts));
  }

  private static boolean anyOf(Arguments given, Function<String, Boolean> holds) {
    Value wanted = given.get(0, "prefix");
    List<Value> any = wanted instanceof Items list ? list.items() : List.of(wanted);
    return any.stream().map(Value::string).anyMatch(holds::apply);
  }

  private static Value strip(Work work, String text, Arguments given, boolean left, boolean right) {
    Value away = given.only("strip", "chars").get(0, "chars", Value.None.VALUE);
    if (away instanceof Value.None) {
      return Value.text(Strings.strip(text, Strings::isSpace, left, right));
    }
    String characters = away.string();
    work.search(text, characters);
    return Value.text(Strings.strip(text, c -> characters.indexOf(c) >= 0, left, right));
  }

  private static Value split(Work work, String text, Arguments given) {
    Value separator = given.get(0, "sep", Value.None.VALUE);
    long cuts = given.get(1, "maxsplit", new Int(-1)).integer();
    if (!(separator instanceof Value.None)) {
      work.search(text, separator.string());
    }
    return new Items(
        (separator instanceof Value.None
                ? Strings.words(text, cuts)
                : Strings.parts(text, separator.string(), cuts))
            .stream().<Value>map(Text::new).toList());
  }
}
