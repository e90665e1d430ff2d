package llada.experiments;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import llada.format.FormatException;
import llada.format.TokenizerFiles;
import llada.format.TokenizerJson;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tokenizer.BpeTrainer;
import llada.tokenizer.Tokenizer;
import llada.train.TrainingData;

/**
 * Texts from files in tokens of their own, cut into pieces of one length. Of every twenty groups of
 * neighbouring pieces one is held out.
 */
final class RealText {
  /** Tokens of a piece. */
  static final int LENGTH = 128;

  private static final int TOKENS = 1024;
  private static final int GROUP = 8;
  private static final int HELD_OUT = 20;

  private final int vocabulary;
  private final List<int[]> pieces = new ArrayList<>();
  private final List<int[]> heldOut = new ArrayList<>();

  /**
   * Reads texts, or makes one up.
   *
   * @param files none for a made-up text
   * @throws FormatException if one cannot be read, or all are too short
   */
  RealText(List<Path> files) {
    String text =
        files.isEmpty()
            ? madeUp()
            : files.stream().map(RealText::read).collect(Collectors.joining("\n"));
    BpeTrainer trainer = new BpeTrainer();
    trainer.add(text);
    BpeTrainer.Result trained = trainer.train(TOKENS - TokenizerFiles.SPECIAL.size(), 2);
    Tokenizer tokenizer =
        TokenizerJson.parse(TokenizerFiles.of(trained).get("tokenizer.json"), "the texts");
    vocabulary = trained.tokens().size() + TokenizerFiles.SPECIAL.size() + 1; // and the mask
    int[] ids = tokenizer.encodeOrdinary(text);
    for (int i = 0; (i + 1) * LENGTH <= ids.length; i++) {
      int[] piece = Arrays.copyOfRange(ids, i * LENGTH, (i + 1) * LENGTH);
      (i / GROUP % HELD_OUT == HELD_OUT - 1 ? heldOut : pieces).add(piece);
    }
    if (heldOut.isEmpty()) {
      throw new FormatException(
          "the texts have %d tokens, too few to hold some out; give texts of a megabyte or more"
              .formatted(ids.length));
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new FormatException(
          file + ": cannot be read as UTF-8 text: " + e.getMessage() + "; give a text file", e);
    }
  }

  private static String madeUp() {
    return Arrays.stream(Fables.stories(1500, false, RandomStreams.of(0, Purpose.EXPERIMENT_DATA)))
        .map(story -> Arrays.stream(story).mapToObj(w -> "w" + w).collect(Collectors.joining(" ")))
        .collect(Collectors.joining("\n"));
  }

  SmallModel.Vocabulary vocabulary() {
    return new SmallModel.Vocabulary(vocabulary, vocabulary - 2);
  }

  /** Tokens that are trained on. */
  long tokens() {
    return (long) pieces.size() * LENGTH;
  }

  List<int[]> pieces() {
    return pieces;
  }

  /** Some of those held out, drawn by a seed. */
  int[][] heldOut(int most, long seed) {
    return Arrays.stream(TrainingData.order(heldOut.size(), seed, 1))
        .limit(most)
        .mapToObj(heldOut::get)
        .toArray(int[][]::new);
  }

  /** Each piece once, in an order of the seed's, before any comes again. */
  SmallModel.Source epochs(long seed) {
    int[] order = TrainingData.order(pieces.size(), seed, 0);
    int[] next = {0};
    return (count, _) -> {
      int[][] x0 = new int[count][];
      Arrays.setAll(x0, _ -> pieces.get(order[next[0]++ % order.length]).clone());
      return SmallModel.Source.batch(x0);
    };
  }
}
