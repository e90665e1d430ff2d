package llada.examples;

import llada.api.Llada;

/** Gaps in the middle of a text, which a model that writes from left to right cannot fill. */
public final class Infill {
  private Infill() {}

  /** Fills a gap of three tokens and one whose length the model finds. */
  public static void main(String[] args) {
    try (Llada llada = Llada.demo()) {
      System.out.println(llada.infill("A cow lives in {3} and eats {}."));
    }
  }
}
