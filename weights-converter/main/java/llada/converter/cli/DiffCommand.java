package llada.converter.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import llada.api.Setup;
import llada.cli.AdapterOption;
import llada.cli.CommandProvider;
import llada.cli.ModelPath;
import llada.converter.Difference;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code llada diff}: the command line of {@link Difference}. */
@Command(
    name = "diff",
    description = {
      "Compare the weights of two versions of a model, tensor by tensor.",
      "",
      "For each tensor: the largest difference, the root mean square of the differences relative to"
          + " that of A's numbers, and the cosine of the angle between the two. Rows of q and k are"
          + " compared in the same order, whatever the formats.",
      "With --adapter B has the adapter merged: A may be B, or a model that it was merged into."
    },
    footer = {
      "  llada diff LLaDA-8B-Instruct llada-q4_k_m.gguf",
      "  llada diff tuned.gguf llada-8b.gguf --adapter tuned/adapter"
    })
public final class DiffCommand implements Runnable, CommandProvider {
  @Parameters(
      converter = ModelPath.class,
      index = "0",
      paramLabel = "A",
      description = "A folder or GGUF file: the original.")
  private Path first;

  @Parameters(
      converter = ModelPath.class,
      index = "1",
      paramLabel = "B",
      description = "A folder or GGUF file of it.")
  private Path second;

  @Mixin private AdapterOption adapter;

  @Option(names = "--threads", paramLabel = "N", description = "Default: one per processor.")
  private Integer threads;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    Setup setup = Setup.DEFAULT.threads(Arguments.threads(spec, threads));
    ProgressReport report = new ProgressReport(spec);
    List<Difference> all = Difference.between(first, second, adapter.adapter(), setup, report);
    report.finish();
    int width = all.stream().mapToInt(d -> d.name().length()).max().orElse(0);
    String row = "%-" + width + "s  %-5s %-5s %12s %14s %12s%n";
    out.printf(row, "tensor", "A", "B", "max error", "relative rmse", "cosine");
    for (Difference d : all) {
      out.printf(
          row,
          d.name(),
          d.typeA(),
          d.typeB(),
          number("%.3e", d.maxError()),
          number("%.3e", d.relativeRmse()),
          number("%.8f", d.cosine()));
    }
    long equal = all.stream().filter(d -> d.maxError() == 0).count();
    Difference worst =
        all.stream().max(Comparator.comparingDouble(Difference::relativeRmse)).orElseThrow();
    out.printf(
        "%d of %d tensors equal; worst relative rmse %s, %s%n",
        equal, all.size(), number("%.3e", worst.relativeRmse()), worst.name());
    out.flush();
  }

  private static String number(String format, double value) {
    return value == 0 ? "0" : String.format(Locale.ROOT, format, value);
  }

  @Override
  public Object command() {
    return new DiffCommand();
  }
}
