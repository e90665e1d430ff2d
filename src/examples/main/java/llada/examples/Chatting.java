package llada.examples;

import llada.api.Chat;
import llada.api.Llada;

/** A conversation: each turn sees those before it. */
public final class Chatting {
  private Chatting() {}

  /** Asks twice and prints what was said. */
  public static void main(String[] args) {
    try (Llada llada = Llada.demo();
        Chat chat = llada.conversation()) {
      chat.say("What does a cow say?");
      chat.say("And what does a duck say?", request -> request.length(16));
      chat.messages().forEach(m -> System.out.println(m.role() + ": " + m.content()));
    }
  }
}
