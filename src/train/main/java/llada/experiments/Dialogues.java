package llada.experiments;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import it.unimi.dsi.fastutil.objects.Object2IntLinkedOpenHashMap;
import it.unimi.dsi.fastutil.objects.Object2IntMap;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import llada.experiments.SmallModel.Source;
import llada.format.Disk;
import llada.tokenizer.ChatTemplate.Message;
import llada.train.Corpus;
import llada.train.TrainingData;
import llada.train.demo.DemoCorpus;
import llada.train.demo.Skill;

/**
 * The demo corpus in words: its texts to pre-train on, its short chats to fine-tune on, and its
 * held-out questions. A digit is a word, so numbers are no open class.
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

  private final Object2IntMap<String> ids = new Object2IntLinkedOpenHashMap<>();
  private final IntArrayList texts = new IntArrayList();
  private final List<Pair> pairs = new ArrayList<>();
  private final Set<IntArrayList> answers = new HashSet<>();
  private final List<Pair> questions = new ArrayList<>();
  private final List<Pair> followUps = new ArrayList<>();

  /**
   * A prompt and its answer, which ends in END.
   *
   * @param prompt BOS, earlier turns, the question
   * @param raw the question as a text has it, without roles; empty in training
   * @param skill what is asked; null in training
   */
  record Pair(int[] prompt, int[] answer, int[] raw, Skill skill) {
    Pair(int[] prompt, int[] answer) {
      this(prompt, answer, new int[0], null);
    }

    int length() {
      return prompt.length + answer.length + 1; // and an EOS
    }
  }

  private Dialogues() {}

  /** The corpus of a seed; the same files for all jobs of a seed. */
  static Dialogues of(Size size, long seed) {
    DemoCorpus corpus = new DemoCorpus(seed, size.of(50, 3000, 30_000), size.of(50, 6000, 60_000));
    Dialogues dialogues = new Dialogues();
    try {
      Path folder = Disk.beside(Path.of(System.getProperty("java.io.tmpdir"), "llada-dialogues"));
      Disk.current().createFolder(folder);
      try {
        Path texts = folder.resolve("texts.txt");
        Path chats = folder.resolve("chats.jsonl");
        corpus.writeTexts(texts);
        corpus.writeChats(chats);
        Corpus.of(List.of(texts)).forEach(d -> dialogues.text(d.text()));
        Corpus.of(List.of(chats)).forEach(d -> dialogues.chat(d.messages()));
      } finally {
        Disk.current().deleteTree(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    dialogues.ids.defaultReturnValue(UNKNOWN);
    dialogues.heldOut(corpus.heldOut(size.of(2, 40, 40)));
    return dialogues;
  }

  private static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    Matcher matcher = WORD.matcher(text);
    while (matcher.find()) {
      words.add(matcher.group());
    }
    return words;
  }

  /** Ids of a text; new words get new ones while the corpus is read. */
  private int[] encode(String text, boolean open) {
    return words(text).stream()
        .mapToInt(
            word ->
                open ? ids.computeIfAbsent(word, _ -> UNKNOWN + 1 + ids.size()) : ids.getInt(word))
        .toArray();
  }

  private void text(String text) {
    texts.addElements(texts.size(), encode(text, true));
    texts.add(EOS);
  }

  /** Short questions with short answers; stories and comprehension are left out. */
  private void chat(List<Message> messages) {
    IntArrayList before = new IntArrayList(new int[] {BOS});
    for (int m = 0; m + 1 < messages.size(); m += 2) {
      turn(before, USER, encode(messages.get(m).content(), true));
      before.add(ASSISTANT);
      int[] answer = encode(messages.get(m + 1).content(), true);
      int[] ended = Arrays.copyOf(answer, answer.length + 1);
      ended[answer.length] = END;
      Pair pair = new Pair(before.toIntArray(), ended);
      if (pair.length() > LENGTH) {
        return;
      }
      pairs.add(pair);
      answers.add(IntArrayList.wrap(ended));
      before.addElements(before.size(), ended);
    }
  }

  private static void turn(IntArrayList to, int who, int[] words) {
    to.add(who);
    to.addElements(to.size(), words);
    to.add(END);
  }

  private void heldOut(List<DemoCorpus.HeldOut> all) {
    Pair before = null;
    for (DemoCorpus.HeldOut question : all) {
      if (question.mark() != null || question.skill() == Skill.READING) {
        continue;
      }
      IntArrayList prompt = new IntArrayList(new int[] {BOS});
      turn(prompt, USER, encode(question.question(), false));
      prompt.add(ASSISTANT);
      int[] answer = encode(question.answer(), false);
      int[] ended = Arrays.copyOf(answer, answer.length + 1);
      ended[answer.length] = END;
      IntArrayList raw = new IntArrayList(new int[] {BOS});
      raw.addElements(1, encode(question.question(), false));
      Pair pair = new Pair(prompt.toIntArray(), ended, raw.toIntArray(), question.skill());
      if (pair.length() > LENGTH) {
        continue;
      }
      questions.add(pair);
      if (before != null) { // the same question after another one
        IntArrayList both = new IntArrayList(before.prompt);
        both.addElements(both.size(), before.answer);
        both.addElements(both.size(), pair.prompt, 1, pair.prompt.length - 1);
        Pair second = new Pair(both.toIntArray(), ended);
        if (second.length() <= LENGTH) {
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
