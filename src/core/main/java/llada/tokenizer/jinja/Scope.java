package llada.tokenizer.jinja;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Names and what they stand for while a template is rendered. What is set in a loop or a macro is
 * gone after it.
 */
final class Scope {
  private static final int MAX_DEPTH = 300;

  /** What has a value. */
  @FunctionalInterface
  interface Expression {
    Value in(Scope scope);
  }

  /** What a template does. */
  @FunctionalInterface
  interface Statement {
    Flow in(Scope scope);
  }

  /** What a statement leaves to the loop around it. */
  enum Flow {
    ON,
    BREAK,
    CONTINUE
  }

  /** What all scopes of a rendering share. */
  private static final class Rendering {
    private final Work work;
    private StringBuilder out = new StringBuilder();
    private int depth;

    private Rendering(Work work) {
      this.work = work;
    }
  }

  private final Rendering rendering;
  private final Scope around; // null for the outermost
  private final Map<String, Value> values;

  private Scope(Rendering rendering, Scope around, Map<String, Value> values) {
    this.rendering = rendering;
    this.around = around;
    this.values = values;
  }

  /** The outermost scope. */
  static Scope of(Work work, Map<String, Value> values) {
    return new Scope(new Rendering(work), null, new HashMap<>(values));
  }

  Scope inside() {
    return new Scope(rendering, this, new HashMap<>());
  }

  Work work() {
    return rendering.work;
  }

  Value get(String name) {
    for (Scope scope = this; scope != null; scope = scope.around) {
      Value value = scope.values.get(name);
      if (value != null) {
        return value;
      }
    }
    return new Value.Undefined(name);
  }

  void set(String name, Value value) {
    values.put(name, value);
  }

  void write(String text) {
    work().spend(text.length());
    rendering.out.append(text);
  }

  /** What a statement writes. */
  String written(Statement statement) {
    StringBuilder before = rendering.out;
    rendering.out = new StringBuilder();
    statement.in(this);
    String text = rendering.out.toString();
    rendering.out = before;
    return text;
  }

  /** Takes a step, one level deeper, that stands on a line of the template. */
  <T> T step(int line, Supplier<T> step) {
    try {
      work().spend(1);
      if (++rendering.depth > MAX_DEPTH) {
        throw new TemplateException("it is nested more than %d deep".formatted(MAX_DEPTH));
      }
      T result = step.get();
      rendering.depth--;
      return result;
    } catch (TemplateException e) {
      throw e.at(line);
    }
  }
}
