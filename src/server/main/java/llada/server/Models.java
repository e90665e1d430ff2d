package llada.server;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import llada.api.AnswerText;
import llada.api.Llada;
import llada.api.Scheduler;

/** The models by name, each with a scheduler of its own. The first answers who names none. */
final class Models {
  /**
   * A model at work.
   *
   * @param text shows its answers
   * @param fingerprint that tells its weights from others
   * @param finding held by the request whose gaps are being measured
   */
  record Served(
      String name,
      Llada llada,
      Scheduler scheduler,
      AnswerText text,
      String fingerprint,
      Semaphore finding) {}

  private final Map<String, Served> models = new LinkedHashMap<>();

  Models(Map<String, Llada> opened, Scheduler.Limits limits) {
    if (opened.isEmpty()) {
      throw new IllegalArgumentException("there is no model to serve");
    }
    opened.forEach(
        (name, llada) ->
            models.put(
                name,
                new Served(
                    name,
                    llada,
                    new Scheduler(llada, limits),
                    llada.answerText(),
                    "fp_" + llada.fingerprint(),
                    new Semaphore(1, true))));
  }

  /**
   * The model that is meant.
   *
   * @throws ApiException if there is none of that name
   */
  Served named(Optional<String> name) {
    if (name.isEmpty() || name.get().isEmpty()) {
      return models.values().iterator().next();
    }
    return Optional.ofNullable(models.get(name.get()))
        .orElseThrow(
            () ->
                ApiException.notFound(
                    "model",
                    "model_not_found",
                    "there is no such model; there are " + String.join(", ", models.keySet())));
  }

  Collection<Served> all() {
    return models.values();
  }
}
