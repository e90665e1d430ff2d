package llada.evaluation;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.diffusion.SamplerOptions;
import llada.format.FormatException;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/** Questions whose answers are generated and then judged. */
public final class QuestionsByGeneration implements ItemTask {
  /**
   * A question.
   *
   * @param gold what is expected, for the results
   * @param judge what an answer is found to be
   */
  public record Question(String id, String prompt, String gold, Function<String, Verdict> judge) {
    /** Its form here. */
    public static Question of(MultipleChoice item) {
      return new Question(
          item.id(),
          item.question(),
          String.valueOf(MultipleChoice.letter(item.gold())),
          text -> {
            OptionalInt found = AnswerLetter.find(text, item.choices().size());
            boolean right = found.isPresent() && found.getAsInt() == item.gold();
            return new Verdict(
                found.isPresent() ? String.valueOf(MultipleChoice.letter(found.getAsInt())) : null,
                "accuracy",
                right);
          });
    }

    /** Its form here. */
    public static Question of(Couplet couplet) {
      String measure = couplet.direction() == Couplet.Direction.FORWARD ? "forward" : "reversal";
      return new Question(
          couplet.id(),
          couplet.prompt(),
          couplet.line(),
          text -> new Verdict(null, measure, couplet.isRight(text)));
    }
  }

  /**
   * What an answer comes to.
   *
   * @param read what was read out of it, or null
   * @param measure what it counts for
   */
  public record Verdict(String read, String measure, boolean right) {}

  private final Llada llada;
  private final List<Question> questions;
  private final List<Request> requests = new ArrayList<>();
  private final long seed;

  /**
   * Questions for a model.
   *
   * @param framed whether they are turns of a chat
   * @param seed of the first; each has the next
   * @throws FormatException naming a question that is too long
   */
  public QuestionsByGeneration(
      Llada llada, List<Question> questions, boolean framed, SamplerOptions options, long seed) {
    this.llada = llada;
    this.questions = questions;
    this.seed = seed;
    int most = llada.config().maxSequenceLength() - options.genLength();
    for (Question question : questions) {
      Request text = Request.of(question.prompt()).options(options);
      Request request = framed ? text.chat() : text.raw();
      int tokens = llada.encode(request).length;
      if (tokens > most) {
        throw new FormatException(
            "item %s has %d tokens; beside an answer of %d the model takes %d: ask for a shorter answer, or take the item out"
                .formatted(question.id(), tokens, options.genLength(), Math.max(0, most)));
      }
      requests.add(request);
    }
  }

  @Override
  public int size() {
    return questions.size();
  }

  @Override
  public String id(int item) {
    return questions.get(item).id();
  }

  @Override
  public List<Result> work(List<Integer> items) {
    List<Answer> answers =
        llada.generate(items.stream().map(i -> requests.get(i).seed(seed(i))).toList());
    List<Result> results = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Question question = questions.get(items.get(i));
      String text = answers.get(i).text();
      Verdict verdict = question.judge().apply(text);
      results.add(
          new Result(
              json -> {
                json.writeStringField("text", text);
                if (verdict.read() != null) {
                  json.writeStringField("answer", verdict.read());
                }
                json.writeStringField("gold", question.gold());
              },
              Map.of(verdict.measure(), verdict.right())));
    }
    return results;
  }

  private long seed(int item) {
    return RandomStreams.seed(seed, Purpose.ITEM, item);
  }
}
