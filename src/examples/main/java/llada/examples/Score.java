package llada.examples;

import llada.api.Llada;
import llada.diffusion.LogLikelihood;

/** How likely an answer is: a bound, estimated from random masks, with its standard error. */
public final class Score {
  private Score() {}

  /** Prints the bound on the perplexity of a right answer and of a wrong one. */
  public static void main(String[] args) {
    try (Llada llada = Llada.demo()) {
      for (String answer : new String[] {"A cow says moo.", "Moo cow says a."}) {
        LogLikelihood score = llada.score("What does a cow say?", answer);
        System.out.printf(
            "%.3f +- %.3f  %s%n", score.perplexity(), score.perplexityError(), answer);
      }
    }
  }
}
