package llada.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import llada.api.MemoryNeed;
import llada.backend.ThreadPool;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.SyntheticModel;
import llada.model.WeightTable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A GGUF file with the shape of a real model and random weights. */
@Command(
    name = "synth",
    description = {
      "Write a GGUF file with the exact shape of a published model and random weights.",
      "",
      "What it generates means nothing; it is there to measure speed and memory, here and in other",
      "programs, without a download. Its tokenizer is made up too, but turns any text into tokens",
      "and back, with the special tokens at the ids of the model. Same options, same bytes."
    },
    footer = {
      "  llada synth --shape llada-8b --layers 4 --type q4_k_m -o llada-4.gguf",
      "  llada synth --shape illada-8b --type q4_0 --head q4_0 -o illada.gguf",
      "  llada synth --shape custom --dim 256 --layers 2 --heads 4 --ffn 768 --vocab 1000 -o x.gguf",
      "  llada bench --model llada-4.gguf"
    })
final class SynthCommand implements Callable<Integer> {
  private static final long NANOS_BETWEEN_LINES = 200_000_000;

  private final CommandContext context;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "The file to write; a file of that name is replaced.")
  private Path output;

  @Mixin private ShapeOptions shape;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of the weights. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads; the file does not depend on it. Default: one per core.")
  private Integer threads;

  @Option(
      names = {"-q", "--quiet"},
      description = "Say nothing while writing.")
  private boolean quiet;

  SynthCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (output == null) {
      throw new UsageException("-o is missing; pass -o FILE, the GGUF file to write");
    }
    SyntheticModel model = shape.model(seed);
    long before = System.nanoTime();
    long bytes = model.tensors().stream().mapToLong(Checkpoint.TensorInfo::bytes).sum();
    try (ThreadPool pool = new ThreadPool(BackendOptions.threads(threads))) {
      model.write(output, pool, quiet ? (_, _) -> {} : new Percent(context.console()));
    }
    if (!quiet) {
      double seconds = (System.nanoTime() - before) / 1e9;
      context
          .console()
          .err()
          .printf(
              Locale.ROOT,
              "%s: %s, %,d weights, %s, %.1f s%n",
              output,
              model.name(),
              WeightTable.parameters(model.config()),
              MemoryNeed.text(bytes),
              seconds);
    }
    return ExitCodes.OK;
  }

  /** A line that counts up on a terminal; elsewhere a line for every tenth. */
  private static final class Percent implements SyntheticModel.Progress {
    private final PrintStream err;
    private final boolean terminal;
    private long shownAt;
    private long shown = -1;

    Percent(Console console) {
      err = console.err();
      terminal = console.errIsTerminal();
    }

    @Override
    public void written(long done, long total) {
      long now = System.nanoTime();
      boolean last = done >= total;
      if (terminal) {
        if (last) {
          err.print("\r\033[K");
        } else if (now - shownAt > NANOS_BETWEEN_LINES) {
          shownAt = now;
          err.print("\r%d %% of %s".formatted(100 * done / total, MemoryNeed.text(total)));
        }
        err.flush();
      } else if (10 * done / total > shown && !last) {
        shown = 10 * done / total;
        err.printf(Locale.ROOT, "%d %% of %s%n", 10 * shown, MemoryNeed.text(total));
      }
    }
  }
}
