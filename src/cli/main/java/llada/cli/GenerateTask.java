package llada.cli;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import llada.diffusion.SamplerOptions;
import llada.evaluation.ResultsFile;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLines;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tokenizer.ChatTemplate.Message;

/**
 * Prompts of a file of JSON lines: {@code {"id", "prompt"}} or {@code {"id", "messages"}}. An id
 * that is missing is the line's number among the objects.
 */
final class GenerateTask implements ItemTask {
  private final Session session;
  private final SamplerOptions options;
  private final long seed;
  private final List<String> ids = new ArrayList<>();
  private final List<int[]> prompts = new ArrayList<>();

  /**
   * Reads and encodes all prompts.
   *
   * @throws FormatException naming the line of one that is broken or too long
   */
  GenerateTask(
      Session session,
      java.nio.file.Path file,
      Framing framing,
      SamplerOptions options,
      long seed) {
    this.session = session;
    this.options = options;
    this.seed = seed;
    Set<String> seen = new HashSet<>();
    for (Json json : JsonLines.read(file)) {
      String id = ResultsFile.id(json, String.valueOf(ids.size() + 1));
      if (!seen.add(id)) {
        throw new FormatException(
            "%s: the id %s has occurred before; ids must differ".formatted(json.where(), id));
      }
      int[] prompt = prompt(json, framing);
      int most = session.config().maxSequenceLength() - options.genLength();
      if (prompt.length > most) {
        throw new FormatException(
            "%s: the prompt has %d tokens; beside an answer of %d (--gen-length) the model takes %d: shorten the prompt or the answer"
                .formatted(json.where(), prompt.length, options.genLength(), Math.max(0, most)));
      }
      ids.add(id);
      prompts.add(prompt);
    }
  }

  private int[] prompt(Json json, Framing framing) {
    if (!json.get("messages").isNull()) {
      if (!framing.framed()) {
        throw new FormatException(
            json.where() + ": has \"messages\", which need --chat; or give a \"prompt\"");
      }
      List<Message> messages = new ArrayList<>();
      for (Json one : json.get("messages").list()) {
        messages.add(new Message(one.get("role").string(), one.get("content").string()));
      }
      return framing.encode(session.tokenizer(), messages);
    }
    return framing.encode(session.tokenizer(), json.get("prompt").string());
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
    long[] seeds = RandomStreams.seeds(seed, Purpose.ITEM, items);
    List<Answer> answers =
        PaddedBatch.generate(session, items.stream().map(prompts::get).toList(), options, seeds);
    List<Result> results = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Answer answer = answers.get(i);
      int promptTokens = prompts.get(items.get(i)).length;
      long itemSeed = seeds[i];
      results.add(
          Result.of(
              json -> {
                json.writeStringField("text", answer.text());
                JsonLine.ids(json, "ids", answer.ids());
                json.writeNumberField("useful_tokens", answer.useful());
                json.writeNumberField("prompt_tokens", promptTokens);
                json.writeNumberField("seed", itemSeed);
              }));
    }
    return results;
  }
}
