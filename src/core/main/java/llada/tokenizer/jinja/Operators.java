package llada.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import llada.tokenizer.jinja.Value.Bool;
import llada.tokenizer.jinja.Value.Dict;
import llada.tokenizer.jinja.Value.Int;
import llada.tokenizer.jinja.Value.Items;
import llada.tokenizer.jinja.Value.Text;
import llada.tokenizer.jinja.Value.Undefined;

/** Python's operators on values. */
final class Operators {
  private Operators() {}

  /** The value of an operator between two others. */
  static Value binary(Work work, String operator, Value left, Value right) {
    work.look(left);
    work.look(right);
    return switch (operator) {
      case "==" -> Value.bool(equal(work, left, right));
      case "!=" -> Value.bool(!equal(work, left, right));
      case "in" -> Value.bool(in(work, left, right));
      case "not in" -> Value.bool(!in(work, left, right));
      case "<" -> Value.bool(compare(operator, left, right) < 0);
      case "<=" -> Value.bool(compare(operator, left, right) <= 0);
      case ">" -> Value.bool(compare(operator, left, right) > 0);
      case ">=" -> Value.bool(compare(operator, left, right) >= 0);
      case "~" -> work.made(Value.text(string(left) + string(right)));
      default -> work.made(arithmetic(work, operator, left, right));
    };
  }

  private static Value arithmetic(Work work, String operator, Value left, Value right) {
    if (isNumber(left) && isNumber(right)) {
      long a = left.integer();
      long b = right.integer();
      try {
        return new Int(
            switch (operator) {
              case "+" -> Math.addExact(a, b);
              case "-" -> Math.subtractExact(a, b);
              case "*" -> Math.multiplyExact(a, b);
              case "//" -> Math.floorDivExact(a, b);
              case "%" -> Math.floorMod(a, b);
              default ->
                  throw new TemplateException(
                      "the operator '%s' is not known here".formatted(operator));
            });
      } catch (ArithmeticException _) {
        throw new TemplateException("%d %s %d is no integer of 64 bits".formatted(a, operator, b));
      }
    }
    if (operator.equals("+")) {
      if (left instanceof Text(String a) && right instanceof Text(String b)) {
        return Value.text(a + b);
      }
      if (left instanceof Items a && right instanceof Items b && a.sequence() == b.sequence()) {
        List<Value> both = new ArrayList<>(a.items());
        both.addAll(b.items());
        return new Items(both, a.sequence());
      }
    }
    if (operator.equals("*") && left instanceof Text(String text) && right instanceof Int(long n)) {
      int times = Math.clamp(n, 0, Integer.MAX_VALUE);
      work.spend((long) times * text.length());
      return Value.text(text.repeat(times));
    }
    throw wrong(operator, left, right);
  }

  private static TemplateException wrong(String operator, Value left, Value right) {
    return new TemplateException(
        "'%s' cannot stand between %s and %s".formatted(operator, left.kind(), right.kind()));
  }

  static boolean isNumber(Value value) {
    return value instanceof Int || value instanceof Bool;
  }

  static boolean equal(Work work, Value left, Value right) {
    work.look(left);
    if (isNumber(left) && isNumber(right)) {
      return left.integer() == right.integer();
    }
    if (left instanceof Undefined && right instanceof Undefined) {
      return true;
    }
    if (left instanceof Items a && right instanceof Items b) {
      boolean same = a.sequence() == b.sequence() && a.items().size() == b.items().size();
      for (int i = 0; same && i < a.items().size(); i++) {
        same = equal(work, a.items().get(i), b.items().get(i));
      }
      return same;
    }
    if (left instanceof Dict(Map<String, Value> a, int _)
        && right instanceof Dict(Map<String, Value> b, int _)) {
      boolean same = a.size() == b.size();
      for (Map.Entry<String, Value> entry : a.entrySet()) {
        Value other = b.get(entry.getKey());
        same = same && other != null && equal(work, entry.getValue(), other);
      }
      return same;
    }
    return left.equals(right);
  }

  private static boolean in(Work work, Value wanted, Value where) {
    if (where instanceof Text(String text)) {
      String part = wanted.string();
      work.search(text, part);
      return text.contains(part);
    }
    if (where instanceof Dict dict) {
      return wanted instanceof Text(String key) && dict.entries().containsKey(key);
    }
    return where.elements().stream().anyMatch(element -> equal(work, element, wanted));
  }

  /** Numbers by size, strings by their code points. */
  private static int compare(String operator, Value left, Value right) {
    if (isNumber(left) && isNumber(right)) {
      return Long.compare(left.integer(), right.integer());
    }
    if (left instanceof Text(String a) && right instanceof Text(String b)) {
      int at = 0;
      int end = Math.min(a.length(), b.length());
      while (at < end && a.charAt(at) == b.charAt(at)) {
        at++;
      }
      return at == end
          ? Integer.compare(a.length(), b.length())
          : Integer.compare(a.codePointAt(at), b.codePointAt(at));
    }
    throw wrong(operator, left, right);
  }

  /** What Python's str() gives; how it spells lists and mappings is not known here. */
  static String string(Value value) {
    return switch (value) {
      case Text(String string) -> string;
      case Undefined _ -> "";
      case Value.None _ -> "None";
      case Bool(boolean is) -> is ? "True" : "False";
      case Int(long number) -> Long.toString(number);
      default ->
          throw new TemplateException(
              "%s is written as text; only strings, numbers, booleans and none can be"
                  .formatted(value.kind()));
    };
  }
}
