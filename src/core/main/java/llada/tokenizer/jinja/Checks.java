package llada.tokenizer.jinja;

import llada.tokenizer.jinja.Value.Arguments;
import llada.tokenizer.jinja.Value.Bool;
import llada.tokenizer.jinja.Value.Text;

/** What stands after {@code is}: Jinja's tests. */
final class Checks {
  private Checks() {}

  /** Whether a value passes a test. */
  static boolean holds(Work work, String test, Value value, Arguments given) {
    return switch (test) {
      case "defined" -> !(value instanceof Value.Undefined);
      case "undefined" -> value instanceof Value.Undefined;
      case "none" -> value instanceof Value.None;
      case "string" -> value instanceof Text;
      case "number" -> Operators.isNumber(value);
      case "integer" -> value instanceof Value.Int;
      case "boolean" -> value instanceof Bool;
      case "true" -> value instanceof Bool(boolean is) && is;
      case "false" -> value instanceof Bool(boolean is) && !is;
      case "mapping" -> value instanceof Value.Dict;
      case "sequence", "iterable" ->
          value instanceof Value.Items
              || value instanceof Value.Dict
              || value instanceof Text
              || value instanceof Value.Undefined;
      case "odd" -> Math.floorMod(value.integer(), 2L) == 1;
      case "even" -> Math.floorMod(value.integer(), 2L) == 0;
      case "eq", "equalto", "==" -> compare(work, "==", value, given);
      case "ne", "!=" -> compare(work, "!=", value, given);
      case "lt", "<" -> compare(work, "<", value, given);
      case "le", "<=" -> compare(work, "<=", value, given);
      case "gt", ">" -> compare(work, ">", value, given);
      case "ge", ">=" -> compare(work, ">=", value, given);
      case "in" -> compare(work, "in", value, given);
      default -> throw new TemplateException("the test '%s' is not known here".formatted(test));
    };
  }

  private static boolean compare(Work work, String operator, Value value, Arguments given) {
    return Operators.binary(work, operator, value, given.get(0, "other")).isTrue();
  }
}
