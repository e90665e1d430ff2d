package llada.api;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import llada.diffusion.ReverseProcess;
import llada.diffusion.StepListener;

/** Takes the steps of several requests together, as many at a time as there is room for. */
final class AnswerLoop {
  /** Positions of the requests that are under way together. */
  static final int ROOM = 4096;

  private final Opened opened;
  private final List<Asked> asked;

  AnswerLoop(Opened opened, List<Asked> asked) {
    this.opened = opened;
    this.asked = asked;
  }

  /** The answers, in the order of the requests. */
  List<Answer> run() {
    Answer[] answers = new Answer[asked.size()];
    List<Answering> open = new ArrayList<>();
    Optional<Answering> failed = Optional.empty();
    int next = 0;
    int room = ROOM;
    try {
      while (next < answers.length || !open.isEmpty()) {
        while (next < answers.length && (open.isEmpty() || asked.get(next).room() <= room)) {
          room -= asked.get(next).room();
          open.add(new Answering(opened.engine(), opened.tokenizer(), asked.get(next), next));
          next++;
        }
        step(open);
        for (Answering one : List.copyOf(open)) {
          if (one.done()) {
            answers[one.index()] = one.answer();
            failed = failed.or(() -> Optional.of(one).filter(o -> o.failure().isPresent()));
            room += one.asked().room();
            open.remove(one);
            one.close();
          }
        }
      }
      if (failed.isPresent()) {
        RuntimeException cause = failed.get().failure().orElseThrow();
        throw answers.length == 1
            ? cause
            : new ListenerException(failed.get().index() + 1, cause, List.of(answers));
      }
      return List.of(answers);
    } finally {
      open.forEach(Answering::close);
    }
  }

  /** Takes the next step of those that are not done. */
  private void step(List<Answering> all) {
    List<Answering> open = all.stream().filter(one -> !one.done()).toList();
    if (!open.isEmpty()) {
      saw(open, opened.checked(() -> opened.engine().step(processes(open))));
    }
  }

  /** The reverse processes of requests. */
  static List<ReverseProcess> processes(List<Answering> open) {
    return open.stream().map(Answering::process).toList();
  }

  /** Shows each its step. */
  static void saw(List<Answering> open, List<Optional<StepListener.Step>> steps) {
    for (int i = 0; i < open.size(); i++) {
      steps.get(i).ifPresent(open.get(i)::saw);
    }
  }
}
