package llada.cli;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import llada.diffusion.ForwardProcess;
import llada.diffusion.Objective;
import llada.model.LladaConfig;
import llada.train.AdamW;
import llada.train.LearningRate;
import llada.train.TrainingPlan;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/** Everything that decides what a training run computes; a run is resumed with the same. */
final class TrainSettings {
  @Option(
      names = "--sft",
      description = "Fine-tune on chats: only answers are masked, and the EOS behind them.")
  boolean sft;

  @Option(
      names = "--objective",
      paramLabel = "NAME",
      defaultValue = "llada",
      description =
          "llada, or for comparison bert15, maskgit, ar (next token). Default: ${DEFAULT-VALUE}.")
  String objective;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Optimizer steps. Default: ${DEFAULT-VALUE}.")
  long steps;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "8",
      description = "Sequences of a forward pass. Default: ${DEFAULT-VALUE}.")
  int batch;

  @Option(
      names = "--accumulate",
      paramLabel = "N",
      defaultValue = "1",
      description = "Forward passes of a step. Default: ${DEFAULT-VALUE}.")
  int accumulate;

  @Option(
      names = "--length",
      paramLabel = "N",
      defaultValue = "256",
      description = "Tokens of a sequence; of chats, at most. Default: ${DEFAULT-VALUE}.")
  int length;

  @Option(
      names = "--lr",
      paramLabel = "X",
      defaultValue = "4e-4",
      description = "Highest learning rate. Default: ${DEFAULT-VALUE}.")
  double lr;

  @Option(
      names = "--lr-end",
      paramLabel = "X",
      description = "Learning rate at the end. Default: a tenth of --lr.")
  Double lrEnd;

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      defaultValue = "wsd",
      description = "wsd (warm-up, stable, decay), cosine or constant. Default: ${DEFAULT-VALUE}.")
  String schedule;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description = "Steps until --lr is reached. Default: 2 %% of --steps.")
  Long warmup;

  @Option(
      names = "--decay",
      paramLabel = "X",
      defaultValue = "0.1",
      description = "wsd: the share of steps that decays. Default: ${DEFAULT-VALUE}.")
  double decay;

  @Option(
      names = "--weight-decay",
      paramLabel = "X",
      defaultValue = "0.1",
      description = "Of matrices. Default: ${DEFAULT-VALUE}.")
  double weightDecay;

  @Option(names = "--decay-all", description = "Norms decay too.")
  boolean decayAll;

  @Option(
      names = "--beta1",
      paramLabel = "X",
      defaultValue = "0.9",
      description = "Adam's memory of the mean. Default: ${DEFAULT-VALUE}.")
  double beta1;

  @Option(
      names = "--beta2",
      paramLabel = "X",
      defaultValue = "0.95",
      description = "Adam's memory of the square. Default: ${DEFAULT-VALUE}.")
  double beta2;

  @Option(
      names = "--clip",
      paramLabel = "X",
      defaultValue = "1",
      description = "Largest norm of the gradients; 0 for none. Default: ${DEFAULT-VALUE}.")
  double clip;

  @Option(
      names = "--ema",
      paramLabel = "X",
      defaultValue = "0",
      description =
          "Average weights with this decay, say 0.999, and publish those. Default: 0, off.")
  double ema;

  @Option(
      names = "--eps",
      paramLabel = "X",
      defaultValue = "1e-3",
      description = "Least probability of masking. Default: ${DEFAULT-VALUE}.")
  double eps;

  @Option(names = "--stratified", description = "Spread the noise levels of a batch evenly.")
  boolean stratified;

  @Option(
      names = "--random-lengths",
      paramLabel = "X",
      defaultValue = "0.01",
      description = "Share of batches that are cut to a random length. Default: ${DEFAULT-VALUE}.")
  double randomLengths;

  @Option(
      names = "--full-padding",
      paramLabel = "X",
      defaultValue = "0",
      description = "--sft: share of batches that are filled with EOS up to --length. Default: 0.")
  double fullPadding;

  @Option(names = "--skip-long", description = "--sft: pass over chats longer than --length.")
  boolean skipLong;

  @Option(
      names = "--validation",
      paramLabel = "X",
      defaultValue = "0.02",
      description = "Share of the data that is held out. Default: ${DEFAULT-VALUE}.")
  double validation;

  @Option(
      names = "--validation-samples",
      paramLabel = "N",
      defaultValue = "8",
      description = "Maskings of each held-out sequence. Default: ${DEFAULT-VALUE}.")
  int validationSamples;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of everything random. Default: ${DEFAULT-VALUE}.")
  long seed;

  @Option(
      names = "--lora-rank",
      paramLabel = "N",
      defaultValue = "0",
      description = "Train adapters of this rank beside fixed weights. Default: 0, off.")
  int loraRank;

  @Option(
      names = "--lora-alpha",
      paramLabel = "X",
      description = "Scale of the adapters, times their rank. Default: twice the rank.")
  Double loraAlpha;

  @Option(
      names = "--lora-targets",
      paramLabel = "NAMES",
      defaultValue = "q_proj,v_proj",
      description =
          "Of q_proj, k_proj, v_proj, attn_out, ff_proj, up_proj, ff_out. Default:"
              + " ${DEFAULT-VALUE}.")
  String loraTargets;

  @Option(names = "--dim", paramLabel = "N", description = "New model: channels. Default: 256.")
  Integer dim;

  @Option(names = "--layers", paramLabel = "N", description = "New model: blocks. Default: 6.")
  Integer layers;

  @Option(names = "--heads", paramLabel = "N", description = "New model: heads. Default: 8.")
  Integer heads;

  @Option(
      names = "--kv-heads",
      paramLabel = "N",
      description = "New model: key-value heads. Default: as --heads.")
  Integer kvHeads;

  @Option(
      names = "--ffn",
      paramLabel = "N",
      description = "New model: feed-forward channels. Default: 704.")
  Integer ffn;

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "New model: longest sequence. Default: the larger of 1024 and --length.")
  Integer context;

  @Option(names = "--tied", description = "New model: the head is the embedding.")
  boolean tied;

  @Option(
      names = "--vocab",
      paramLabel = "N",
      description =
          "New tokenizer: its size, with 10 special tokens. Default: 4096. See --tokenizer.")
  Integer vocab;

  /** Values by option, all of them, as text. */
  Map<String, String> values() {
    Map<String, String> values = new LinkedHashMap<>();
    for (OptionSpec option : specs()) {
      Object value = option.getValue();
      values.put(option.longestName(), String.valueOf(value));
    }
    return values;
  }

  private List<OptionSpec> specs() {
    return CommandLine.Model.CommandSpec.forAnnotatedObject(this).options();
  }

  /**
   * The settings of a run that began before.
   *
   * @param values as {@link #values} gave them
   */
  static TrainSettings of(Map<String, String> values) {
    TrainSettings settings = new TrainSettings();
    List<String> args =
        settings.specs().stream()
            .map(OptionSpec::longestName)
            .filter(name -> values.get(name) != null && !values.get(name).equals("null"))
            .map(name -> name + "=" + values.get(name))
            .toList();
    new CommandLine(settings).parseArgs(args.toArray(String[]::new));
    return settings;
  }

  /** The first option that shapes a new model, if any is given. */
  Optional<String> shapeOption() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("--dim", dim);
    all.put("--layers", layers);
    all.put("--heads", heads);
    all.put("--kv-heads", kvHeads);
    all.put("--ffn", ffn);
    all.put("--context", context);
    all.put("--vocab", vocab);
    all.put("--tied", tied ? true : null);
    return all.keySet().stream().filter(name -> all.get(name) != null).findFirst();
  }

  /** A new model for a tokenizer of LLaDA's kind. */
  LladaConfig config(int vocabulary, int mask, int eos, OptionalInt eot, OptionalInt bos) {
    int h = or(heads, 8);
    try {
      return new LladaConfig(
          or(dim, 256),
          or(layers, 6),
          h,
          or(kvHeads, h),
          or(ffn, 704),
          vocabulary,
          vocabulary,
          or(context, Math.max(1024, length)),
          500000,
          1e-5,
          tied,
          mask,
          eos,
          eos,
          eot,
          bos);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }

  private static int or(Integer given, int other) {
    return given == null ? other : given;
  }

  Objective objective() {
    return Arrays.stream(Objective.values())
        .filter(known -> known.toString().equals(objective.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "--objective is '%s'; it must be one of llada, bert15, maskgit, ar"
                        .formatted(objective)));
  }

  Set<String> targets() {
    return Set.of(loraTargets.split(","));
  }

  double alpha() {
    return loraAlpha == null ? 2.0 * loraRank : loraAlpha;
  }

  /** What the trainer is to do. */
  TrainingPlan plan(int maskId, int processes, Map<String, String> notes) {
    share("--random-lengths", randomLengths);
    share("--full-padding", fullPadding);
    share("--validation", validation);
    if (length < 2) {
      throw new UsageException("--length is %d; it must be at least 2".formatted(length));
    }
    if (steps < 1) {
      throw new UsageException("--steps is %d; it must be at least 1".formatted(steps));
    }
    Map<String, String> compared = values();
    if (processes > 1) {
      compared.put("mpirun -np", Integer.toString(processes));
    }
    try {
      return new TrainingPlan(
          steps,
          batch,
          accumulate,
          new ForwardProcess(objective(), eps, stratified, maskId),
          learningRate(),
          new AdamW.Options(beta1, beta2, 1e-8, weightDecay, decayAll, clip),
          ema,
          seed,
          validationSamples,
          compared,
          notes);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }

  private static void share(String name, double value) {
    if (!(value >= 0 && value <= 1)) {
      throw new UsageException("%s is %s; it must be from 0 to 1".formatted(name, value));
    }
  }

  private LearningRate learningRate() {
    double end = lrEnd == null ? lr / 10 : lrEnd;
    long rise = warmup == null ? steps / 50 : warmup;
    return switch (schedule) {
      case "wsd" -> new LearningRate.WarmupStableDecay(lr, end, rise, decay);
      case "cosine" -> new LearningRate.Cosine(lr, end, rise);
      case "constant" -> new LearningRate.Constant(lr, rise);
      default ->
          throw new UsageException(
              "--schedule is '%s'; it must be one of wsd, cosine, constant".formatted(schedule));
    };
  }
}
