package llada.train.demo;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import llada.format.AtomicFile;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;

/**
 * What the bundled model is trained on, from a seed: chats, and texts that are masked as a whole
 * (stories, sentences about people, finished Sudokus). Held out of them are one key in sixteen (a
 * pair of summands, however it is asked for; a range; a topic; a Sudoku up to its digits' names),
 * some wordings of every question, and for half of the people the question for their name.
 *
 * @param seed of everything
 * @param count chats and texts
 */
public record Lessons(long seed, int count) {
  private static final List<Subject> SUBJECTS = List.of(Subject.values());

  /** Shares of the subjects; with {@link #TEXTS} they are shares of all. */
  private static final List<Integer> SHARES = SUBJECTS.stream().map(Lessons::share).toList();

  private static final int TEXTS = 15;
  private static final int TRIES = 400; // for each question of a test
  private static final String STORY = "story ";

  private static final List<Subject> SHORT =
      List.of(
          Subject.SUMS,
          Subject.COMPLETING,
          Subject.COMPARING,
          Subject.OPPOSITES,
          Subject.ANIMALS,
          Subject.SOCIAL,
          Subject.OUTSIDE);

  private static int share(Subject subject) {
    return switch (subject) {
      case SUMS -> 20;
      case SUDOKU -> 14;
      case FOLLOW_UPS -> 11;
      case COUNTING, ANIMALS, OUTSIDE -> 9;
      case COMPLETING, COMPARING, OPPOSITES, STORIES -> 6;
      case FACTS, READING -> 4;
      case SOCIAL, PEOPLE -> 3;
      case REVERSAL -> 0;
    };
  }

  private static Exchange ask(Subject subject, Wording w, Wording plain) {
    return switch (subject) {
      case SUMS -> Numbers.sum(w);
      case COUNTING -> Numbers.count(w);
      case COMPLETING -> Numbers.complete(w);
      case COMPARING -> w.oneIn(3) ? Knowledge.comparison(w) : Numbers.compare(w);
      case OPPOSITES -> Knowledge.opposite(w);
      case ANIMALS -> Knowledge.animal(w);
      case FACTS -> Knowledge.fact(w);
      case PEOPLE -> Knowledge.person(w, !w.unseen() && w.oneIn(3));
      case REVERSAL -> Knowledge.reversal(w);
      case READING -> Knowledge.reading(w);
      case FOLLOW_UPS ->
          switch (w.below(10)) {
            case 0 -> Tales.followUp(w, plain);
            case 1, 2, 3, 4 -> Knowledge.followUp(w, plain);
            default -> Numbers.followUp(w, plain);
          };
      case SOCIAL -> Knowledge.social(w);
      case OUTSIDE -> Knowledge.outside(w);
      case STORIES -> Tales.exchange(w);
      case SUDOKU -> sudoku(w, w.oneIn(3));
    };
  }

  /**
   * A Sudoku.
   *
   * @param hard whether filling single candidates must not be enough
   */
  private static Exchange sudoku(Wording w, boolean hard) {
    Sudoku sudoku = Sudoku.random(w.random());
    while (hard && sudoku.bySingles()) {
      sudoku = Sudoku.random(w.random());
    }
    String question = w.question("sudoku", "grid", Sudoku.text(sudoku.givens()));
    String key = Sudoku.canonical(sudoku.solution());
    return new Exchange(Subject.SUDOKU, key, question, Sudoku.text(sudoku.solution()));
  }

  /** One that is held out, or one that is not. */
  private static Exchange ask(Subject subject, Wording w, Wording plain, boolean heldOut) {
    Exchange exchange = ask(subject, w, plain);
    while (exchange.heldOut() != heldOut) {
      exchange = ask(subject, w, plain);
    }
    return exchange;
  }

  /**
   * Writes the chats and texts, as JSON lines.
   *
   * @throws llada.format.FormatException if the file cannot be written
   */
  public void write(Path file) {
    AtomicFile.write(
        file,
        channel -> {
          // Not closed: the channel is AtomicFile's, which forces it to the disk.
          Writer out = Channels.newWriter(channel, StandardCharsets.UTF_8.newEncoder(), 1 << 16);
          JsonGenerator json = new JsonFactory().createGenerator(out).setRootValueSeparator(null);
          for (int i = 0; i < count; i++) {
            line(json, RandomStreams.of(seed, Purpose.CORPUS_CHATS, i));
            json.writeRaw('\n');
          }
          json.flush();
        });
  }

  private static void line(JsonGenerator json, SplittableRandom random) throws IOException {
    int all = TEXTS;
    for (int share : SHARES) {
      all += share;
    }
    int drawn = random.nextInt(all) - TEXTS;
    json.writeStartObject();
    if (drawn < 0) {
      json.writeStringField("text", text(random));
    } else {
      int subject = 0;
      while (drawn >= SHARES.get(subject)) {
        drawn -= SHARES.get(subject++);
      }
      Wording w = new Wording(random, false);
      List<String> turns = new ArrayList<>();
      if (w.oneIn(12)) { // something else was said before
        for (int before = w.between(1, 2); before > 0; before--) {
          add(turns, ask(w.of(SHORT), w, w, false));
        }
      }
      add(turns, ask(SUBJECTS.get(subject), w, w, false));
      json.writeArrayFieldStart("messages");
      for (int t = 0; t < turns.size(); t++) {
        json.writeStartObject();
        json.writeStringField("role", t % 2 == 0 ? "user" : "assistant");
        json.writeStringField("content", turns.get(t));
        json.writeEndObject();
      }
      json.writeEndArray();
    }
    json.writeEndObject();
  }

  private static void add(List<String> turns, Exchange exchange) {
    turns.addAll(exchange.turns());
    turns.add(exchange.answer());
  }

  private static String text(SplittableRandom random) {
    Wording w = new Wording(random, false);
    return switch (random.nextInt(TEXTS)) {
      case 0, 1, 2, 3 -> {
        Tales.Tale tale = Tales.tale(random);
        while (Exchange.heldOut(Tales.key(tale.topic()))) {
          tale = Tales.tale(random);
        }
        yield tale.text();
      }
      case 4, 5, 6 -> w.of(Knowledge.PEOPLE).told();
      default -> {
        int[] grid = Sudoku.solved(random);
        while (Exchange.heldOut(Sudoku.canonical(grid))) {
          grid = Sudoku.solved(random);
        }
        yield Sudoku.text(grid);
      }
    };
  }

  /**
   * Something to be asked in a test.
   *
   * @param subject what it belongs to
   * @param newWording whether its wording is new; else what is asked for is
   * @param turns question, or question, answer and next question
   * @param check what makes an answer right
   * @param accept the right answer
   */
  public record Test(
      Subject subject, boolean newWording, List<String> turns, Check check, String accept) {}

  /**
   * Questions of every subject that were not trained: {@code each} with a new answer, as far as the
   * subject has such, and {@code each} in a new wording. The same for every count.
   */
  public List<Test> tests(int each) {
    List<Test> all = new ArrayList<>();
    for (Subject subject : Subject.values()) {
      for (boolean newWording : new boolean[] {false, true}) {
        SplittableRandom random =
            RandomStreams.of(
                seed, Purpose.CORPUS_QUESTIONS, SUBJECTS.indexOf(subject), newWording ? 1 : 0);
        Wording plain = new Wording(random, false);
        Wording w = newWording ? new Wording(random, true) : plain;
        Set<List<String>> seen = new HashSet<>();
        for (int tries = 0; tries < TRIES * each && seen.size() < each; tries++) {
          Exchange x = test(subject, w, plain, seen.size() % 2 == 0);
          if ((newWording ? !x.heldOut() : isNew(x)) && seen.add(x.turns())) {
            boolean any = subject == Subject.STORIES && x.key().isEmpty(); // whatever it is about
            boolean story = any || x.key().startsWith(STORY);
            String topic = any ? "" : x.key().lines().findFirst().orElse("");
            String accept = any ? "" : story ? topic.substring(STORY.length()) : x.answer();
            Check check =
                story ? Check.ANY_STORY : subject == Subject.SUMS ? Check.LAST_NUMBER : Check.EXACT;
            all.add(new Test(subject, newWording, x.turns(), check, accept));
          }
        }
      }
    }
    return all;
  }

  private static Exchange test(Subject subject, Wording w, Wording plain, boolean hard) {
    return subject == Subject.SUDOKU ? sudoku(w, hard) : ask(subject, w, plain);
  }

  /** Reversals are new whatever their key: their direction was not trained. */
  private static boolean isNew(Exchange exchange) {
    return exchange.asksForNew() || exchange.subject() == Subject.REVERSAL;
  }
}
