package llada.converter.cli;

import java.nio.file.Path;
import llada.cli.AdapterOption;
import llada.cli.CommandProvider;
import llada.cli.ModelPath;
import llada.converter.Importance;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code llada imatrix}: the command line of {@link Importance}. */
@Command(
    name = "imatrix",
    description = {
      "Find out which columns of the weights matter.",
      "A model is run over a text, and the squares of what each weight reads are summed.",
      "",
      "A diffusion model reads masked text, so each piece of the text is shown with a random number"
          + " of its tokens masked. The file serves quantize --imatrix, here and in llama.cpp."
    },
    footer = {
      "  llada imatrix -m LLaDA-8B-Instruct --corpus text.txt -o llada.imatrix.gguf --pieces 100"
    })
public final class ImatrixCommand implements Runnable, CommandProvider {
  @Option(
      converter = ModelPath.class,
      names = {"-m", "--model"},
      paramLabel = "PATH",
      required = true,
      description = "A Hugging Face folder or a GGUF file.")
  private Path model;

  @Mixin private AdapterOption adapter;

  @Option(names = "--corpus", paramLabel = "FILE", required = true, description = "A UTF-8 text.")
  private Path corpus;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "The GGUF file to write; a file of that name is replaced.")
  private Path output;

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "256",
      description = "Tokens of a piece. Default: ${DEFAULT-VALUE}.")
  private int length;

  @Option(
      names = "--pieces",
      paramLabel = "N",
      defaultValue = "64",
      description = "Pieces to read at most. Default: ${DEFAULT-VALUE}.")
  private int pieces;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of the masks. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--threads", paramLabel = "N", description = "Default: one per processor.")
  private Integer threads;

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "auto",
      description = "auto, scalar, vector, machine or cuda. Default: ${DEFAULT-VALUE}.")
  private String backend;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    Arguments.positive(spec, "--length", length);
    Arguments.positive(spec, "--pieces", pieces);
    ProgressReport report = new ProgressReport(spec);
    Importance importance =
        Importance.measure(
            model,
            adapter.adapter(),
            corpus,
            new Importance.Settings(length, pieces, seed, Arguments.setup(spec, backend, threads)),
            report);
    String done = report.finish();
    importance.write(output);
    spec.commandLine()
        .getErr()
        .printf(
            "%s: %d weights, %d pieces of %d tokens (%s)%n",
            output, importance.weights(), importance.pieces(), importance.length(), done);
  }

  @Override
  public Object command() {
    return new ImatrixCommand();
  }
}
