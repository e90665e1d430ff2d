package llada.converter.cli;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import llada.checkpoint.PeftAdapter;
import llada.cli.AdapterOption;
import llada.cli.CommandProvider;
import llada.cli.ModelPath;
import llada.converter.Checksums;
import llada.converter.HeldOutBound;
import llada.converter.Verification;
import llada.format.FormatException;
import llada.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code llada verify}: the command line of {@link Verification}, and of sums and runs. */
@Command(
    name = "verify",
    description = {
      "Check a model's files, every number in them, and one forward pass.",
      "Looked at are structure, checksums if given, names and shapes against the configuration, the"
          + " tokenizer, and that every number is finite.",
      "",
      "The folder of a training run is checked with all its checkpoints.",
      "The first fault ends the check with one message and exit code 3."
    },
    footer = {
      "  llada verify llada-q4_k_m.gguf",
      "  llada verify LLaDA-8B-Instruct --checksums SHA256SUMS",
      "  llada verify llada-q4_0.gguf --corpus held-out.txt",
      "  llada verify llada-8b.gguf --adapter tuned/adapter",
      "  llada verify run"
    })
public final class VerifyCommand implements Runnable, CommandProvider {
  @Parameters(
      converter = ModelPath.class,
      paramLabel = "FILE",
      description = "A GGUF file, a Hugging Face folder, or the folder of a run.")
  private Path model;

  @Mixin private AdapterOption adapter;

  @Option(
      names = "--sha256",
      paramLabel = "HEX",
      description = "What the SHA-256 of FILE, a single file, must be.")
  private String sha256;

  @Option(
      names = "--checksums",
      paramLabel = "LIST",
      description =
          "A list as sha256sum writes it: a sum and a file name a line, beside FILE or in it.")
  private Path checksums;

  @Option(
      names = "--corpus",
      paramLabel = "TEXT",
      description = "Also estimate the bound on the negative log-likelihood of this text.")
  private Path corpus;

  @Option(
      names = "--pieces",
      paramLabel = "N",
      defaultValue = "64",
      description = "Pieces of 256 tokens of it, four masks each. Default: ${DEFAULT-VALUE}.")
  private int pieces;

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
    Arguments.positive(spec, "--pieces", pieces);
    PrintWriter out = spec.commandLine().getOut();
    if (sha256 != null) {
      Checksums.require(model, sha256);
      ok(out, "checksum", "SHA-256 as given");
    }
    if (checksums != null) {
      ok(out, "checksums", Checksums.requireAll(model, checksums) + " files as listed");
    }
    if (RunFolder.is(model)) {
      new RunFolder(model).verify((what, found) -> ok(out, what, found));
      model = new RunFolder(model).newestModel();
      if (Files.exists(model.resolve(PeftAdapter.CONFIG))) {
        ok(out, "adapter", model.toString()); // its model is somewhere else
        if (adapter.adapter().isPresent()) {
          throw new ParameterException(
              spec.commandLine(),
              "--adapter goes with a model, and this run made an adapter; give the model that it is of, and --adapter "
                  + model);
        }
        return;
      }
      ok(out, "model", model.toString());
    }
    Verification.Settings settings =
        new Verification.Settings(
            Optional.empty(),
            Optional.ofNullable(corpus),
            pieces,
            Arguments.setup(spec, backend, threads));
    ProgressReport report = new ProgressReport(spec);
    try {
      Verification.of(
              model,
              adapter.adapter(),
              settings,
              report,
              (what, found) -> passed(out, what, found, report))
          .bound()
          .ifPresent(bound -> show(out, bound));
    } catch (FormatException e) {
      report.finish();
      throw e;
    }
    out.flush();
  }

  private static void passed(PrintWriter out, String what, String found, ProgressReport report) {
    ok(out, what, what.equals("numbers") ? found + ", " + report.finish() : found);
  }

  private static void ok(PrintWriter out, String what, String found) {
    out.printf("%-10s ok: %s%n", what, found);
    out.flush();
  }

  private static void show(PrintWriter out, HeldOutBound bound) {
    out.printf(
        Locale.ROOT,
        "%-10s %.5f nats a token (standard error %.5f, %d pieces of %d tokens)%n",
        "bound",
        bound.nats(),
        bound.standardError(),
        bound.pieces(),
        bound.length());
  }

  @Override
  public Object command() {
    return new VerifyCommand();
  }
}
