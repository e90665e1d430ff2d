package llada.train;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.SplittableRandom;
import llada.format.FormatException;
import llada.tokenizer.ChatTemplate;
import llada.tokenizer.Tokenizer;

/**
 * Pre-training: all documents one after the other with EOS behind each, cut into sequences of one
 * length without regard to where documents end. One batch in a hundred, or as many as is asked for,
 * is cut to a random length, so that the model knows short texts too (LLaDA, sec. 2.1).
 */
public final class PackedText implements TrainingData {
  private final TokenCache cache;
  private final int length;
  private final double randomLengths;
  private final long seed;
  private final int training;
  private final int validation;
  private int[] order;
  private long epoch = -1;

  /**
   * Cuts the cached tokens.
   *
   * @param length T
   * @param validationShare of the sequences, the last ones
   * @param randomLengths share of batches with a random length
   * @throws FormatException if there is not one sequence
   */
  public PackedText(
      TokenCache cache, int length, double validationShare, double randomLengths, long seed) {
    this.cache = cache;
    this.length = length;
    this.randomLengths = randomLengths;
    this.seed = seed;
    int blocks = Math.toIntExact(Math.min(Integer.MAX_VALUE - 8, cache.tokens() / length));
    if (blocks == 0) {
      throw new FormatException(
          cache.tokens() == 0
              ? "the corpus is empty: no text was found in it; give files that hold some"
              : "the corpus has %d tokens, less than one sequence of %d; give more text or a shorter length"
                  .formatted(cache.tokens(), length));
    }
    validation = TrainingData.validationCount(blocks, validationShare);
    training = blocks - validation;
  }

  /**
   * The tokens of a corpus, cached in {@code file}.
   *
   * @param tokenizerFile content of tokenizer.json, part of the key
   * @param chat frames chats among the documents; may be null if there are none
   * @throws FormatException if a document is broken
   */
  public static TokenCache cache(
      Path file,
      Corpus corpus,
      Tokenizer tokenizer,
      byte[] tokenizerFile,
      ChatTemplate chat,
      int eos,
      Arena arena) {
    return TokenCache.open(
        file,
        Fingerprint.key(corpus, tokenizerFile, "packed " + eos),
        tokenizer.size(),
        sink ->
            corpus.forEach(
                document -> {
                  try {
                    if (document.isChat()) {
                      sink.tokens(Chats.whole(document, tokenizer, chat));
                    } else {
                      sink.tokens(tokenizer.encodeOrdinary(document.text()));
                    }
                    if (document.complete()) {
                      sink.tokens(new int[] {eos});
                      sink.endDocument(0, 0);
                    }
                  } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                }),
        arena);
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
    int[][] x0 = new int[count][];
    String[] names = new String[count];
    boolean cut = random.nextDouble() < randomLengths;
    int t = cut ? 1 + random.nextInt(length) : length;
    for (int b = 0; b < count; b++) {
      long sample = first + b;
      if (sample / training != epoch) {
        epoch = sample / training;
        order = TrainingData.order(training, seed, epoch);
      }
      int block = order[(int) (sample % training)];
      x0[b] = cache.tokens((long) block * length, t);
      names[b] =
          "tokens %d to %d of the corpus"
              .formatted((long) block * length, (long) block * length + t - 1);
    }
    return new Batch(x0, null, names);
  }

  @Override
  public Batch validation(int i) {
    long block = (long) training + i;
    return new Batch(
        new int[][] {cache.tokens(block * length, length)},
        null,
        new String[] {"validation sequence " + i});
  }

  @Override
  public String digest() {
    return cache.digest();
  }
}
