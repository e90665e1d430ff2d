package llada.evaluation;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import llada.diffusion.LogLikelihood;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLines;

/** Texts of a file of JSON lines, to be scored. */
public final class ScoreTask implements ItemTask {
  private final TextScorer scorer;
  private final List<Json> texts;
  private final List<String> ids = new ArrayList<>();
  private final Map<String, TextScorer.Score> scores = new HashMap<>();

  /**
   * Reads the texts: objects with {@code text}, or {@code prompt} and {@code response}.
   *
   * @throws FormatException if the file cannot be read or a text is empty
   */
  public ScoreTask(Path file, TextScorer scorer) {
    this.scorer = scorer;
    this.texts = JsonLines.read(file);
    for (Json json : texts) {
      ids.add(ResultsFile.id(json, String.valueOf(ids.size() + 1)));
      if (text(json).isEmpty()) {
        throw new FormatException(json.where() + ": the text is empty, so it has no likelihood");
      }
    }
  }

  private static String text(Json json) {
    return json.get("text").isNull() ? json.get("response").string() : json.get("text").string();
  }

  @Override
  public int size() {
    return ids.size();
  }

  @Override
  public String id(int item) {
    return ids.get(item);
  }

  @Override
  public List<Result> work(List<Integer> items) {
    List<Result> results = new ArrayList<>();
    for (int item : items) {
      Json json = texts.get(item);
      String context = json.get("text").isNull() ? json.get("prompt").or("").string() : "";
      TextScorer.Score score = scorer.score(context, text(json));
      scores.put(ids.get(item), score);
      results.add(
          Result.of(
              out -> {
                score.write(out);
                out.writeNumberField("forward_passes", score.likelihood().forwardPasses());
              }));
    }
    return results;
  }

  /**
   * All texts together.
   *
   * @param file of results, for those that were scored before
   */
  public TextScorer.Score total(Optional<Path> file) {
    if (file.isPresent()) {
      for (Json json : JsonLines.read(file.get())) {
        scores.putIfAbsent(ResultsFile.id(json), read(json));
      }
    }
    return ids.stream().map(scores::get).reduce(TextScorer.Score::plus).orElseThrow();
  }

  private static TextScorer.Score read(Json json) {
    Json error = json.get("standard_error");
    LogLikelihood likelihood =
        new LogLikelihood(
            json.get("log_likelihood").number(),
            error.isNull() ? Double.NaN : error.number(),
            json.get("tokens").integer(0, Integer.MAX_VALUE),
            json.get("forward_passes").or(0L).integer(0, Integer.MAX_VALUE));
    return new TextScorer.Score(likelihood, json.get("bytes").integer());
  }
}
