package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import llada.format.TokenizerFiles;
import llada.format.TokenizerJson;
import org.junit.jupiter.api.Test;

/** The trainer against one that counts everything anew for each merge; its files against ours. */
class BpeTrainerTest {
  private static String text(long seed, int words) {
    SplittableRandom random = new SplittableRandom(seed);
    StringBuilder text = new StringBuilder();
    for (int w = 0; w < words; w++) {
      int length = 1 + random.nextInt(5);
      for (int i = 0; i < length; i++) {
        text.append("aabbcdeé".charAt(random.nextInt(8)));
      }
      text.append(random.nextInt(9) == 0 ? ".\n" : " ");
    }
    return text.toString();
  }

  @Test
  void equalsThePlainAlgorithm() {
    for (long seed = 0; seed < 20; seed++) {
      String text = text(seed, 300);
      BpeTrainer trainer = new BpeTrainer();
      trainer.add(text);
      assertThat(trainer.train(330, 2).merges()).isEqualTo(plain(text, 330, 2));
    }
  }

  /** Sennrich's algorithm as it stands: count all pairs, join the best, again. */
  private static List<String> plain(String text, int size, int minFrequency) {
    List<String> tokens = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      tokens.add(ByteAlphabet.symbol(b));
    }
    List<IntArrayList> words = new ArrayList<>();
    PreTokenizer cut =
        new PreTokenizer(
            List.of(
                new Split(
                    SplitPattern.regex(PreTokenizer.LLADA_PATTERN),
                    Split.Behavior.ISOLATED,
                    false)),
            false,
            null);
    cut.pieces(
        text,
        new Budget(text.length()),
        piece -> {
          IntArrayList word = new IntArrayList();
          for (byte b : piece.getBytes(java.nio.charset.StandardCharsets.UTF_8)) {
            word.add(b & 0xff);
          }
          words.add(word);
        });
    List<String> merges = new ArrayList<>();
    while (tokens.size() < size) {
      Map<Long, Integer> counts = new HashMap<>();
      for (IntArrayList word : words) {
        for (int i = 0; i + 1 < word.size(); i++) {
          counts.merge((long) word.getInt(i) << 32 | word.getInt(i + 1), 1, Integer::sum);
        }
      }
      long best = -1;
      for (Map.Entry<Long, Integer> entry : counts.entrySet()) {
        if (entry.getValue() >= minFrequency
            && (best < 0
                || entry.getValue() > counts.get(best)
                || entry.getValue().equals(counts.get(best)) && entry.getKey() < best)) {
          best = entry.getKey();
        }
      }
      if (best < 0) {
        break;
      }
      int left = (int) (best >>> 32);
      int right = (int) best;
      String joined = tokens.get(left) + tokens.get(right);
      merges.add(tokens.get(left) + " " + tokens.get(right));
      int id = tokens.indexOf(joined);
      if (id < 0) {
        id = tokens.size();
        tokens.add(joined);
      }
      for (IntArrayList word : words) {
        for (int i = 0; i + 1 < word.size(); i++) {
          if (word.getInt(i) == left && word.getInt(i + 1) == right) {
            word.set(i, id);
            word.removeInt(i + 1);
          }
        }
      }
    }
    return merges;
  }

  @Test
  void theOrderOfDocumentsDoesNotMatter() {
    BpeTrainer forwards = new BpeTrainer();
    BpeTrainer backwards = new BpeTrainer();
    for (int i = 0; i < 10; i++) {
      forwards.add(text(i, 100));
      backwards.add(text(9 - i, 100));
    }
    assertThat(forwards.train(400, 2)).isEqualTo(backwards.train(400, 2));
  }

  @Test
  void theFilesAreReadBack() {
    BpeTrainer trainer = new BpeTrainer();
    trainer.add("The cat sat on the mat. The cat's hat, 12 cats!\n\n  Spaces  and 猫.");
    BpeTrainer.Result result = trainer.train(300, 1);
    Map<String, byte[]> files = TokenizerFiles.of(result);
    Tokenizer tokenizer = TokenizerJson.parse(files.get("tokenizer.json"), "tokenizer.json");
    assertThat(tokenizer.size()).isEqualTo(result.tokens().size() + TokenizerFiles.SPECIAL.size());
    assertThat(tokenizer.id("<|mdm_mask|>")).hasValue(tokenizer.size() - 1);
    String text = "The cat has 3 猫 <|eot_id|> \uD83D\uDE00";
    assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
    assertThat(tokenizer.encode("The cat")).hasSizeLessThan(5);
    assertThat(tokenizer.encode("<|mdm_mask|>")).containsExactly(tokenizer.size() - 1);
  }

  @Test
  void smallTextsGiveSmallVocabularies() {
    BpeTrainer trainer = new BpeTrainer();
    assertThat(trainer.isEmpty()).isTrue();
    trainer.add("abab");
    assertThat(trainer.train(1000, 2).tokens()).hasSize(257).endsWith("ab");
    assertThatThrownBy(() -> trainer.train(255, 2)).hasMessageContaining("at least 256 tokens");
  }
}
