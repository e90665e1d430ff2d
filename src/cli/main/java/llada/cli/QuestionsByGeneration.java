package llada.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;
import llada.diffusion.SamplerOptions;
import llada.evaluation.AnswerLetter;
import llada.evaluation.Couplet;
import llada.evaluation.MultipleChoice;
import llada.format.FormatException;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/** Questions whose answers are generated and then judged. */
final class QuestionsByGeneration implements ItemTask {
  /**
   * A question.
   *
   * @param gold what is expected, for the results
   * @param judge what an answer is found to be
   */
  record Question(String id, String prompt, String gold, Function<String, Verdict> judge) {
    static Question of(MultipleChoice item) {
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

    static Question of(Couplet couplet) {
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
  record Verdict(String read, String measure, boolean right) {}

  private final Session session;
  private final List<Question> questions;
  private final List<int[]> prompts = new ArrayList<>();
  private final SamplerOptions options;
  private final long seed;

  QuestionsByGeneration(
      Session session,
      List<Question> questions,
      Framing framing,
      SamplerOptions options,
      long seed) {
    this.session = session;
    this.questions = questions;
    this.options = options;
    this.seed = seed;
    int most = session.config().maxSequenceLength() - options.genLength();
    for (Question question : questions) {
      int[] prompt = framing.encode(session.tokenizer(), question.prompt());
      if (prompt.length > most) {
        throw new FormatException(
            "item %s has %d tokens; beside an answer of %d the model takes %d: pass a smaller --gen-length, or take the item out"
                .formatted(question.id(), prompt.length, options.genLength(), Math.max(0, most)));
      }
      prompts.add(prompt);
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
    long[] seeds = RandomStreams.seeds(seed, Purpose.ITEM, items);
    List<Answer> answers =
        PaddedBatch.generate(session, items.stream().map(prompts::get).toList(), options, seeds);
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
}
