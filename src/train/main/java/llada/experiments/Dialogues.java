package llada.experiments;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.objects.Object2IntLinkedOpenHashMap;
import it.unimi.dsi.fastutil.objects.Object2IntMap;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import llada.evaluation.Proportion;
import llada.experiments.SmallModel.Source;
import llada.format.Disk;
import llada.tokenizer.ChatTemplate.Message;
import llada.train.Corpus;
import llada.train.Document;
import llada.train.TrainingData;
import llada.train.demo.Check;
import llada.train.demo.Lessons;
import llada.train.demo.Subject;

/**
 * The bundled model's lessons in words: texts, and one chat in eight as a text, to pre-train on;
 * the other short chats to fine-tune on; and held-out questions. A digit is a word, so numbers are
 * no open class; words that are rare, most of them misspelt, are one.
 */
final class Dialogues {
  /** Tokens of a sequence. */
  static final int LENGTH = 48;

  private static final Pattern WORD = Pattern.compile("[A-Za-z']+|[0-9]|[^\\sA-Za-z0-9']");
  private static final int BOS = 0;
  private static final int EOS = 1;
  private static final int END = 2; // of a turn
  private static final int USER = 3;
  private static final int ASSISTANT = 4;
  private static final int UNKNOWN = 5;
  private static final int AS_TEXT = 8; // one chat in so many
  private static final int RARE = 10; // a word that occurs less often

  private final Object2IntMap<String> ids = new Object2IntLinkedOpenHashMap<>();
  private final IntArrayList texts = new IntArrayList();
  private final List<Pair> pairs = new ArrayList<>();
  private final Set<IntArrayList> prompts = new HashSet<>();
  private final Set<IntArrayList> answers = new HashSet<>();
  private final List<Pair> questions = new ArrayList<>();
  private final List<Pair> firsts = new ArrayList<>();
  private final List<Pair> followUps = new ArrayList<>();

  /**
   * A prompt and its answer, which ends in END.
   *
   * @param prompt BOS, earlier turns, the question
   * @param raw the question as a text has it, without roles; empty in training
   * @param subject what is asked; null in training
   */
  record Pair(int[] prompt, int[] answer, int[] raw, Subject subject) {
    Pair(int[] prompt, int[] answer) {
      this(prompt, answer, new int[0], null);
    }

    int length() {
      return prompt.length + answer.length + 1; // and an EOS
    }
  }

  private Dialogues() {}

  /** The corpus of a seed; the same for all jobs of a seed. */
  static Dialogues of(Size size, long seed) {
    Lessons lessons = new Lessons(seed, lessons(size));
    List<Document> documents = new ArrayList<>();
    try {
      Path folder = Disk.beside(Path.of(System.getProperty("java.io.tmpdir"), "llada-dialogues"));
      Disk.current().createFolder(folder);
      try {
        Path file = folder.resolve("lessons.jsonl");
        lessons.write(file);
        Corpus.of(List.of(file)).forEach(documents::add);
      } finally {
        Disk.current().deleteTree(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Dialogues dialogues = new Dialogues();
    dialogues.names(documents);
    for (int d = 0; d < documents.size(); d++) {
      List<Message> messages = documents.get(d).messages();
      List<String> parts = parts(documents.get(d));
      if (messages != null && d % AS_TEXT != 0) {
        dialogues.chat(messages);
      } else if (!parts.getLast().matches("[0-9 ]+")) { // a Sudoku is too long for a sequence
        dialogues.text(String.join("\n", parts));
      }
    }
    dialogues.heldOut(lessons.tests(questions(size)));
    return dialogues;
  }

  /** A text, or the turns of a chat. */
  private static List<String> parts(Document document) {
    return document.messages() == null
        ? List.of(document.text())
        : document.messages().stream().map(Message::content).toList();
  }

  private static int lessons(Size size) {
    return size.of(500, 50_000, 100_000);
  }

  /** Of each subject, with new answers and in new words. */
  private static int questions(Size size) {
    return size.of(2, 20, 20);
  }

  /** What else decides on the data. */
  static Map<String, String> config(Size size) {
    return Map.of(
        "lessons",
        "%d, a chat in %d as a text, words of fewer than %d occurrences are one; %d questions of a kind"
            .formatted(lessons(size), AS_TEXT, RARE, questions(size)));
  }

  /** Gives ids to the words that are not rare, in the order of their first occurrence. */
  private void names(List<Document> documents) {
    Object2IntMap<String> counts = new Object2IntLinkedOpenHashMap<>();
    for (Document document : documents) {
      parts(document).stream()
          .flatMap(part -> words(part).stream())
          .forEach(word -> counts.mergeInt(word, 1, Integer::sum));
    }
    ids.defaultReturnValue(UNKNOWN);
    for (Object2IntMap.Entry<String> count : counts.object2IntEntrySet()) {
      if (count.getIntValue() >= RARE) {
        ids.put(count.getKey(), UNKNOWN + 1 + ids.size());
      }
    }
  }

  private static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    Matcher matcher = WORD.matcher(text.toLowerCase(Locale.ROOT)); // capitals are often rare
    while (matcher.find()) {
      words.add(matcher.group());
    }
    return words;
  }

  private int[] encode(String text) {
    return words(text).stream().mapToInt(ids::getInt).toArray();
  }

  private void text(String text) {
    texts.addElements(texts.size(), encode(text));
    texts.add(EOS);
  }

  /** The turns of a chat while they are short and all words of their answers known. */
  private void chat(List<Message> messages) {
    IntArrayList before = new IntArrayList(new int[] {BOS});
    for (int m = 0; m + 1 < messages.size(); m += 2) {
      turn(before, USER, encode(messages.get(m).content()));
      before.add(ASSISTANT);
      int[] answer = ended(messages.get(m + 1).content());
      Pair pair = new Pair(before.toIntArray(), answer);
      if (pair.length() > LENGTH || !known(answer)) {
        return;
      }
      pairs.add(pair);
      prompts.add(IntArrayList.wrap(pair.prompt));
      answers.add(IntArrayList.wrap(answer));
      before.addElements(before.size(), answer);
    }
  }

  private static boolean known(int[] words) {
    return IntStream.of(words).noneMatch(id -> id == UNKNOWN);
  }

  private int[] ended(String answer) {
    int[] words = encode(answer);
    int[] ended = Arrays.copyOf(words, words.length + 1);
    ended[words.length] = END;
    return ended;
  }

  private static void turn(IntArrayList to, int who, int[] words) {
    to.add(who);
    to.addElements(to.size(), words);
    to.add(END);
  }

  /** First questions with exact answers; one that rare words make equal to a trained one goes. */
  private void heldOut(List<Lessons.Test> all) {
    Pair before = null;
    for (Lessons.Test test : all) {
      if (test.turns().size() > 1 || test.check() == Check.ANY_STORY) {
        continue;
      }
      int[] question = encode(test.turns().getFirst());
      IntArrayList prompt = new IntArrayList(new int[] {BOS});
      turn(prompt, USER, question);
      prompt.add(ASSISTANT);
      IntArrayList raw = new IntArrayList(new int[] {EOS}); // as behind another text
      raw.addElements(1, question);
      int[] ended = ended(test.accept());
      Pair pair = new Pair(prompt.toIntArray(), ended, raw.toIntArray(), test.subject());
      // What lies outside need not be understood to be declined.
      boolean understood = test.subject() == Subject.OUTSIDE || known(question);
      if (!understood || !known(ended) || pair.length() > LENGTH || prompts.contains(prompt)) {
        continue;
      }
      questions.add(pair);
      if (before != null) { // the same question after another one
        IntArrayList both = new IntArrayList(before.prompt);
        both.addElements(both.size(), before.answer);
        both.addElements(both.size(), pair.prompt, 1, pair.prompt.length - 1);
        Pair second = new Pair(both.toIntArray(), ended);
        if (second.length() <= LENGTH) {
          firsts.add(pair);
          followUps.add(second);
        }
      }
      before = pair;
    }
  }

  SmallModel.Vocabulary vocabulary() {
    return new SmallModel.Vocabulary(UNKNOWN + 1 + ids.size() + 1, EOS);
  }

  /** Questions that were never trained on, with their answers. */
  List<Pair> questions() {
    return questions;
  }

  /** Whether the answer was trained on, as that of another question. */
  boolean trained(Pair question) {
    return answers.contains(IntArrayList.wrap(question.answer));
  }

  /** How many of them the commonest answer in training would be right for. */
  Proportion commonest() {
    Map<IntArrayList, Long> counts =
        pairs.stream()
            .collect(
                Collectors.groupingBy(p -> IntArrayList.wrap(p.answer), Collectors.counting()));
    IntArrayList most = Collections.max(counts.entrySet(), Map.Entry.comparingByValue()).getKey();
    long right = questions.stream().filter(q -> IntArrayList.wrap(q.answer).equals(most)).count();
    return new Proportion(right, questions.size());
  }

  /** Those that {@link #followUps} has as second turns. */
  List<Pair> firsts() {
    return firsts;
  }

  /** The same as the second turn of a dialogue. */
  List<Pair> followUps() {
    return followUps;
  }

  /** Pre-training: pieces of the texts. */
  TrainingData.Batch texts(int count, SplittableRandom random) {
    int[][] x0 = new int[count][LENGTH];
    for (int[] x : x0) {
      texts.getElements(random.nextInt(texts.size() - LENGTH), x, 0, LENGTH);
    }
    return Source.batch(x0);
  }

  /** Fine-tuning as LLaDA: shorter pairs are filled up with EOS, which belong to the answer. */
  Source padded() {
    return (count, random) -> {
      Pair[] chosen = new Pair[count];
      int longest = 0;
      for (int b = 0; b < count; b++) {
        chosen[b] = pairs.get(random.nextInt(pairs.size()));
        longest = Math.max(longest, chosen[b].length());
      }
      return batch(chosen, longest);
    };
  }

  /**
   * Fine-tuning without padding: pairs of one length together, so that one EOS ends each. A random
   * pair decides on the length: pairs come as often as with padding.
   */
  Source unpadded() {
    List<List<Pair>> byLength = new ArrayList<>();
    for (int i = 0; i <= LENGTH; i++) {
      byLength.add(new ArrayList<>());
    }
    pairs.forEach(pair -> byLength.get(pair.length()).add(pair));
    return (count, random) -> {
      int length = pairs.get(random.nextInt(pairs.size())).length();
      List<Pair> group = byLength.get(length);
      Pair[] chosen = new Pair[count];
      for (int b = 0; b < count; b++) {
        chosen[b] = group.get(random.nextInt(group.size()));
      }
      return batch(chosen, length);
    };
  }

  private static TrainingData.Batch batch(Pair[] chosen, int length) {
    int[][] x0 = new int[chosen.length][length];
    int[] prompts = new int[chosen.length];
    for (int b = 0; b < chosen.length; b++) {
      Arrays.fill(x0[b], EOS);
      int[] prompt = chosen[b].prompt;
      System.arraycopy(prompt, 0, x0[b], 0, prompt.length);
      System.arraycopy(chosen[b].answer, 0, x0[b], prompt.length, chosen[b].answer.length);
      prompts[b] = prompt.length;
    }
    return new TrainingData.Batch(x0, prompts, new String[chosen.length]);
  }

  /** Whether a token ends an answer. */
  static boolean ends(int token) {
    return token == END || token == EOS;
  }

  /** Whether it is EOS. */
  static boolean isEos(int token) {
    return token == EOS;
  }
}
