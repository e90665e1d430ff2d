package llada.server;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import llada.api.Answer;
import llada.api.Draft;
import llada.api.QueueFullException;
import llada.api.Request;
import llada.api.RequestException;
import llada.api.Scheduler;
import llada.format.FormatException;

/** One request and its answers, which are sent whole or as they come. */
final class Exchange {
  /** How often a client that waits is looked for. */
  static final long LOOK_MILLIS = 200;

  /**
   * What is asked.
   *
   * @param wishes how it is answered
   * @param prompt the request of the first choice
   * @param param the member of the body that has the prompt
   * @param gaps tokens of each gap; none where an answer follows the prompt
   * @param cut whether the client has said when to end, if it is not an end token that ends it
   */
  record Question(Form form, Wishes wishes, Request prompt, String param, int[] gaps, boolean cut) {
    /** Without gaps. */
    static Question answer(Form form, Wishes wishes, Request prompt, String param) {
      return new Question(form, wishes, prompt, param, new int[0], true);
    }

    /** Whether only the gap is told; else all. */
    boolean filling() {
      return form == Form.TEXT && gaps.length > 0;
    }
  }

  private final Models.Served model;
  private final Question question;
  private final Wishes wishes;
  private final Client client;
  private final Metrics metrics;
  private final Replies replies;
  private final Inbox inbox;
  private final List<Scheduler.Ticket> tickets = new ArrayList<>();
  private final List<Answer> answers = new ArrayList<>();

  Exchange(Models.Served model, Question question, Client client, Metrics metrics) {
    this.model = model;
    this.question = question;
    this.wishes = question.wishes();
    this.client = client;
    this.metrics = metrics;
    this.inbox = new Inbox(wishes.diffusing());
    this.replies = new Replies(question.form(), model, wishes.seed(), question.cut());
  }

  /** Asks and answers, unless the client goes away. */
  void run(Duration time) throws IOException, InterruptedException {
    boolean finished = false;
    try {
      for (int i = 0; i < wishes.choices(); i++) {
        tickets.add(submit(i, time));
        answers.add(null);
      }
      if (wishes.stream()) {
        stream();
      } else {
        whole();
      }
      finished = true;
    } finally {
      if (!finished) {
        tickets.forEach(Scheduler.Ticket::cancel);
      }
    }
  }

  private Scheduler.Ticket submit(int choice, Duration time) {
    Request request = question.prompt().seed(wishes.seed() + choice);
    try {
      Scheduler.Ticket ticket =
          Wishes.checked(
              question.param(),
              () ->
                  model
                      .scheduler()
                      .submit(
                          request,
                          time,
                          Optional.of(choice).filter(_ -> wishes.stream()).map(this::watcher)));
      CompletableFuture<Answer> _ = ticket.answer().whenComplete((_, _) -> inbox.end(choice));
      return ticket;
    } catch (QueueFullException e) {
      throw full(client, e.getMessage());
    } catch (IllegalStateException _) {
      throw closing();
    }
  }

  /** Tells of each step, or of those that have settled something where nothing else is sent. */
  private Consumer<Draft> watcher(int choice) {
    AtomicInteger settled = new AtomicInteger();
    return draft -> {
      if (wishes.diffusing() || draft.settled() > settled.get()) {
        settled.set(draft.settled());
        inbox.draft(choice, draft);
      }
    };
  }

  static ApiException closing() {
    return ApiException.unavailable(503, "shutting_down", "the server is about to stop");
  }

  static ApiException full(Client client, String why) {
    client.response().getHeaders().put("Retry-After", "1");
    return ApiException.unavailable(429, "queue_full", why);
  }

  static ApiException late(String where) {
    return ApiException.unavailable(504, "timeout", "the time for an answer was up" + where);
  }

  /** Looks for the client, of which nothing is heard while it waits. */
  void look() {
    if (client.isGone()) {
      inbox.gone();
    }
  }

  private Inbox.Event next() throws IOException, InterruptedException {
    if (inbox.isEmpty()) {
      client.flush();
    }
    return inbox.next();
  }

  private Answer answer(int choice) {
    try {
      Answer answer = tickets.get(choice).answer().join();
      if (answer.end() == Answer.End.TIME_UP) {
        throw late("");
      }
      metrics.answer(answer);
      answers.set(choice, answer);
      return answer;
    } catch (CompletionException e) {
      throw switch (e.getCause()) {
        case TimeoutException _ -> late(" in the queue");
        case IllegalStateException _ -> closing();
        case OutOfMemoryError _ ->
            ApiException.unavailable(503, "out_of_memory", "there is no memory for this now");
        case FormatException _ ->
            ApiException.unavailable(500, "model_damaged", "the model's file is damaged");
        case RequestException _ ->
            ApiException.unavailable(500, "overflow", "the model's numbers overflow with this");
        default -> e;
      };
    }
  }

  private void whole() throws IOException, InterruptedException {
    for (int left = tickets.size(); left > 0; left--) {
      next();
    }
    List<Replies.Choice> choices = new ArrayList<>();
    for (int i = 0; i < tickets.size(); i++) {
      Answer answer = answer(i);
      Optional<Replies.Revealed> revealed = revealed(answer, 0, useful(answer));
      choices.add(new Replies.Choice(text(answer), revealed, fills(answer), answer));
    }
    client.sendJson(200, replies.whole(choices));
  }

  private void stream() throws IOException, InterruptedException {
    boolean thinks = question.form() == Form.CHAT;
    List<StreamText> texts = new ArrayList<>();
    int[] told = new int[tickets.size()]; // tokens whose confidences were sent
    for (int i = 0; i < tickets.size(); i++) {
      texts.add(new StreamText(wishes.stops(), thinks));
      if (thinks) {
        client.event(replies.begin(i));
      }
    }
    int left = tickets.size();
    while (left > 0) {
      Inbox.Event event = next();
      int i = event.choice();
      if (event.draft().isPresent()) {
        Draft draft = event.draft().get();
        if (wishes.diffusing()) {
          client.event(replies.canvas(i, draft));
        } else {
          StreamText.Split fresh = texts.get(i).next(text(draft, draft.settled()), false);
          if (!fresh.isEmpty()) {
            int from = told[i];
            told[i] = wishes.logprobs() ? firm(draft, from, texts.get(i)) : from;
            client.event(part(i, fresh, revealed(draft, from, told[i])));
          }
        }
      } else {
        Answer answer = answer(i);
        left--;
        if (wishes.diffusing()) {
          client.event(replies.finished(i, text(answer), answer));
        } else {
          StreamText.Split rest = texts.get(i).next(text(answer), true);
          Optional<Replies.Revealed> revealed = revealed(answer, told[i], useful(answer));
          client.event(
              question.form() == Form.TEXT
                  ? replies.text(i, rest.content(), revealed, Optional.of(answer))
                  : replies.end(i, rest, revealed, answer));
        }
      }
    }
    if (wishes.usage()) {
      client.event(replies.usage(answers));
    }
    client.endEvents();
  }

  private String part(int i, StreamText.Split fresh, Optional<Replies.Revealed> revealed) {
    return question.form() == Form.TEXT
        ? replies.text(i, fresh.content(), revealed, Optional.empty())
        : replies.delta(i, fresh, revealed);
  }

  private String text(Answer answer) {
    return question.filling()
        ? model.llada().text(filled(answer.tokens(), answer.step(), answer.tokens().length))
        : answer.text();
  }

  private String text(Draft draft, int first) {
    return model
        .llada()
        .text(
            question.filling()
                ? filled(draft.tokens(), draft.step(), first)
                : Arrays.copyOf(draft.tokens(), first));
  }

  /** How many of the first tokens say nothing that is held back. */
  private int firm(Draft draft, int from, StreamText text) {
    int firm = draft.settled();
    while (firm > from && text(draft, firm).length() > text.firm()) {
      firm--;
    }
    return firm;
  }

  /** Those of the first tokens that were no part of the text with gaps. */
  private static int[] filled(int[] tokens, int[] step, int most) {
    int[] fill = new int[most];
    int n = 0;
    for (int i = 0; i < most; i++) {
      if (step[i] >= 0) {
        fill[n++] = tokens[i];
      }
    }
    return Arrays.copyOf(fill, n);
  }

  private List<String> fills(Answer answer) {
    int[] all = filled(answer.tokens(), answer.step(), answer.tokens().length);
    List<String> fills = new ArrayList<>();
    int from = 0;
    for (int length : question.gaps()) {
      fills.add(model.llada().text(Arrays.copyOfRange(all, from, from + length)));
      from += length;
    }
    return fills;
  }

  private int useful(Answer answer) {
    return question.filling() ? answer.tokens().length : answer.useful();
  }

  private Optional<Replies.Revealed> revealed(Answer answer, int from, int to) {
    return revealed(answer.tokens(), answer.confidence(), answer.step(), from, to);
  }

  private Optional<Replies.Revealed> revealed(Draft draft, int from, int to) {
    return revealed(draft.tokens(), draft.confidence(), draft.step(), from, to);
  }

  private Optional<Replies.Revealed> revealed(
      int[] tokens, double[] confidence, int[] step, int from, int to) {
    if (!wishes.logprobs()) {
      return Optional.empty();
    }
    int[] kept = IntStream.range(from, to).filter(i -> step[i] >= 0).toArray();
    return Optional.of(
        new Replies.Revealed(
            Arrays.stream(kept).map(i -> tokens[i]).toArray(),
            Arrays.stream(kept).mapToDouble(i -> confidence[i]).toArray()));
  }
}
