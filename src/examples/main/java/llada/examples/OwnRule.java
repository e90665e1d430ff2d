package llada.examples;

import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.diffusion.Decoder;
import llada.diffusion.commit.Candidates;
import llada.diffusion.commit.Choice;
import llada.diffusion.commit.CommitRule;

/**
 * A commit rule of one's own: in each step the surest tokens, as long as the probability that all
 * of them are right, taken as independent, stays above a limit.
 *
 * @param limit from 0, everything at once, to 1, one at a time
 */
public record OwnRule(double limit) implements CommitRule {
  @Override
  public void choose(Candidates candidates, Choice choice) {
    double together = 1;
    for (int best : candidates.ranked()) {
      together *= candidates.confidence()[best];
      if (choice.committed().length > 0 && together < limit) {
        return;
      }
      choice.commit(best); // the first one always: a step has to get on
    }
  }

  /** Prints how many steps a story takes by a strict and by a loose limit. */
  public static void main(String[] args) {
    try (Llada llada = Llada.demo()) {
      for (double limit : new double[] {1, 0.5, 0}) {
        Decoder decoder = Decoder.exact().with(new OwnRule(limit));
        Answer answer =
            llada.generate(Request.of("Tell me a story about Mia.").length(32).decoder(decoder));
        System.out.println(limit + ": " + answer.figures().steps() + " steps: " + answer.text());
      }
    }
  }
}
