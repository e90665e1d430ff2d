package llada.tokenizer.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import llada.tokenizer.jinja.Scope.Expression;
import llada.tokenizer.jinja.Scope.Flow;
import llada.tokenizer.jinja.Scope.Statement;
import llada.tokenizer.jinja.Token.Kind;
import llada.tokenizer.jinja.Value.Arguments;

/** The statements of a template. */
final class Parser extends ExpressionParser {
  private int loops;

  private Parser(List<Token> tokens) {
    super(tokens);
  }

  /** What is set: by a loop, by {@code set}. */
  @FunctionalInterface
  private interface Target {
    void set(Scope scope, Value value);
  }

  private record Branch(Expression condition, Statement body) {}

  private record Parameter(String name, Expression standard) {}

  static Statement parse(String template) {
    return new Parser(Lexer.tokens(template)).body(Set.of());
  }

  /** Everything up to a block that begins with one of the names; the name comes next. */
  private Statement body(Set<String> ends) {
    enter();
    List<Statement> statements = new ArrayList<>();
    boolean ended = false;
    while (!ended) {
      Token token = take();
      switch (token.kind()) {
        case DATA -> statements.add(writing(_ -> Value.text(token.text())));
        case PRINT -> {
          statements.add(writing(tuple()));
          close();
        }
        case BLOCK -> {
          ended = current().kind() == Kind.NAME && ends.contains(current().text());
          if (!ended) {
            statements.add(statement());
          }
        }
        default -> {
          if (!ends.isEmpty()) {
            throw unexpected(String.join(" or ", ends.stream().sorted().toList()));
          }
          ended = true;
        }
      }
    }
    leave();
    return scope -> scope.step(0, () -> run(statements, scope));
  }

  private static Flow run(List<Statement> statements, Scope scope) {
    for (Statement statement : statements) {
      scope.work().spend(1);
      Flow flow = statement.in(scope);
      if (flow != Flow.ON) {
        return flow;
      }
    }
    return Flow.ON;
  }

  private Statement writing(Expression expression) {
    int line = current().line();
    return scope ->
        scope.step(
            line,
            () -> {
              scope.write(Operators.string(expression.in(scope)));
              return Flow.ON;
            });
  }

  /** The end of a tag. */
  private void close() {
    if (current().kind() != Kind.CLOSE) {
      throw unexpected("the end of the tag");
    }
    take();
  }

  /** The body after a tag that ends here, up to the tag of this name and with it. */
  private Statement bodyUntil(String end) {
    close();
    Statement body = body(Set.of(end));
    name();
    close();
    return body;
  }

  private Statement statement() {
    int line = current().line();
    Statement statement = statement(name(), line);
    return scope -> scope.step(line, () -> statement.in(scope));
  }

  private Statement statement(String name, int line) {
    return switch (name) {
      case "if" -> condition();
      case "for" -> loop();
      case "set" -> assignment();
      case "macro" -> macro();
      case "generation" -> bodyUntil("endgeneration"); // only marks what an assistant said
      case "break", "continue" -> {
        if (loops == 0) {
          throw new TemplateException("'%s' stands outside of a loop".formatted(name), line);
        }
        close();
        yield _ -> name.equals("break") ? Flow.BREAK : Flow.CONTINUE;
      }
      default ->
          throw new TemplateException("the statement '%s' is not known here".formatted(name), line);
    };
  }

  private Statement condition() {
    List<Branch> branches = new ArrayList<>();
    String next;
    do {
      Expression condition = tuple();
      close();
      branches.add(new Branch(condition, body(Set.of("elif", "else", "endif"))));
      next = name();
    } while (next.equals("elif"));
    if (next.equals("else")) {
      branches.add(new Branch(_ -> Value.bool(true), bodyUntil("endif")));
    } else {
      close();
    }
    return scope -> {
      for (Branch branch : branches) {
        if (branch.condition().in(scope).isTrue()) {
          return branch.body().in(scope);
        }
      }
      return Flow.ON;
    };
  }

  private Statement loop() {
    int line = current().line();
    Target target = target(false);
    if (!skipName("in")) {
      throw unexpected("'in'");
    }
    Expression over = or(); // not a condition, whose if is the filter
    Expression filter = skipName("if") ? expression() : _ -> Value.bool(true);
    close();
    loops++;
    Statement body = body(Set.of("else", "endfor"));
    loops--;
    Statement otherwise = _ -> Flow.ON;
    if (name().equals("else")) {
      otherwise = bodyUntil("endfor");
    } else {
      close();
    }
    Statement empty = otherwise;
    return scope -> {
      List<Value> elements = scope.step(line, () -> elements(over.in(scope), scope));
      List<Value> kept = new ArrayList<>();
      for (Value element : elements) {
        Scope inside = scope.inside();
        target.set(inside, element);
        if (filter.in(inside).isTrue()) {
          kept.add(element);
        }
      }
      for (int i = 0; i < kept.size(); i++) {
        scope.work().spend(20); // for a scope and what it says of the loop
        Scope inside = scope.inside();
        inside.set("loop", Functions.loop(kept, i));
        target.set(inside, kept.get(i));
        if (body.in(inside) == Flow.BREAK) {
          break;
        }
      }
      return kept.isEmpty() ? empty.in(scope.inside()) : Flow.ON;
    };
  }

  private static List<Value> elements(Value value, Scope scope) {
    scope.work().made(value);
    return value.elements();
  }

  /** One name, or several among which a list is shared out. */
  private Target target(boolean withAttributes) {
    int line = current().line();
    boolean parentheses = skipOperator("(");
    String first = name();
    if (withAttributes && skipOperator(".")) {
      return attribute(first, name(), line);
    }
    List<String> names = new ArrayList<>(List.of(first));
    while (skipOperator(",")) {
      names.add(name());
    }
    if (parentheses) {
      expectOperator(")");
    }
    if (names.size() == 1) {
      return (scope, value) -> scope.set(first, value);
    }
    return (scope, value) -> {
      List<Value> parts = scope.step(line, value::elements);
      if (parts.size() != names.size()) {
        throw new TemplateException(
            "%d values are set to %d names".formatted(parts.size(), names.size()), line);
      }
      for (int i = 0; i < parts.size(); i++) {
        scope.set(names.get(i), parts.get(i));
      }
    };
  }

  private static Target attribute(String name, String attribute, int line) {
    return (scope, value) -> {
      if (!(scope.get(name) instanceof Value.Namespace space)) {
        throw new TemplateException(
            "'%s' is no namespace; only there an attribute can be set".formatted(name), line);
      }
      space.attributes.put(attribute, value);
    };
  }

  private Statement assignment() {
    int line = current().line();
    Target target = target(true);
    Expression value;
    if (skipOperator("=")) {
      value = tuple();
      close();
    } else {
      List<Statement> body = new ArrayList<>();
      value = scope -> Value.text(scope.inside().written(body.getFirst()));
      while (skipOperator("|")) {
        value = filter(value, line);
      }
      body.add(bodyUntil("endset"));
    }
    Expression set = value;
    return scope -> {
      target.set(scope, set.in(scope));
      return Flow.ON;
    };
  }

  private Statement macro() {
    String name = name();
    List<Parameter> parameters = new ArrayList<>();
    expectOperator("(");
    while (!skipOperator(")")) {
      String parameter = name();
      Value absent = new Value.Undefined(parameter);
      parameters.add(new Parameter(parameter, skipOperator("=") ? expression() : _ -> absent));
      separate(")");
    }
    int outer = loops;
    loops = 0;
    Statement body = bodyUntil("endmacro");
    loops = outer;
    return scope -> {
      Value.Function macro = given -> called(name, parameters, body, given, scope.inside());
      scope.set(name, macro);
      return Flow.ON;
    };
  }

  private static Value called(
      String name, List<Parameter> parameters, Statement body, Arguments given, Scope inside) {
    given.only(name, parameters.stream().map(Parameter::name).toArray(String[]::new));
    for (int i = 0; i < parameters.size(); i++) {
      Parameter parameter = parameters.get(i);
      Value value = given.get(i, parameter.name(), null);
      inside.set(parameter.name(), value == null ? parameter.standard().in(inside) : value);
    }
    return Value.text(inside.written(body));
  }
}
