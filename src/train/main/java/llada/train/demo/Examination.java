package llada.train.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import llada.format.Json;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tokenizer.ChatTemplate.Message;

/**
 * What the bundled model is asked to find out what it can: questions of {@link Lessons#tests},
 * those that somebody typed who has not seen the lessons, and stories with a gap in the middle.
 */
public final class Examination {
  private static final int WHOLE = 100; // from here on all that was typed is asked

  private Examination() {}

  /** Who is examined. */
  @FunctionalInterface
  public interface Respondent {
    /**
     * Answers to conversations that end with a user's turn.
     *
     * @param tokens of an answer, at most
     */
    List<String> answers(List<List<Message>> conversations, int tokens);
  }

  /**
   * A question.
   *
   * @param group what it is counted under
   * @param given what was said before, by both sides
   * @param asked what the user says; all but the last are answered by the model itself
   * @param check what makes an answer right
   * @param accept the right answers
   */
  public record Item(
      String group, List<Message> given, List<String> asked, Check check, List<String> accept) {
    /** Whether an answer to the last question is right. */
    public boolean right(String answer) {
      return check.right(answer, accept);
    }
  }

  /** What was said to an item, and whether that is right. */
  public record Marked(Item item, String answer, boolean right) {}

  /**
   * All questions, by group.
   *
   * @param each so many of a group, at most
   */
  public static Map<String, List<Item>> items(Lessons lessons, int each) {
    List<Item> all = new ArrayList<>();
    for (Lessons.Test test : lessons.tests(each)) {
      List<Message> given = new ArrayList<>();
      for (int t = 0; t < test.turns().size() - 1; t++) {
        given.add(new Message(t % 2 == 0 ? "user" : "assistant", test.turns().get(t)));
      }
      String group = test.subject() + (test.newWording() ? ", new words" : ", new answers");
      List<String> asked = List.of(test.turns().getLast());
      all.add(new Item(group, given, asked, test.check(), List.of(test.accept())));
    }
    all.addAll(typed());
    Map<String, List<Item>> groups = new LinkedHashMap<>();
    for (Item item : all) {
      List<Item> group = groups.computeIfAbsent(item.group, _ -> new ArrayList<>());
      if (group.size() < each || each >= WHOLE && item.group.startsWith("typed")) {
        group.add(item);
      }
    }
    return groups;
  }

  /** What somebody typed. */
  static List<Item> typed() {
    List<Item> all = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Examination.class.getResourceAsStream("typed-questions.jsonl"),
                StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        Json json = Json.parse(line.getBytes(StandardCharsets.UTF_8), "typed-questions.jsonl");
        List<String> turns = json.get("turns").list().stream().map(Json::string).toList();
        List<String> accept = json.get("accept").list().stream().map(Json::string).toList();
        String group = turns.size() == 1 ? "typed questions" : "typed follow-ups";
        Check check = Check.of(json.get("check").string());
        all.add(new Item(group, List.of(), turns, check, accept));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e); // of the class path
    }
    return all;
  }

  /** Asks some items and marks the answers. */
  public static List<Marked> ask(List<Item> items, Respondent respondent) {
    boolean stories = items.stream().anyMatch(item -> item.check == Check.ANY_STORY);
    List<List<Message>> conversations = new ArrayList<>();
    items.forEach(item -> conversations.add(new ArrayList<>(item.given)));
    List<String> answers = new ArrayList<>();
    int turns = items.stream().mapToInt(item -> item.asked.size()).max().orElse(0);
    for (int turn = 0; turn < turns; turn++) {
      for (int i = 0; i < items.size(); i++) {
        if (turn > 0) {
          conversations.get(i).add(new Message("assistant", answers.get(i)));
        }
        conversations.get(i).add(new Message("user", items.get(i).asked.get(turn)));
      }
      answers = respondent.answers(conversations, stories ? 128 : 96);
    }
    List<Marked> marked = new ArrayList<>();
    for (int i = 0; i < items.size(); i++) {
      Item item = items.get(i);
      marked.add(new Marked(item, answers.get(i), item.right(answers.get(i))));
    }
    return marked;
  }

  /**
   * A story with a gap in place of one of its middle sentences.
   *
   * @param before the gap
   * @param missing what stood there, with the space before it
   * @param behind the gap
   */
  public record Gap(String before, String missing, String behind, Tales.Tale tale, int at) {
    /** Whether this could stand in the gap: a whole sentence that agrees with the others. */
    public boolean wellFormed(String fill) {
      return tale.fits(at, fill.strip());
    }
  }

  /** Stories with gaps, about what is held out. */
  public static List<Gap> gaps(Lessons lessons, int count) {
    SplittableRandom random = RandomStreams.of(lessons.seed(), Purpose.CORPUS_QUESTIONS, -1);
    List<Gap> all = new ArrayList<>();
    while (all.size() < count) {
      Tales.Tale tale = Tales.tale(random);
      if (Exchange.heldOut(Tales.key(tale.topic()))) {
        int at = 1 + random.nextInt(tale.sentences().size() - 2);
        List<String> sentences = tale.sentences();
        all.add(
            new Gap(
                String.join(" ", sentences.subList(0, at)),
                " " + sentences.get(at),
                " " + String.join(" ", sentences.subList(at + 1, sentences.size())),
                tale,
                at));
      }
    }
    return all;
  }
}
