package llada.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.format.JsonLine;
import llada.format.TextLines;
import llada.kernel.Precision;
import llada.model.MaskPredictor;
import llada.model.TokenBatch;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** What rounding activations costs in accuracy, on the inputs that a diffusion model sees. */
@Command(
    name = "rounding",
    description = {
      "Compare logits with rounded activations to those without (--exact).",
      "Rounding is the machine backend's way with quantised and bfloat16 weights. Logits are those",
      "at the masked positions of a text: pieces of it are masked with ratios from 0 to 1.",
      "",
      "With --reference the exact logits are those of another file of the same model, say the one",
      "that was quantised; then both ways are compared with it."
    },
    footer = {
      "  llada bench rounding --text held-out.txt",
      "  llada bench rounding --text held-out.txt -m q4.gguf --reference f32.gguf --json"
    })
final class RoundingCommand implements Callable<Integer> {
  private static final int MAX_TEXT_BYTES = 64 << 20;

  @ParentCommand private BenchCommand bench;

  @Option(
      names = "--text",
      paramLabel = "FILE",
      required = true,
      description = "UTF-8 text of the kind that the model was trained on.")
  private Path text;

  @Option(
      names = "--reference",
      paramLabel = "PATH",
      description = "The model whose logits are right. Default: the model itself.")
  private Path reference;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "128",
      description = "Of a piece. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--pieces",
      paramLabel = "N",
      defaultValue = "32",
      description = "How many. Default: ${DEFAULT-VALUE}.")
  private int pieces;

  @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Of the masks.")
  private long seed;

  @Option(names = "--bf16", description = "Round float32 and float16 weights, too.")
  private boolean bf16;

  @Option(names = "--threads", paramLabel = "N", description = "Threads that compute.")
  private Integer threads;

  @Option(names = "--json", description = "Write one JSON object instead of the table.")
  private boolean json;

  @Mixin private ModelOptions model;

  @Override
  public Integer call() {
    int workers = BackendOptions.threads(threads);
    Precision precision = bf16 ? Precision.BF16 : Precision.WEIGHTS;
    try (Checkpoint checkpoint = model.open();
        Checkpoint right = reference == null ? null : Checkpoint.open(reference);
        Backend exact = Backends.choose("auto", workers, Precision.EXACT);
        Backend rounded = Backends.choose("machine", workers, precision)) {
      Checkpoint truth = right == null ? checkpoint : right;
      if (truth.config().embeddingSize() != checkpoint.config().embeddingSize()) {
        throw new UsageException(
            "--reference has %d tokens in its vocabulary, the model %d: they are not the same model"
                .formatted(truth.config().embeddingSize(), checkpoint.config().embeddingSize()));
      }
      int[] ids = read(checkpoint);
      LogitDistance ofExact = new LogitDistance();
      LogitDistance ofRounded = new LogitDistance();
      try (MaskPredictor a = predictor(truth, exact);
          MaskPredictor b = predictor(checkpoint, exact);
          MaskPredictor c = predictor(checkpoint, rounded)) {
        SplittableRandom random = RandomStreams.of(seed, Purpose.BENCHMARK);
        for (int piece = 0; piece < pieces; piece++) {
          int from = (int) ((long) piece * (ids.length - tokens) / Math.max(1, pieces - 1));
          int[] right1 = Arrays.copyOfRange(ids, from, from + tokens);
          int[] masked = right1.clone();
          double ratio = (piece + 0.5) / pieces;
          int[] rows = mask(masked, ratio, checkpoint.config().maskTokenId(), random);
          TokenBatch batch = TokenBatch.of(masked);
          float[] truthLogits = a.forward(batch, rows).toArray();
          int[] targets = Arrays.stream(rows).map(row -> right1[row]).toArray();
          if (right != null) {
            ofExact.add(truthLogits, b.forward(batch, rows).toArray(), targets);
          }
          ofRounded.add(truthLogits, c.forward(batch, rows).toArray(), targets);
        }
      }
      report(ofExact, ofRounded, right != null);
      return ExitCodes.OK;
    }
  }

  private MaskPredictor predictor(Checkpoint checkpoint, Backend backend) {
    return new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), tokens);
  }

  private int[] read(Checkpoint checkpoint) {
    if (tokens < 1 || tokens > checkpoint.config().maxSequenceLength()) {
      throw new UsageException(
          "--tokens is %d; this model takes 1 to %d"
              .formatted(tokens, checkpoint.config().maxSequenceLength()));
    }
    if (pieces < 1) {
      throw new UsageException("--pieces is " + pieces + "; it must be at least 1");
    }
    int[] ids = checkpoint.tokenizer().encode(TextLines.read(text, MAX_TEXT_BYTES));
    if (ids.length < tokens) {
      throw new UsageException(
          "--text %s has %d tokens; %d are needed: give a longer text or --tokens"
              .formatted(text, ids.length, tokens));
    }
    return ids;
  }

  /** Masks each token with this probability, at least one; returns the places. */
  private static int[] mask(int[] ids, double ratio, int mask, SplittableRandom random) {
    int[] rows = new int[ids.length];
    int count = 0;
    for (int i = 0; i < ids.length; i++) {
      if (random.nextDouble() < ratio || count == 0 && i == ids.length - 1) {
        ids[i] = mask;
        rows[count++] = i;
      }
    }
    return Arrays.copyOf(rows, count);
  }

  private void report(LogitDistance exact, LogitDistance rounded, boolean both) {
    PrintStream out = bench.console().out();
    if (json) {
      JsonLine.write(
          out,
          members -> {
            if (both) {
              write(members, "exact", exact);
            }
            write(members, "rounded", rounded);
          });
      return;
    }
    out.printf("%d masked positions%n", rounded.rows());
    out.printf(
        "%-12s %12s %12s %12s %12s %14s%n",
        "activations", "cosine mean", "cosine min", "KL, nats", "same token", "loss change");
    if (both) {
      print(out, "exact", exact);
    }
    print(out, "rounded", rounded);
  }

  private static void print(PrintStream out, String name, LogitDistance distance) {
    out.printf(
        "%-12s %12.6f %12.6f %12.2e %10.2f %% %14.5f%n",
        name,
        distance.meanCosine(),
        distance.leastCosine(),
        distance.meanKl(),
        100 * distance.agreement(),
        distance.lossChange());
  }

  private static void write(JsonGenerator json, String name, LogitDistance distance)
      throws IOException {
    json.writeObjectFieldStart(name);
    json.writeNumberField("positions", distance.rows());
    json.writeNumberField("cosine_mean", distance.meanCosine());
    json.writeNumberField("cosine_min", distance.leastCosine());
    json.writeNumberField("kl_nats", distance.meanKl());
    json.writeNumberField("same_token", distance.agreement());
    json.writeNumberField("loss_change", distance.lossChange());
    json.writeEndObject();
  }
}
