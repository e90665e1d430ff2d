package llada.server;

import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import llada.api.Answer;
import llada.api.Scheduler;

/** What was done since the start, in Prometheus's text format. */
final class Metrics {
  private final Map<Integer, LongAdder> requests = new ConcurrentHashMap<>();
  private final LongAdder promptTokens = new LongAdder();
  private final LongAdder answerTokens = new LongAdder();
  private final LongAdder usefulTokens = new LongAdder();
  private final LongAdder passes = new LongAdder();
  private final LongAdder nanos = new LongAdder();
  private final LongAdder answers = new LongAdder();

  void answered(int status) {
    requests.computeIfAbsent(status, _ -> new LongAdder()).increment();
  }

  void answer(Answer answer) {
    answers.increment();
    promptTokens.add(answer.figures().promptTokens());
    answerTokens.add(answer.tokens().length);
    usefulTokens.add(answer.useful());
    passes.add(answer.figures().forwardPasses());
    nanos.add(answer.figures().nanos());
  }

  String text(Models models) {
    StringBuilder text = new StringBuilder();
    head(text, "requests_total", "counter", "Requests answered, by status");
    requests.forEach(
        (status, count) ->
            text.append("llada_requests_total{status=\"%d\"} %d\n".formatted(status, count.sum())));
    counter(text, "answers_total", "Answers of a model", answers.sum());
    counter(text, "prompt_tokens_total", "Tokens of prompts", promptTokens.sum());
    counter(text, "answer_tokens_total", "Tokens of answers", answerTokens.sum());
    counter(text, "useful_tokens_total", "Tokens of answers before their end", usefulTokens.sum());
    counter(text, "forward_passes_total", "Passes, of each answer for itself", passes.sum());
    head(text, "answer_seconds_total", "counter", "Time from first to last step, summed");
    text.append(String.format(Locale.ROOT, "llada_answer_seconds_total %.3f\n", nanos.sum() / 1e9));
    each(text, models, "waiting", "gauge", "Requests that wait", Scheduler::waiting);
    each(text, models, "open", "gauge", "Requests under way", Scheduler::open);
    String counter = "counter";
    each(text, models, "steps_total", counter, "Steps that were shared", s -> s.figures().steps());
    each(
        text,
        models,
        "step_requests_total",
        counter,
        "Requests that shared each step, summed",
        s -> s.figures().shares());
    each(
        text,
        models,
        "step_seconds_total",
        counter,
        "Time of steps",
        s -> s.figures().stepNanos() / 1e9);
    each(
        text,
        models,
        "scheduler_cpu_seconds_total",
        counter,
        "CPU time of the scheduler between steps",
        s -> s.figures().otherNanos() / 1e9);
    return text.toString();
  }

  private static void head(StringBuilder text, String name, String type, String help) {
    text.append("# HELP llada_%s %s\n# TYPE llada_%s %s\n".formatted(name, help, name, type));
  }

  private static void counter(StringBuilder text, String name, String help, long value) {
    head(text, name, "counter", help);
    text.append("llada_%s %d\n".formatted(name, value));
  }

  private static void each(
      StringBuilder text,
      Models models,
      String name,
      String type,
      String help,
      Function<Scheduler, Number> value) {
    head(text, name, type, help);
    for (Models.Served model : models.all()) {
      String label = model.name().replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
      text.append(
          "llada_%s{model=\"%s\"} %s\n".formatted(name, label, value.apply(model.scheduler())));
    }
  }
}
