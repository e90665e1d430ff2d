package llada.tokenizer.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import llada.tokenizer.jinja.Value.Arguments;
import llada.tokenizer.jinja.Value.Int;

/** The functions that every template can call, and what it knows of a loop. */
final class Functions {
  private static final Map<String, String> TIME =
      Map.ofEntries(
          Map.entry("%d", "dd"),
          Map.entry("%m", "MM"),
          Map.entry("%y", "yy"),
          Map.entry("%Y", "uuuu"),
          Map.entry("%b", "MMM"),
          Map.entry("%B", "MMMM"),
          Map.entry("%a", "EEE"),
          Map.entry("%A", "EEEE"),
          Map.entry("%H", "HH"),
          Map.entry("%M", "mm"),
          Map.entry("%S", "ss"),
          Map.entry("%%", "'%'"));

  private Functions() {}

  static Map<String, Value> all(Work work, Supplier<LocalDateTime> now) {
    Map<String, Value> all = new HashMap<>();
    put(all, "raise_exception", Functions::raise);
    put(all, "range", given -> range(work, given));
    put(all, "namespace", Functions::namespace);
    put(all, "strftime_now", given -> Value.text(time(now.get(), given.get(0, "format").string())));
    return all;
  }

  private static void put(Map<String, Value> all, String name, Value.Function function) {
    all.put(name, function);
  }

  private static Value raise(Arguments given) {
    Value message = given.get(0, "message");
    throw new TemplateException(
        "it gives up: " + TemplateException.shown(Operators.string(message)));
  }

  private static Value range(Work work, Arguments given) {
    given.only("range", "start", "stop", "step");
    boolean one = given.positional().size() == 1;
    long start = one ? 0 : given.get(0, "start").integer();
    long stop = given.get(one ? 0 : 1, "stop").integer();
    long step = given.get(2, "step", new Int(1)).integer();
    if (step == 0) {
      throw new TemplateException("the step of range is 0; it must be another integer");
    }
    List<Value> numbers = new ArrayList<>();
    for (long i = start; step > 0 ? i < stop : i > stop; i += step) {
      work.spend(4);
      numbers.add(new Int(i));
    }
    return new Value.Items(numbers);
  }

  private static Value namespace(Arguments given) {
    Value.Namespace space = new Value.Namespace();
    if (!given.positional().isEmpty()) {
      throw new TemplateException("namespace takes named arguments only here");
    }
    space.attributes.putAll(given.named());
    return space;
  }

  /** The time in C's notation, in English. */
  private static String time(LocalDateTime now, String format) {
    StringBuilder out = new StringBuilder();
    int i = 0;
    while (i < format.length()) {
      char c = format.charAt(i);
      if (c != '%') {
        out.append(c);
        i++;
        continue;
      }
      String field = format.substring(i, Math.min(format.length(), i + 2));
      String pattern = TIME.get(field);
      if (pattern == null) {
        throw new TemplateException("the field '%s' of a time is not known here".formatted(field));
      }
      out.append(now.format(DateTimeFormatter.ofPattern(pattern, Locale.US)));
      i += 2;
    }
    return out.toString();
  }

  /** The variable {@code loop}. */
  static Value loop(List<Value> elements, int index) {
    int length = elements.size();
    Map<String, Value> loop = new HashMap<>();
    loop.put("index", new Int(index + 1));
    loop.put("index0", new Int(index));
    loop.put("revindex", new Int(length - index));
    loop.put("revindex0", new Int(length - index - 1));
    loop.put("first", Value.bool(index == 0));
    loop.put("last", Value.bool(index == length - 1));
    loop.put("length", new Int(length));
    if (index > 0) {
      loop.put("previtem", elements.get(index - 1));
    }
    if (index + 1 < length) {
      loop.put("nextitem", elements.get(index + 1));
    }
    return new Value.Dict(loop);
  }
}
