package llada.tokenizer.jinja;

import java.time.LocalDateTime;
import java.util.Map;
import java.util.function.Supplier;

/** A template that was read and can be rendered any number of times, by any number of threads. */
public final class Template {
  private final Scope.Statement body;

  private Template(Scope.Statement body) {
    this.body = body;
  }

  /**
   * Reads a template.
   *
   * @throws TemplateException naming the line and what is wrong or not known there
   */
  public static Template parse(String text) {
    return new Template(Parser.parse(text));
  }

  /**
   * The text that the template makes.
   *
   * @param variables by name; see {@link Value#of}
   * @param now what {@code strftime_now} asks for the time
   * @throws TemplateException naming the line and what is wrong, not known or too much there, or
   *     with the message with which the template itself gives up
   */
  public String render(Map<String, ?> variables, Supplier<LocalDateTime> now) {
    Value.Dict values = (Value.Dict) Value.of(variables);
    Work work = new Work(characters(values));
    Scope scope = Scope.of(work, Functions.all(work, now)).inside();
    values.entries().forEach(scope::set);
    return scope.written(body);
  }

  private static long characters(Value value) {
    return switch (value) {
      case Value.Text(String string) -> string.length();
      case Value.Items items -> items.items().stream().mapToLong(Template::characters).sum();
      case Value.Dict dict ->
          dict.entries().values().stream().mapToLong(Template::characters).sum();
      default -> 0;
    };
  }
}
