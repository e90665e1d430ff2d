package llada.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.experiments.Claim;
import llada.experiments.Experiment;
import llada.experiments.Experiments;
import llada.experiments.Lab;
import llada.experiments.Report;
import llada.experiments.Size;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The paper's claims, tried on small models. */
@Command(
    name = "experiments",
    description = {
      "Try the paper's claims on models small enough for a laptop.",
      "Each experiment trains its arms with equal data, steps, parameters and tuning, and writes a",
      "folder with config.json, results.csv, charts (SVG, PNG) and report.md: the question, what was",
      "seen, and a verdict on each claim by a rule that was written before.",
      "",
      "A run that was cut off goes on where it was when it is started again."
    },
    footer = {
      "  llada experiments                     # the names",
      "  llada experiments fisher -o out",
      "  llada experiments all -o out          # also out/index.html, one page",
      "  llada experiments all --size tiny -o trial"
    })
final class ExperimentsCommand implements Callable<Integer> {
  private final CommandContext context;

  @Parameters(
      arity = "0..*",
      paramLabel = "NAME",
      description = "Experiments, or all. Without a name: lists them.")
  private List<String> names = List.of();

  @Option(
      names = {"-o", "--out"},
      paramLabel = "DIR",
      description = "Folder of the results, a subfolder for each experiment.")
  private Path out;

  @Option(
      names = "--size",
      paramLabel = "NAME",
      defaultValue = "small",
      description =
          "tiny (seconds, only to see that it works), small (minutes to hours on 2 cores) or"
              + " large (hours). Default: ${DEFAULT-VALUE}.")
  private String size;

  @Option(
      names = "--seeds",
      paramLabel = "N",
      defaultValue = "5",
      description = "Repetitions of every arm, for intervals. Default: ${DEFAULT-VALUE}.")
  private int seeds;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed of the first repetition. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--text",
      paramLabel = "FILE",
      description = "Plain text to learn, for the scaling experiment; may be given several times.")
  private List<Path> texts = List.of();

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      defaultValue = "auto",
      description = "auto, scalar, vector or machine. Default: ${DEFAULT-VALUE}.")
  private String backend;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Arms that are computed side by side. Default: one per processor.")
  private Integer threads;

  ExperimentsCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (names.isEmpty()) {
      for (Experiment experiment : Experiments.ALL) {
        context
            .console()
            .out()
            .println("%-12s %s".formatted(experiment.name(), experiment.title()));
      }
      return ExitCodes.OK;
    }
    List<Experiment> chosen = chosen();
    if (out == null) {
      throw new UsageException("-o is missing; pass -o DIR, the folder of the results");
    }
    if (seeds < 1) {
      throw new UsageException("--seeds is %d; it must be at least 1".formatted(seeds));
    }
    Backend tried = Backends.choose(backend, 1); // an impossible one is refused before all else
    context.console().err().println(tried.why());
    tried.close();
    Lab lab =
        new Lab(
            out,
            size(),
            seed,
            seeds,
            new Experiment.Inputs(texts()),
            BackendOptions.threads(threads),
            () -> Backends.choose(backend, 1),
            line -> context.console().err().println(line));
    if (names.contains("all")) {
      context.console().out().println(Experiments.runAll(lab, chosen));
      return ExitCodes.OK;
    }
    for (Experiment experiment : chosen) {
      Report report = lab.run(experiment);
      for (Claim.Verdict verdict : report.verdicts()) {
        context
            .console()
            .out()
            .println(
                "%s: %s. Seen: %s. Verdict: %s"
                    .formatted(
                        verdict.experiment(),
                        verdict.claim().text(),
                        verdict.seen(),
                        verdict.outcome()));
      }
      context.console().out().println(out.resolve(experiment.name()).resolve("report.md"));
    }
    return ExitCodes.OK;
  }

  private List<Experiment> chosen() {
    List<Experiment> chosen = new ArrayList<>();
    for (String name : names) {
      if (name.equals("all")) {
        return Experiments.ALL;
      }
      chosen.add(
          Experiments.ALL.stream()
              .filter(e -> e.name().equals(name))
              .findFirst()
              .orElseThrow(
                  () ->
                      new UsageException(
                          "experiment '%s' is unknown; there are %s, and all"
                              .formatted(
                                  name,
                                  Experiments.ALL.stream()
                                      .map(Experiment::name)
                                      .collect(Collectors.joining(", "))))));
    }
    return chosen;
  }

  private Size size() {
    return Arrays.stream(Size.values())
        .filter(known -> known.toString().equals(size.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "--size is '%s'; it must be tiny, small or large".formatted(size)));
  }

  private List<Path> texts() {
    for (Path text : texts) {
      if (!Files.isRegularFile(text)) {
        throw new UsageException("--text %s: there is no such file".formatted(text));
      }
    }
    return texts;
  }
}
