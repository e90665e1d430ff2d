package llada.evaluation;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.diffusion.SamplerOptions;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLine;
import llada.format.JsonLines;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tokenizer.ChatTemplate.Message;

/**
 * Prompts of a file of JSON lines: {@code {"id", "prompt"}} or {@code {"id", "messages"}}. An id
 * that is missing is the line's number among the objects.
 */
public final class GenerateTask implements ItemTask {
  private final Llada llada;
  private final long seed;
  private final List<String> ids = new ArrayList<>();
  private final List<Request> requests = new ArrayList<>();
  private final List<Integer> promptTokens = new ArrayList<>();

  /**
   * Reads all prompts.
   *
   * @param framing whether they are turns of a chat, and after which system message
   * @param seed of the first; each has the next
   * @throws FormatException naming the line of one that is broken or too long
   */
  public GenerateTask(
      Llada llada, Path file, UnaryOperator<Request> framing, SamplerOptions options, long seed) {
    this.llada = llada;
    this.seed = seed;
    Set<String> seen = new HashSet<>();
    for (Json json : JsonLines.read(file)) {
      String id = ResultsFile.id(json, String.valueOf(ids.size() + 1));
      if (!seen.add(id)) {
        throw new FormatException(
            "%s: the id %s has occurred before; ids must differ".formatted(json.where(), id));
      }
      Request request = framing.apply(prompt(json)).options(options);
      int tokens = encoded(request, json).length;
      int most = llada.config().maxSequenceLength() - options.genLength();
      if (tokens > most) {
        throw new FormatException(
            "%s: the prompt has %d tokens; beside an answer of %d the model takes %d: shorten the prompt or the answer"
                .formatted(json.where(), tokens, options.genLength(), Math.max(0, most)));
      }
      ids.add(id);
      requests.add(request);
      promptTokens.add(tokens);
    }
  }

  private static Request prompt(Json json) {
    if (json.get("messages").isNull()) {
      return Request.of(json.get("prompt").string());
    }
    List<Message> messages = new ArrayList<>();
    for (Json one : json.get("messages").list()) {
      messages.add(new Message(one.get("role").string(), one.get("content").string()));
    }
    return Request.of(messages);
  }

  private int[] encoded(Request request, Json json) {
    if (request.isConversation() && !request.framed().orElse(false)) {
      throw new FormatException(
          json.where()
              + ": has \"messages\", which need the chat template; give a \"prompt\" where the text"
              + " is not framed");
    }
    return llada.encode(request);
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
    List<Answer> answers =
        llada.generate(items.stream().map(i -> requests.get(i).seed(seed(i))).toList());
    List<Result> results = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Answer answer = answers.get(i);
      int prompt = promptTokens.get(items.get(i));
      long itemSeed = seed(items.get(i));
      results.add(
          Result.of(
              json -> {
                json.writeStringField("text", answer.text());
                JsonLine.ids(json, "ids", answer.tokens());
                json.writeNumberField("useful_tokens", answer.useful());
                json.writeNumberField("prompt_tokens", prompt);
                json.writeNumberField("seed", itemSeed);
              }));
    }
    return results;
  }

  private long seed(int item) {
    return RandomStreams.seed(seed, Purpose.ITEM, item);
  }
}
