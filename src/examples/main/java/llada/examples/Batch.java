package llada.examples;

import java.util.List;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;

/** Many requests at once: they share the passes over the weights. */
public final class Batch {
  /** Of different lengths and options; each gets the tokens that it would get alone. */
  static final List<Request> REQUESTS =
      List.of(
          Request.of("What does a cow say?").length(16),
          Request.of("Tell me a story about Mia.").length(64).temperature(0.5).seed(7),
          Request.of("What is 3 plus 4?").length(8));

  private Batch() {}

  /** Prints the answers in the order of the requests. */
  public static void main(String[] args) {
    try (Llada llada = Llada.demo()) {
      for (Answer answer : llada.generate(REQUESTS)) {
        System.out.println(answer.text());
      }
    }
  }
}
