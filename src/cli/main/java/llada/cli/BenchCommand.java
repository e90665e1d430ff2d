package llada.cli;

import java.lang.foreign.Arena;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import llada.backend.Backend;
import llada.bench.BenchReport;
import llada.bench.ForwardBench;
import llada.bench.Peer;
import llada.checkpoint.Checkpoint;
import llada.checkpoint.SyntheticModel;
import llada.format.JsonLine;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How fast a model computes, beside what the machine could do at most. */
@Command(
    name = "bench",
    subcommands = {
      RoundingCommand.class,
      TrainBench.class,
      DecodeBench.class,
      AnswerBench.class,
      ServeBench.class
    },
    description = {
      "Measure forward passes, op by op, beside the machine's limits.",
      "A pass computes the logits of all of its tokens.",
      "",
      "Without --model and --shape it measures the small model that comes with LLaDA.java. --shape",
      "makes random weights in memory. Columns: the median time of a call, its speed, that speed",
      "in percent of what the machine can do, and the share of the pass that all calls take.",
      "",
      "--peer runs another program after each pass, so that both meet the machine in the same",
      "moods, and compares the medians."
    },
    footer = {
      "  llada bench",
      "  llada bench --model llada-4.gguf --tokens 512",
      "  llada bench --shape llada-8b --layers 4 --type q4_k_m --json | jq .forward_ms",
      "  llada bench --backend scalar --repeat 1",
      "  llada bench --model llada-4.gguf --peer \"llama-perplexity -m llada-4.gguf ...\" \\",
      "      --peer-pattern \"([0-9.]+) seconds per pass\"",
      "  llada bench train --json",
      "  llada bench decode",
      "  llada bench serve"
    })
final class BenchCommand implements Callable<Integer> {
  private final CommandContext context;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      defaultValue = "256",
      description = "Of a pass. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--repeat",
      paramLabel = "N",
      defaultValue = "5",
      description = "Passes that count. Default: ${DEFAULT-VALUE}.")
  private int repeat;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      defaultValue = "2",
      description =
          "Passes before them; short ones are repeated for two seconds. Default: ${DEFAULT-VALUE}.")
  private int warmup;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of the tokens and of random weights. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--no-limits",
      description = "Do not measure the machine's limits, which takes 512 MiB and three seconds.")
  private boolean noLimits;

  @Option(
      names = "--peer",
      paramLabel = "COMMAND",
      description =
          "A command of the shell that does the same work; its whole process is timed, with what it"
              + " loads, unless --peer-pattern says otherwise.")
  private String peer;

  @Option(
      names = "--peer-pattern",
      paramLabel = "REGEX",
      description =
          "Whose one group finds the peer's own time, in seconds, in what it prints; the last match"
              + " counts.")
  private Pattern peerPattern;

  @Option(names = "--json", description = "Write one JSON object instead of the table.")
  private boolean json;

  @Mixin private ModelOptions model;
  @Mixin private ShapeOptions shape;
  @Mixin private BackendOptions computation;

  BenchCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    atLeast(1, "--tokens", tokens);
    atLeast(1, "--repeat", repeat);
    atLeast(0, "--warmup", warmup);
    if (peer == null && peerPattern != null) {
      throw new UsageException("--peer-pattern needs --peer, the command whose output it reads");
    }
    if (shape.given() && model.given()) {
      throw new UsageException("--model and --shape exclude each other: leave one out");
    }
    if (!shape.given()) {
      shape
          .stray()
          .ifPresent(
              name -> {
                throw new UsageException(name + " needs --shape, which makes a model");
              });
    }
    BenchReport report = shape.given() ? synthetic() : file();
    if (json) {
      JsonLine.write(context.console().out(), report::write);
    } else {
      report.print(context.console().out());
    }
    return ExitCodes.OK;
  }

  private static void atLeast(int least, String name, int value) {
    if (value < least) {
      throw new UsageException("%s is %d; it must be at least %d".formatted(name, value, least));
    }
  }

  private BenchReport file() {
    try (Backend backend = computation.start();
        Checkpoint checkpoint = model.open()) {
      return measure(
          checkpoint.path().toString(), checkpoint.config(), checkpoint.weights(), backend);
    }
  }

  private BenchReport synthetic() {
    SyntheticModel synthetic = shape.model(seed);
    try (Backend backend = computation.start();
        Arena arena = Arena.ofShared()) {
      String name =
          "%s, %d layers, %s"
              .formatted(synthetic.name(), synthetic.config().nLayers(), synthetic.mix());
      return measure(name, synthetic.config(), synthetic.weights(arena, backend.pool()), backend);
    }
  }

  private BenchReport measure(
      String name, LladaConfig config, LladaWeights weights, Backend backend) {
    if (tokens > config.maxSequenceLength()) {
      throw new UsageException(
          "--tokens is %d; the model takes at most %d (max_sequence_length)"
              .formatted(tokens, config.maxSequenceLength()));
    }
    ForwardBench.Settings settings =
        new ForwardBench.Settings(
            tokens,
            warmup,
            repeat,
            !noLimits,
            seed,
            computation.precision(),
            Optional.ofNullable(peer)
                .map(line -> new Peer(line, Optional.ofNullable(peerPattern))));
    try (StatusLine status = new StatusLine(context.console())) {
      ForwardBench.Result result =
          ForwardBench.run(config, weights, backend, settings, status::show);
      return new BenchReport(name, config, tokens, backend, result);
    }
  }
}
