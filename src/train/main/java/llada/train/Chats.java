package llada.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import llada.format.FormatException;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.ChatTemplate.Message;
import llada.tokenizer.Tokenizer;

/**
 * Supervised fine-tuning: prompts and answers. A dialogue of n answers is n pairs, of which each
 * epoch draws one. Answers end in {@code <|eot_id|>} and EOS, and the EOS that fill shorter
 * sequences of a batch up belong to the answer (LLaDA, sec. 2.2). Texts, where they are let in, are
 * answers to nothing: all of their tokens are masked.
 */
public final class Chats implements TrainingData {
  private final TokenCache cache;
  private final int eos;
  private final Batches batches;
  private final long seed;
  private final int[] starts; // first document of each dialogue, and the end
  private final int training;
  private final int validation;
  private int[] order;
  private long epoch = -1;

  /**
   * What is let in.
   *
   * @param maxLength the longest sequence
   * @param skipLong whether pairs of more than {@code maxLength} tokens are passed over; else they
   *     are an error
   * @param texts whether texts are let in beside chats; else they are an error
   * @param turns which answers of a chat are learnt
   */
  public record Rules(int maxLength, boolean skipLong, boolean texts, Turns turns) {}

  /** Which answers of a chat are learnt. What follows the last of them counts for nothing. */
  public enum Turns {
    /** Each with all that was said before it. */
    ALL,
    /** The last one, with the others before it. */
    LAST;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * How sequences make batches.
   *
   * @param maxLength the longest sequence
   * @param fullPadding share of batches that are filled up to {@code maxLength} instead of to their
   *     longest sequence, so that the model knows what comes after short answers
   * @param extraPadding tokens by which other batches are filled up further, at most; for each
   *     batch drawn anew
   * @param together size of the batches that are made of sequences of similar lengths; 0 if they
   *     are made without regard to it
   * @param paddingCounts whether a loss is divided by the length of the answer with all that it is
   *     filled up with, as published; else as if its batch were filled up to its longest sequence,
   *     so that the tokens of an answer count the same in any room
   */
  public record Batches(
      int maxLength, double fullPadding, int extraPadding, int together, boolean paddingCounts) {
    private static final int SORTED = 64; // batches that are sorted by length among themselves
  }

  /**
   * Data of cached pairs.
   *
   * @throws FormatException if there is no pair
   */
  public Chats(TokenCache cache, int eos, Batches batches, double validationShare, long seed) {
    this.cache = cache;
    this.eos = eos;
    this.batches = batches;
    this.seed = seed;
    int documents = cache.documents();
    if (documents == 0) {
      throw new FormatException(
          "the corpus is empty: it holds no chat with an answer; give JSONL files of chats");
    }
    int[] found = new int[documents + 1];
    int count = 0;
    for (int d = 0; d < documents; d++) {
      if (d == 0 || cache.dialogue(d) != cache.dialogue(d - 1)) {
        found[count++] = d;
      }
    }
    found[count] = documents;
    starts = Arrays.copyOf(found, count + 1);
    validation = TrainingData.validationCount(count, validationShare);
    int left = count - validation;
    // Whole batches only, so that those of later epochs begin where a batch begins.
    training = batches.together == 0 ? left : Math.max(1, left - left % batches.together);
  }

  /**
   * The pairs of a corpus, cached in {@code file}.
   *
   * @throws FormatException naming file and line of a document that is broken, no chat or too long
   */
  public static TokenCache cache(
      Path file,
      Corpus corpus,
      Tokenizer tokenizer,
      byte[] tokenizerFile,
      ChatTemplate chat,
      int eos,
      Rules rules,
      Arena arena) {
    String how =
        "chats %d %d %s%s%s"
            .formatted(
                eos,
                rules.maxLength,
                rules.skipLong,
                rules.texts ? " and texts" : "",
                rules.turns == Turns.ALL ? "" : " turns " + rules.turns);
    int[] dialogue = new int[1];
    return TokenCache.open(
        file,
        Fingerprint.key(corpus, tokenizerFile, how),
        tokenizer.size(),
        sink ->
            corpus.forEach(
                document -> {
                  if (!document.isChat() && !rules.texts) {
                    throw new FormatException(
                        document.where()
                            + ": is a text; fine-tuning needs chats: \"messages\","
                            + " \"conversations\", \"instruction\" or \"prompt\"");
                  }
                  try {
                    if (document.isChat()) {
                      pairs(document, tokenizer, chat, eos, rules, sink, dialogue);
                    } else {
                      text(document, tokenizer, eos, rules, sink, dialogue);
                    }
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                }),
        arena);
  }

  private static void text(
      Document document,
      Tokenizer tokenizer,
      int eos,
      Rules rules,
      TokenCache.Sink sink,
      int[] dialogue)
      throws IOException {
    int[] ids = ended(tokenizer.encodeOrdinary(document.text().strip()), eos);
    if (fits(document, "the text has %d tokens".formatted(ids.length), ids.length, rules)) {
      sink.tokens(ids);
      sink.endDocument(0, dialogue[0]++);
    }
  }

  private static boolean fits(Document document, String what, int length, Rules rules) {
    if (length > rules.maxLength && !rules.skipLong) {
      throw new FormatException(
          "%s: %s, the length is %d; choose a larger length (at most the model's max_sequence_length), shorten the chat, or skip long chats"
              .formatted(document.where(), what, rules.maxLength));
    }
    return length <= rules.maxLength;
  }

  private static void pairs(
      Document document,
      Tokenizer tokenizer,
      ChatTemplate chat,
      int eos,
      Rules rules,
      TokenCache.Sink sink,
      int[] dialogue)
      throws IOException {
    List<Message> messages = document.messages();
    boolean answered = false;
    int last = messages.size() - 1;
    while (last > 0 && !messages.get(last).role().equals("assistant")) {
      last--;
    }
    for (int m = rules.turns == Turns.LAST ? Math.max(1, last) : 1; m <= last; m++) {
      if (!messages.get(m).role().equals("assistant")) {
        continue;
      }
      answered = true;
      int[] prompt = chat.encode(tokenizer, messages.subList(0, m));
      int[] answer = answer(messages.get(m).content(), tokenizer, chat, eos);
      int length = prompt.length + answer.length;
      if (!fits(document, "prompt and answer have %d tokens".formatted(length), length, rules)) {
        continue;
      }
      sink.tokens(prompt);
      sink.tokens(answer);
      sink.endDocument(prompt.length, dialogue[0]);
    }
    if (!answered) {
      throw new FormatException(
          document.where()
              + ": holds no message of role \"assistant\" after another; it has no"
              + " answer to learn");
    }
    dialogue[0]++;
  }

  private static int[] answer(String content, Tokenizer tokenizer, ChatTemplate chat, int eos) {
    return ended(tokenizer.encode(content.strip() + chat.endOfTurn()), eos);
  }

  private static int[] ended(int[] ids, int eos) {
    int[] ended = Arrays.copyOf(ids, ids.length + 1);
    ended[ids.length] = eos;
    return ended;
  }

  /** A whole chat as one text. */
  static int[] whole(Document document, Tokenizer tokenizer, ChatTemplate chat) {
    List<Message> messages = document.messages();
    Message last = messages.getLast();
    if (!last.role().equals("assistant")) {
      return chat.encode(tokenizer, messages);
    }
    String text = chat.render(messages.subList(0, messages.size() - 1));
    return tokenizer.encode(text + last.content().strip() + chat.endOfTurn());
  }

  @Override
  public int sequences() {
    return training;
  }

  @Override
  public int validationSequences() {
    return validation;
  }

  @Override
  public Batch batch(long first, int count, SplittableRandom random) {
    int[] documents = new int[count];
    for (int b = 0; b < count; b++) {
      long sample = first + b;
      if (sample / training != epoch) {
        epoch = sample / training;
        order = TrainingData.order(training, seed, epoch);
        if (batches.together > 0) {
          sortWithin(order);
        }
      }
      int dialogue = order[(int) (sample % training)];
      int answers = starts[dialogue + 1] - starts[dialogue];
      documents[b] = starts[dialogue] + random.nextInt(answers);
    }
    boolean full = random.nextDouble() < batches.fullPadding;
    int extra = batches.extraPadding == 0 ? 0 : random.nextInt(batches.extraPadding + 1);
    return batch(documents, full ? batches.maxLength : 0, extra);
  }

  /** Sorts some batches' sequences by length, and puts the batches into random order again. */
  private void sortWithin(int[] order) {
    int size = batches.together;
    for (int from = 0; from < order.length; from += size * Batches.SORTED) {
      int to = Math.min(order.length, from + size * Batches.SORTED);
      int[] sorted =
          Arrays.stream(order, from, to)
              .boxed()
              .sorted(Comparator.comparingInt(this::length))
              .mapToInt(Integer::intValue)
              .toArray();
      int[] places =
          TrainingData.order((to - from + size - 1) / size, seed, -1 - from - epoch * order.length);
      int at = from;
      for (int place : places) {
        int begin = place * size;
        int count = Math.min(size, sorted.length - begin);
        System.arraycopy(sorted, begin, order, at, count);
        at += count;
      }
    }
  }

  /** Tokens of the longest pair of a dialogue. */
  private int length(int dialogue) {
    return cache.length(starts[dialogue + 1] - 1);
  }

  private Batch batch(int[] documents, int atLeast, int extra) {
    int[][] x0 = new int[documents.length][];
    int[] prompts = new int[documents.length];
    String[] names = new String[documents.length];
    int needed = 0;
    for (int b = 0; b < documents.length; b++) {
      x0[b] = cache.document(documents[b]);
      prompts[b] = cache.promptLength(documents[b]);
      names[b] = "pair %d of the corpus".formatted(documents[b]);
      needed = Math.max(needed, x0[b].length);
    }
    int longest = Math.max(needed, atLeast);
    longest = Math.min(Math.max(longest, batches.maxLength), longest + extra);
    double[] weights = new double[documents.length];
    for (int b = 0; b < documents.length; b++) {
      int length = x0[b].length;
      weights[b] =
          batches.paddingCounts ? 1 : (double) (longest - prompts[b]) / (needed - prompts[b]);
      x0[b] = Arrays.copyOf(x0[b], longest);
      Arrays.fill(x0[b], length, longest, eos);
    }
    return new Batch(x0, prompts, names, weights);
  }

  @Override
  public Batch validation(int i) {
    return batch(new int[] {starts[starts.length - 1 - validation + i]}, 0, 0);
  }

  @Override
  public String digest() {
    return cache.digest();
  }
}
