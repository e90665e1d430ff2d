package llada.evaluation;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.api.Llada;
import llada.diffusion.LikelihoodOptions;
import llada.format.FormatException;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * Multiple choice by likelihood: the choice whose continuation is likeliest is the answer
 * ("accuracy"), or likeliest by its number of characters ("accuracy_norm"). The choices of an item
 * see the same masks.
 */
public final class ChoiceByLikelihood implements ItemTask {
  private final Llada llada;
  private final List<MultipleChoice> items;
  private final LikelihoodOptions options;
  private final long seed;
  private final boolean truncate;

  /**
   * Choices for a model.
   *
   * @param truncate whether the beginning of what is too long is left out
   * @throws FormatException naming an item that is too long otherwise
   */
  public ChoiceByLikelihood(
      Llada llada,
      List<MultipleChoice> items,
      LikelihoodOptions options,
      long seed,
      boolean truncate) {
    this.llada = llada;
    this.items = items;
    this.options = options;
    this.seed = seed;
    this.truncate = truncate;
    int most = llada.config().maxSequenceLength();
    for (MultipleChoice item : items) {
      for (String continuation : item.continuations()) {
        EncodedPair pair = pair(item, continuation);
        if (pair.length() > most) {
          throw new FormatException(
              "item %s has %d tokens with one of its choices; the model takes at most %d (max_sequence_length): truncate it, which leaves out the beginning of such questions"
                  .formatted(item.id(), pair.length(), most));
        }
      }
    }
  }

  private EncodedPair pair(MultipleChoice item, String continuation) {
    EncodedPair pair = EncodedPair.of(llada.tokenizer(), item.context(), continuation);
    return truncate ? pair.lastTokens(llada.config().maxSequenceLength()) : pair;
  }

  @Override
  public int size() {
    return items.size();
  }

  @Override
  public String id(int item) {
    return items.get(item).id();
  }

  @Override
  public List<Result> work(List<Integer> batch) {
    List<Result> results = new ArrayList<>();
    for (int item : batch) {
      results.add(answer(items.get(item), RandomStreams.seed(seed, Purpose.ITEM, item)));
    }
    return results;
  }

  private Result answer(MultipleChoice item, long itemSeed) {
    int choices = item.choices().size();
    double[] scores = new double[choices];
    double[] perCharacter = new double[choices];
    for (int c = 0; c < choices; c++) {
      EncodedPair pair = pair(item, item.continuations().get(c));
      scores[c] = llada.likelihood(pair.context(), pair.continuation(), options, itemSeed).value();
      String text = item.choices().get(c);
      perCharacter[c] = scores[c] / Math.max(1, text.codePointCount(0, text.length()));
    }
    int answer = largest(scores);
    int normed = largest(perCharacter);
    Map<String, Boolean> right = new LinkedHashMap<>();
    right.put("accuracy", answer == item.gold());
    right.put("accuracy_norm", normed == item.gold());
    return new Result(
        json -> {
          json.writeNumberField("answer", answer);
          json.writeNumberField("answer_norm", normed);
          json.writeNumberField("gold", item.gold());
          json.writeFieldName("log_likelihoods");
          json.writeArray(scores, 0, scores.length);
        },
        right);
  }

  private static int largest(double[] values) {
    int best = 0;
    for (int i = 1; i < values.length; i++) {
      best = values[i] > values[best] ? i : best;
    }
    return best;
  }
}
