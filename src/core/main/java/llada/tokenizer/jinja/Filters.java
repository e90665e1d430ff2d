package llada.tokenizer.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import llada.tokenizer.jinja.Value.Arguments;
import llada.tokenizer.jinja.Value.Dict;
import llada.tokenizer.jinja.Value.Int;
import llada.tokenizer.jinja.Value.Items;
import llada.tokenizer.jinja.Value.Sequence;
import llada.tokenizer.jinja.Value.Text;
import llada.tokenizer.jinja.Value.Undefined;

/** What stands after a bar. */
final class Filters {
  private Filters() {}

  /** The filtered value. */
  static Value apply(Work work, String filter, Value value, Arguments given) {
    work.look(value);
    return switch (filter) {
      case "trim" -> Members.ofString(work, Operators.string(value), "strip", given);
      case "upper", "lower", "capitalize", "replace" ->
          Members.ofString(work, Operators.string(value), filter, given);
      case "title" ->
          Value.text(
              Strings.title(
                  Operators.string(value), c -> Strings.isSpace(c) || "-({[<".indexOf(c) >= 0));
      case "string", "safe" -> Value.text(Operators.string(value));
      case "length", "count" -> new Int(length(value));
      case "default", "d" ->
          value instanceof Undefined
                  || given.get(1, "boolean", Value.bool(false)).isTrue() && !value.isTrue()
              ? given.get(0, "default_value", Value.text(""))
              : value;
      case "tojson" -> json(work, value, given.only(filter, "ensure_ascii", "indent"));
      case "list" -> new Items(value.elements());
      case "first" -> end(filter, value.elements());
      case "last" -> end(filter, value.elements().reversed());
      case "join" ->
          Members.join(
              work,
              mapped(work, value, given.get(1, "attribute", Value.None.VALUE)),
              Operators.string(given.get(0, "d", Value.text(""))));
      case "items" -> value instanceof Undefined ? new Items(List.of()) : Members.items(value);
      case "reverse" -> reverse(value);
      case "map" -> map(work, value, given);
      case "select" -> select(work, true, value, v -> v, given);
      case "reject" -> select(work, false, value, v -> v, given);
      case "selectattr", "rejectattr" -> {
        Value path = given.get(0, "attribute");
        yield select(work, filter.equals("selectattr"), value, v -> at(work, v, path), rest(given));
      }
      case "int" -> integer(value, given);
      default -> throw new TemplateException("the filter '%s' is not known here".formatted(filter));
    };
  }

  private static long length(Value value) {
    return switch (value) {
      case Text(String string) -> string.codePointCount(0, string.length());
      case Dict dict -> dict.entries().size();
      case Items items when items.sequence() != Sequence.STREAM -> items.items().size();
      case Undefined _ -> 0;
      default -> throw new TemplateException("%s has no length".formatted(value.kind()));
    };
  }

  private static Value end(String which, List<Value> elements) {
    return elements.isEmpty()
        ? new Undefined("the %s of nothing".formatted(which))
        : elements.getFirst();
  }

  private static Value reverse(Value value) {
    List<Value> reversed = new ArrayList<>(value.elements());
    Collections.reverse(reversed);
    return value instanceof Text
        ? Value.text(reversed.stream().map(Value::string).collect(Collectors.joining()))
        : new Items(reversed, Sequence.STREAM);
  }

  /** The attribute at the end of a path: names and indices with dots between. */
  private static Value at(Work work, Value value, Value path) {
    Value at = value;
    for (String step : Operators.string(path).split("\\.")) {
      boolean index = step.matches("\\d{1,9}");
      at = Members.item(work, at, index ? new Int(Long.parseLong(step)) : Value.text(step));
    }
    return at;
  }

  private static List<Value> mapped(Work work, Value value, Value path) {
    return path instanceof Value.None
        ? value.elements()
        : value.elements().stream().map(element -> at(work, element, path)).toList();
  }

  private static Value map(Work work, Value value, Arguments given) {
    Value path = given.named().getOrDefault("attribute", Value.None.VALUE);
    Value absent = given.named().getOrDefault("default", new Undefined("default"));
    List<Value> mapped = new ArrayList<>();
    for (Value element : mapped(work, value, path)) {
      mapped.add(
          path instanceof Value.None
              ? work.made(apply(work, given.get(0, "filter").string(), element, rest(given)))
              : element instanceof Undefined ? absent : element);
    }
    return new Items(mapped, Sequence.STREAM);
  }

  /** The arguments after the first. */
  private static Arguments rest(Arguments given) {
    List<Value> positional = given.positional();
    return new Arguments(
        positional.subList(Math.min(1, positional.size()), positional.size()), given.named());
  }

  /** The elements of which a part passes a test, or is true if there is no test. */
  private static Value select(
      Work work, boolean wanted, Value value, UnaryOperator<Value> part, Arguments given) {
    List<Value> kept = new ArrayList<>();
    for (Value element : value.elements()) {
      Value tested = part.apply(element);
      boolean holds =
          given.positional().isEmpty()
              ? tested.isTrue()
              : Checks.holds(work, given.get(0, "test").string(), tested, rest(given));
      if (holds == wanted) {
        kept.add(element);
      }
    }
    return new Items(kept, Sequence.STREAM);
  }

  private static Value integer(Value value, Arguments given) {
    if (Operators.isNumber(value)) {
      return new Int(value.integer());
    }
    try {
      return new Int(Long.parseLong(Operators.string(value).strip()));
    } catch (NumberFormatException _) {
      return given.get(0, "default", new Int(0));
    }
  }

  private static Value json(Work work, Value value, Arguments given) {
    if (given.get(0, "ensure_ascii", Value.bool(false)).isTrue()) {
      throw new TemplateException("ensure_ascii of the filter 'tojson' is not known here");
    }
    Value indent = given.get(1, "indent", Value.None.VALUE);
    StringBuilder out = new StringBuilder();
    String spaces =
        indent instanceof Value.None ? "" : " ".repeat(Math.clamp(indent.integer(), 0, 100));
    json(work, value, indent instanceof Value.None ? "" : "\n", spaces, out);
    return Value.text(out.toString());
  }

  /** As Python's json.dumps writes it; Hugging Face's library escapes nothing more. */
  private static void json(Work work, Value value, String line, String indent, StringBuilder out) {
    int before = out.length();
    String inner = line + (line.isEmpty() ? "" : indent);
    String comma = line.isEmpty() ? ", " : ",";
    switch (value) {
      case Value.None _ -> out.append("null");
      case Value.Bool(boolean is) -> out.append(is);
      case Int(long number) -> out.append(number);
      case Text(String string) -> quote(string, out);
      case Items list when list.sequence() != Sequence.STREAM -> {
        String separator = "[" + inner;
        for (Value item : list.items()) {
          work.spend(separator.length());
          out.append(separator);
          json(work, item, inner, indent, out);
          separator = comma + inner;
        }
        out.append(list.items().isEmpty() ? "[]" : line + "]");
      }
      case Dict dict -> {
        String separator = "{" + inner;
        for (Map.Entry<String, Value> entry : dict.entries().entrySet()) {
          work.spend(separator.length());
          out.append(separator);
          quote(entry.getKey(), out);
          out.append(": ");
          json(work, entry.getValue(), inner, indent, out);
          separator = comma + inner;
        }
        out.append(dict.entries().isEmpty() ? "{}" : line + "}");
      }
      default -> throw new TemplateException("%s cannot be JSON".formatted(value.kind()));
    }
    work.spend(1 + (out.length() - before));
  }

  private static void quote(String text, StringBuilder out) {
    out.append('"');
    text.chars().forEach(c -> out.append(Strings.escaped((char) c)));
    out.append('"');
  }
}
