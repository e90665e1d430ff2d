package llada.cli;

import java.io.IOException;
import java.nio.file.Path;
import llada.format.Disk;
import llada.format.FormatException;
import llada.format.TokenizerFiles;
import llada.tokenizer.BpeTrainer;
import llada.tokenizer.ChatTemplate.Message;
import llada.train.Corpus;

/** Learns a vocabulary from a corpus and writes the tokenizer's files. */
final class TokenizerTraining {
  private TokenizerTraining() {}

  /**
   * Trains.
   *
   * @param size of the vocabulary, special tokens included
   * @return ids that the tokenizer has, fewer than {@code size} if the corpus has no more
   */
  static int run(Corpus corpus, int size, int minFrequency, Path folder) {
    int least = 256 + TokenizerFiles.SPECIAL.size();
    if (size < least) {
      throw new UsageException(
          "--vocab is %d; it must be at least %d: 256 bytes and %d special tokens"
              .formatted(size, least, TokenizerFiles.SPECIAL.size()));
    }
    if (minFrequency < 1) {
      throw new UsageException(
          "--min-frequency is %d; it must be at least 1".formatted(minFrequency));
    }
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
              + ": the corpus is empty: no text was found in it; give --data files that hold some");
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
