package llada.examples;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Next;
import llada.api.Step;

/**
 * The same, in parts as they come. Tokens are unmasked in any order, but a part that was handed
 * over stays: it is the text before the first mask.
 *
 * @param llada stays the caller's to close
 */
public record LladaStreamingChatModel(Llada llada) implements StreamingChatModel {

  @Override
  public void doChat(ChatRequest asked, StreamingChatResponseHandler handler) {
    StringBuilder sent = new StringBuilder();
    Answer answer;
    try {
      answer =
          llada.generate(
              LladaChatModel.request(asked)
                  .onStep(
                      step -> {
                        send(settled(step), sent, handler);
                        return Next.CONTINUE;
                      }));
    } catch (RuntimeException e) {
      handler.onError(e);
      return;
    }
    send(answer.text(), sent, handler);
    handler.onCompleteResponse(LladaChatModel.response(answer));
  }

  /** The text before the first mask or end; blanks at its ends may yet be cut off. */
  private static String settled(Step step) {
    StringBuilder text = new StringBuilder();
    for (Step.Piece piece : step.pieces()) {
      if (piece.state() == Step.State.MASKED || piece.state() == Step.State.END) {
        break;
      }
      text.append(piece.text());
    }
    return text.toString().strip();
  }

  private static void send(String text, StringBuilder sent, StreamingChatResponseHandler handler) {
    if (text.length() > sent.length() && text.startsWith(sent.toString())) {
      String part = text.substring(sent.length());
      sent.append(part);
      handler.onPartialResponse(part);
    }
  }
}
