package llada.train;

import java.io.IOException;
import java.nio.file.Path;
import llada.diffusion.SettingException;
import llada.format.Disk;
import llada.format.FormatException;
import llada.format.TokenizerFiles;
import llada.tokenizer.BpeTrainer;
import llada.tokenizer.ChatTemplate.Message;

/** Learns a vocabulary from a corpus and writes the tokenizer's files. */
public final class TokenizerTraining {
  private TokenizerTraining() {}

  /**
   * Trains.
   *
   * @param size of the vocabulary, special tokens included
   * @param minFrequency how often a pair must occur to become a token
   * @return ids that the tokenizer has, fewer than {@code size} if the corpus has no more
   * @throws SettingException if {@code size} or {@code minFrequency} is too small
   * @throws FormatException if the corpus is empty or damaged, or the folder cannot be written
   */
  public static int run(Corpus corpus, int size, int minFrequency, Path folder) {
    int least = 256 + TokenizerFiles.SPECIAL.size();
    SettingException.require(
        size >= least,
        "vocabulary",
        " is %d; it must be at least %d: 256 bytes and %d special tokens",
        size,
        least,
        TokenizerFiles.SPECIAL.size());
    SettingException.require(
        minFrequency >= 1, "min frequency", " is %d; it must be at least 1", minFrequency);
    BpeTrainer trainer = new BpeTrainer();
    corpus.forEach(
        document -> {
          if (document.messages() == null) {
            trainer.add(document.text());
          } else {
            for (Message message : document.messages()) {
              trainer.add(message.content());
            }
          }
        });
    if (trainer.isEmpty()) {
      throw new FormatException(
          corpus.name()
              + ": the corpus is empty: no text was found in it; give files that hold some");
    }
    BpeTrainer.Result result = trainer.train(size - TokenizerFiles.SPECIAL.size(), minFrequency);
    try {
      Disk.current().createFolders(folder);
    } catch (IOException e) {
      throw new FormatException(folder + ": cannot be made: " + e.getMessage(), e);
    }
    TokenizerFiles.write(folder, TokenizerFiles.of(result));
    return result.tokens().size() + TokenizerFiles.SPECIAL.size();
  }
}
