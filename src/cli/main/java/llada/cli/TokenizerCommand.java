package llada.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import llada.train.Corpus;
import llada.train.TokenizerTraining;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What is done to tokenizers. */
@Command(
    name = "tokenizer",
    description = "Make tokenizers; see 'llada tokenize' for using one.",
    footer = "  llada tokenizer train --data corpus.txt --vocab 8192 -o tokenizer",
    subcommands = TokenizerCommand.Train.class)
final class TokenizerCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** Learns a vocabulary. */
  @Command(
      name = "train",
      description = {
        "Learn a byte-level BPE vocabulary from texts.",
        "",
        "Writes tokenizer.json, tokenizer_config.json and special_tokens_map.json, which Hugging",
        "Face's library loads too, with LLaDA's splitting rule, its special tokens at the last ids",
        "and the mask last of all. Same texts, same files."
      },
      footer = {
        "  llada tokenizer train --data corpus.txt --vocab 8192 -o tokenizer",
        "  llada tokenizer train --data texts chats.jsonl -o tokenizer"
      })
  static final class Train implements Callable<Integer> {
    private final CommandContext context;

    @Option(
        names = "--data",
        paramLabel = "PATH",
        arity = "1..*",
        description = "Text files, JSONL files or folders of them, as for 'llada train'.")
    private List<Path> data;

    @Option(
        names = {"-o", "--out"},
        paramLabel = "DIR",
        description = "Where to write the files.")
    private Path out;

    @Option(
        names = "--vocab",
        paramLabel = "N",
        defaultValue = "8192",
        description = "Ids in all, with 10 special tokens. Default: ${DEFAULT-VALUE}.")
    private int vocab;

    @Option(
        names = "--min-frequency",
        paramLabel = "N",
        defaultValue = "2",
        description = "A pair must occur so often to become a token. Default: ${DEFAULT-VALUE}.")
    private int minFrequency;

    Train(CommandContext context) {
      this.context = context;
    }

    @Override
    public Integer call() {
      if (data == null || out == null) {
        throw new UsageException(
            "%s is missing; pass --data PATH, what to learn from, and -o DIR, where to write"
                .formatted(data == null ? "--data" : "-o"));
      }
      int size = TokenizerTraining.run(Corpus.of(data), vocab, minFrequency, out);
      context
          .console()
          .err()
          .println(
              "%s: %d tokens%s"
                  .formatted(
                      out,
                      size,
                      size < vocab
                          ? ", fewer than --vocab: no other pair occurs "
                              + (minFrequency == 1 ? "at all" : minFrequency + " times")
                          : ""));
      return ExitCodes.OK;
    }
  }
}
