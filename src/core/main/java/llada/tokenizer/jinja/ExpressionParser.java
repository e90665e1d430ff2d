package llada.tokenizer.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import llada.tokenizer.jinja.Scope.Expression;
import llada.tokenizer.jinja.Token.Kind;
import llada.tokenizer.jinja.Value.Arguments;

/**
 * Expressions by recursive descent, a method for each of Jinja's precedences, loosest first. What
 * is parsed becomes a function of the scope at once.
 */
class ExpressionParser extends TokenReader {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Set<String> NO_ARGUMENTS =
      Set.of("else", "or", "and", "is", "if", "in", "not");
  private static final Given NOTHING = _ -> Arguments.NONE;

  /** The arguments of a call. */
  interface Given {
    Arguments in(Scope scope);
  }

  ExpressionParser(List<Token> tokens) {
    super(tokens);
  }

  private static Expression step(int line, Expression expression) {
    return scope -> scope.step(line, () -> expression.in(scope));
  }

  private static Expression constant(Value value) {
    return _ -> value;
  }

  /** An expression, or several with commas, which make a tuple. */
  Expression tuple() {
    Expression first = expression();
    if (!nextIs(Kind.OPERATOR, ",")) {
      return first;
    }
    List<Expression> items = new ArrayList<>(List.of(first));
    while (skipOperator(",") && current().kind() != Kind.CLOSE && !nextIs(Kind.OPERATOR, ")")) {
      items.add(expression());
    }
    return list(items, Value.Sequence.TUPLE);
  }

  private Expression list(List<Expression> items, Value.Sequence kind) {
    int line = current().line();
    return scope ->
        scope.step(line, () -> scope.work().made(new Value.Items(values(items, scope), kind)));
  }

  private static List<Value> values(List<Expression> expressions, Scope scope) {
    List<Value> values = new ArrayList<>(expressions.size());
    for (Expression expression : expressions) {
      values.add(expression.in(scope));
    }
    return values;
  }

  Expression expression() {
    enter();
    Expression value = or();
    int line = current().line();
    while (skipName("if")) {
      Expression yes = value;
      Expression condition = or();
      Expression no =
          skipName("else") ? expression() : constant(new Value.Undefined("the else of an if"));
      value = step(line, s -> condition.in(s).isTrue() ? yes.in(s) : no.in(s));
    }
    leave();
    return value;
  }

  Expression or() {
    Expression value = and();
    for (int line = current().line(); skipName("or"); line = current().line()) {
      Expression left = value;
      Expression right = and();
      value =
          step(
              line,
              scope -> {
                Value first = left.in(scope);
                return first.isTrue() ? first : right.in(scope);
              });
    }
    return value;
  }

  private Expression and() {
    Expression value = not();
    for (int line = current().line(); skipName("and"); line = current().line()) {
      Expression left = value;
      Expression right = not();
      value =
          step(
              line,
              scope -> {
                Value first = left.in(scope);
                return first.isTrue() ? right.in(scope) : first;
              });
    }
    return value;
  }

  private Expression not() {
    int line = current().line();
    if (!skipName("not")) {
      return comparison();
    }
    enter();
    Expression value = not();
    leave();
    return not(line, value);
  }

  private static Expression not(int line, Expression value) {
    return step(line, scope -> Value.bool(!value.in(scope).isTrue()));
  }

  private Expression comparison() {
    Expression value = sum();
    int line = current().line();
    String operator = comparisonOperator();
    if (operator.isEmpty()) {
      return value;
    }
    value = binary(operator, line, value, sum());
    if (!comparisonOperator().isEmpty()) {
      throw new TemplateException("comparisons in a chain are not known here", line);
    }
    return value;
  }

  private String comparisonOperator() {
    if (current().kind() == Kind.OPERATOR && COMPARISONS.contains(current().text())) {
      return take().text();
    }
    if (skipName("in")) {
      return "in";
    }
    if (nextIs(Kind.NAME, "not") && following().text().equals("in")) {
      take();
      take();
      return "not in";
    }
    return "";
  }

  private static Expression binary(String operator, int line, Expression left, Expression right) {
    return step(
        line, scope -> Operators.binary(scope.work(), operator, left.in(scope), right.in(scope)));
  }

  private Expression sum() {
    Expression value = concatenation();
    while (nextIs(Kind.OPERATOR, "+") || nextIs(Kind.OPERATOR, "-")) {
      Token operator = take();
      value = binary(operator.text(), operator.line(), value, concatenation());
    }
    return value;
  }

  private Expression concatenation() {
    Expression value = product();
    for (int line = current().line(); skipOperator("~"); line = current().line()) {
      value = binary("~", line, value, product());
    }
    return value;
  }

  private Expression product() {
    Expression value = unary(true);
    while (current().kind() == Kind.OPERATOR
        && Set.of("*", "/", "//", "%", "**").contains(current().text())) {
      Token operator = take();
      value = binary(operator.text(), operator.line(), value, unary(true));
    }
    return value;
  }

  private Expression unary(boolean filters) {
    int line = current().line();
    Expression value;
    if (skipOperator("-")) {
      enter();
      value = binary("-", line, constant(new Value.Int(0)), unary(false));
      leave();
    } else {
      value = primary();
    }
    value = postfix(value);
    return filters ? filters(value) : value;
  }

  private Expression primary() {
    Token token = take();
    return switch (token.kind()) {
      case NAME ->
          switch (token.text()) {
            case "true", "True" -> constant(Value.bool(true));
            case "false", "False" -> constant(Value.bool(false));
            case "none", "None" -> constant(Value.None.VALUE);
            default -> scope -> scope.get(token.text());
          };
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (current().kind() == Kind.STRING) {
          text.append(take().text());
        }
        yield constant(Value.text(text.toString()));
      }
      case NUMBER -> constant(integer(token));
      case OPERATOR ->
          switch (token.text()) {
            case "(" -> parentheses();
            case "[" -> list();
            case "{" -> mapping();
            default -> throw notThere(token);
          };
      default -> throw notThere(token);
    };
  }

  private static TemplateException notThere(Token token) {
    return new TemplateException(
        "unexpected %s; wanted: a value".formatted(token.shown()), token.line());
  }

  private static Value integer(Token token) {
    try {
      return new Value.Int(Long.parseLong(token.text().replace("_", "")));
    } catch (NumberFormatException _) {
      throw new TemplateException(
          "the integer %s is too large".formatted(TemplateException.shown(token.text())),
          token.line());
    }
  }

  private Expression parentheses() {
    if (skipOperator(")")) {
      return list(List.of(), Value.Sequence.TUPLE);
    }
    Expression value = tuple();
    expectOperator(")");
    return value;
  }

  private Expression list() {
    List<Expression> items = new ArrayList<>();
    while (!skipOperator("]")) {
      items.add(expression());
      separate("]");
    }
    return list(items, Value.Sequence.LIST);
  }

  private Expression mapping() {
    int line = current().line();
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!skipOperator("}")) {
      keys.add(expression());
      expectOperator(":");
      values.add(expression());
      separate("}");
    }
    return step(
        line,
        scope -> {
          Map<String, Value> entries = new LinkedHashMap<>();
          for (int i = 0; i < keys.size(); i++) {
            entries.put(keys.get(i).in(scope).string(), values.get(i).in(scope));
          }
          return scope.work().made(new Value.Dict(entries));
        });
  }

  private Expression postfix(Expression start) {
    Expression value = start;
    while (true) {
      int line = current().line();
      Expression of = value;
      if (skipOperator(".")) {
        if (current().kind() == Kind.NUMBER) {
          Value index = integer(take());
          value = step(line, scope -> Members.item(scope.work(), of.in(scope), index));
        } else {
          String name = name();
          value = step(line, scope -> Members.attribute(scope.work(), of.in(scope), name));
        }
      } else if (skipOperator("[")) {
        value = subscript(of, line);
      } else if (nextIs(Kind.OPERATOR, "(")) {
        value = call(of, line);
      } else {
        return value;
      }
    }
  }

  private Expression call(Expression function, int line) {
    Given given = given();
    return step(
        line,
        scope -> {
          Value called = function.in(scope);
          if (!(called instanceof Value.Function known)) {
            throw new TemplateException("%s cannot be called".formatted(called.kind()));
          }
          return scope.work().made(known.call(given.in(scope)));
        });
  }

  private Expression subscript(Expression of, int line) {
    Expression from = bound();
    if (skipOperator("]")) {
      return step(line, scope -> Members.item(scope.work(), of.in(scope), from.in(scope)));
    }
    expectOperator(":");
    Expression to = bound();
    Expression by = skipOperator(":") ? bound() : constant(Value.None.VALUE);
    expectOperator("]");
    return step(
        line,
        s -> s.work().made(Members.slice(s.work(), of.in(s), from.in(s), to.in(s), by.in(s))));
  }

  private Expression bound() {
    return nextIs(Kind.OPERATOR, ":") || nextIs(Kind.OPERATOR, "]")
        ? constant(Value.None.VALUE)
        : expression();
  }

  /** Arguments in parentheses, if there are any. */
  private Given given() {
    if (!skipOperator("(")) {
      return NOTHING;
    }
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    while (!skipOperator(")")) {
      if (current().kind() == Kind.NAME && following().text().equals("=")) {
        String name = name();
        expectOperator("=");
        named.put(name, expression());
      } else if (named.isEmpty()) {
        positional.add(expression());
      } else {
        throw unexpected("a named argument");
      }
      separate(")");
    }
    return scope -> {
      Map<String, Value> values = new LinkedHashMap<>();
      named.forEach((name, expression) -> values.put(name, expression.in(scope)));
      return new Arguments(values(positional, scope), values);
    };
  }

  private Expression filters(Expression start) {
    Expression value = start;
    while (true) {
      int line = current().line();
      if (skipOperator("|")) {
        value = filter(value, line);
      } else if (skipName("is")) {
        value = test(value, line);
      } else if (nextIs(Kind.OPERATOR, "(")) {
        value = call(value, line);
      } else {
        return value;
      }
    }
  }

  /** A filter, after its bar. */
  Expression filter(Expression of, int line) {
    String name = name();
    Given given = given();
    return step(line, s -> s.work().made(Filters.apply(s.work(), name, of.in(s), given.in(s))));
  }

  private Expression test(Expression of, int line) {
    boolean negated = skipName("not");
    String name = name();
    boolean parentheses = nextIs(Kind.OPERATOR, "(");
    Given given = given();
    Token next = current();
    if (!parentheses
        && (next.kind() == Kind.STRING
            || next.kind() == Kind.NUMBER
            || next.kind() == Kind.NAME && !NO_ARGUMENTS.contains(next.text())
            || nextIs(Kind.OPERATOR, "[")
            || nextIs(Kind.OPERATOR, "{"))) {
      Expression argument = postfix(primary());
      given = scope -> new Arguments(List.of(argument.in(scope)), Map.of());
    }
    Given arguments = given;
    Expression test =
        step(line, s -> Value.bool(Checks.holds(s.work(), name, of.in(s), arguments.in(s))));
    return negated ? not(line, test) : test;
  }
}
