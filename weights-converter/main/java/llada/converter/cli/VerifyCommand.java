package llada.converter.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.IntStream;
import llada.api.Engine;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.cli.CommandProvider;
import llada.cli.ProgressLine;
import llada.converter.Checksums;
import llada.converter.Converter;
import llada.converter.Difference;
import llada.converter.HeldOutBound;
import llada.converter.MaskedText;
import llada.format.FormatException;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import llada.train.RunFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code llada verify}: looks at a model as at a stranger's. */
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
      "  llada verify run"
    })
public final class VerifyCommand implements Runnable, CommandProvider {
  private static final int TOKENS = 16;

  @Parameters(
      paramLabel = "FILE",
      description = "A GGUF file, a Hugging Face folder, or the folder of a run.")
  private Path model;

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
      ok(out, "model", model.toString());
    }
    try (Checkpoint checkpoint = Checkpoint.open(model);
        Backend computation = Backends.choose(backend, Arguments.threads(spec, threads))) {
      ok(out, "structure", checkpoint.format());
      ok(
          out,
          "shapes",
          "%d tensors as the configuration has them, %,d weights"
              .formatted(checkpoint.tensors().size(), checkpoint.config().parameters()));
      ok(out, "tokenizer", "%d tokens".formatted(checkpoint.tokenizer().size()));
      numbers(out, checkpoint, computation);
      forward(out, checkpoint, computation);
      if (corpus != null) {
        bound(out, checkpoint, computation);
      }
    }
    out.flush();
  }

  private static void ok(PrintWriter out, String what, String found) {
    out.printf("%-10s ok: %s%n", what, found);
    out.flush();
  }

  private void numbers(PrintWriter out, Checkpoint checkpoint, Backend computation) {
    ProgressLine line = ProgressLine.of(spec, Converter.bytes(checkpoint));
    // Compared with itself a number that is finite is 0 away, and any other NaN.
    Difference.between(
        checkpoint,
        checkpoint,
        computation.pool(),
        line::add,
        d -> {
          if (d.maxError() != 0) {
            line.finish();
            throw new FormatException(
                "%s: %s; download or convert the model again"
                    .formatted(
                        model, checkpoint.firstNonFinite().orElse(d.name() + " is not finite")));
          }
        });
    ok(out, "numbers", "all finite, " + line.finish());
  }

  private void forward(PrintWriter out, Checkpoint checkpoint, Backend computation) {
    int t = Math.min(TOKENS, checkpoint.config().maxSequenceLength());
    int[] ids = new int[t]; // half of it masked, the rest tokens from all over the vocabulary
    for (int i = 0; i < t; i++) {
      ids[i] =
          i % 2 == 1
              ? checkpoint.config().maskTokenId()
              : (int) ((long) i * checkpoint.config().vocabSize() / t);
    }
    try (Engine engine =
        new Engine(checkpoint.config(), checkpoint.weights(), computation.kernels())) {
      int[] rows = IntStream.range(0, t).toArray();
      double mean =
          engine.with(t, predictor -> meanSquare(predictor.forward(TokenBatch.of(ids), rows)));
      if (!Double.isFinite(mean)) {
        throw new FormatException(
            "%s: the logits of a forward pass are not finite, though all weights are; they overflow"
                .formatted(model));
      }
      ok(
          out,
          "forward",
          String.format(
              Locale.ROOT,
              "logits of %d tokens finite, root mean square %.3f",
              t,
              Math.sqrt(mean)));
    }
  }

  private static double meanSquare(Tensor logits) {
    double squares = 0;
    for (long i = 0; i < logits.shape().elements(); i++) {
      squares += (double) logits.get(i) * logits.get(i);
    }
    return squares / logits.shape().elements();
  }

  private void bound(PrintWriter out, Checkpoint checkpoint, Backend computation) {
    int t = Math.min(256, checkpoint.config().maxSequenceLength());
    int[] tokens = MaskedText.read(corpus, checkpoint, t);
    HeldOutBound bound =
        HeldOutBound.of(
            checkpoint,
            computation.kernels(),
            tokens,
            t,
            Math.min(pieces, tokens.length / t),
            4,
            0);
    out.printf(
        Locale.ROOT,
        "%-10s %.5f nats a token (standard error %.5f, %d pieces of %d tokens)%n",
        "bound",
        bound.nats(),
        bound.standardError(),
        bound.pieces(),
        t);
  }

  @Override
  public Object command() {
    return new VerifyCommand();
  }
}
