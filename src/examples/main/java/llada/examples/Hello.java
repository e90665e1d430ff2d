package llada.examples;

import llada.api.Llada;
import llada.api.Next;
import llada.api.Request;
import llada.api.Step;

/** An answer, and a text being unmasked: the library in ten lines. */
public final class Hello {
  private Hello() {}

  /** Asks the bundled model; {@code Llada.open(Path.of("LLaDA-8B-Instruct"))} opens another. */
  public static void main(String[] args) {
    try (Llada llada = Llada.demo()) {
      System.out.println(llada.chat("What does a cow say?").text());
      Request story = Request.of("Tell me a story about Mia.").length(64).seed(7);
      System.out.println(llada.generate(story.onStep(Hello::draw)).text());
    }
  }

  private static Next draw(Step step) {
    System.err.println(step.text());
    return Next.CONTINUE;
  }
}
