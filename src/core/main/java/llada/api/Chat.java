package llada.api;

import static llada.api.Request.given;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import llada.diffusion.KeptPrefix;
import llada.tokenizer.ChatTemplate.Message;

/**
 * A conversation with its history. Not thread-safe; several conversations may share a {@link
 * Llada}.
 *
 * <p>With a model that never changes what is before (LLaMA, LLaDA2) it keeps keys and values from
 * turn to turn, so that a turn computes only what is new; answers are the same. They take {@link
 * MemoryNeed#kvBytesPerToken} for each token of the longest turn until this, or the model, is
 * closed.
 */
public final class Chat implements AutoCloseable {
  private final KeptPrefix kept = new KeptPrefix();
  private final Llada llada;
  private final boolean framed;
  private final Optional<String> system;
  private final List<Message> messages = new ArrayList<>();

  Chat(Llada llada, boolean framed, Optional<String> system) {
    this.llada = llada;
    this.framed = framed;
    this.system = system;
  }

  /** Says something and gets the answer; both become part of the conversation. */
  public Answer say(String text) {
    return say(text, request -> request);
  }

  /**
   * The same with wishes.
   *
   * @param wishes options, seed and listener of this turn; they keep the prompt
   * @return the answer; one that was stopped or interrupted is not part of the conversation
   */
  public Answer say(String text, UnaryOperator<Request> wishes) {
    List<Message> all = new ArrayList<>(messages);
    all.add(new Message("user", given(text, "the message")));
    Request plain = Request.of(all);
    Request request = framed ? system.map(plain::system).orElse(plain.chat()) : plain.raw();
    Answer answer = llada.generate(given(wishes, "the wishes").apply(request), kept);
    if (answer.end() != Answer.End.STOPPED && answer.end() != Answer.End.INTERRUPTED) {
      messages.add(new Message("user", text));
      messages.add(new Message("assistant", answer.text()));
    }
    return answer;
  }

  /** Forgets all turns, but not the system message. */
  public void clear() {
    messages.clear();
  }

  /** All turns so far, without the system message. */
  public List<Message> messages() {
    return List.copyOf(messages);
  }

  /** How many turns were answered. */
  public int turns() {
    return messages.size() / 2;
  }

  /** The conversation as Markdown, a heading for each role. */
  public String markdown() {
    StringBuilder text = new StringBuilder();
    system.ifPresent(s -> section(text, new Message("system", s)));
    messages.forEach(message -> section(text, message));
    return text.toString();
  }

  /** Frees the memory; the conversation may go on, with its first turn computed as a whole. */
  @Override
  public void close() {
    llada.forget(kept);
  }

  private static void section(StringBuilder text, Message message) {
    text.append("## ").append(message.role()).append("\n\n");
    text.append(message.content().strip()).append("\n\n");
  }
}
