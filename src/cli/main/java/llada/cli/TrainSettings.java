package llada.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import llada.train.TrainingConfigText;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;

/**
 * Everything that decides what a training run computes, as options: each is a setting of {@link
 * llada.train.TrainingConfig}, which checks it.
 */
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
      description = "Sequences of a forward pass, of all processes. Default: ${DEFAULT-VALUE}.")
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
      description =
          "Highest learning rate. Default: 4e-4 for a new model. For one of C channels, 2.5e-5 x"
              + " 4096 / C, at most 4e-4; for adapters, 2e-4 x sqrt(4096 / C), at most 2e-3.")
  Double lr;

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
      names = "--turns",
      paramLabel = "WHICH",
      defaultValue = "all",
      description =
          "--sft: which answers of a chat are learnt: all, of which each pass over the data draws"
              + " one, or last. Default: ${DEFAULT-VALUE}.")
  String turns;

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

  /**
   * The values of some options by the name of the setting, as text.
   *
   * @param chosen takes the name of an option
   */
  Map<String, String> values(Predicate<String> chosen) {
    Map<String, String> values = new LinkedHashMap<>();
    for (OptionSpec option : specs(this)) {
      Object value = option.getValue();
      if (value != null && chosen.test(option.longestName())) {
        values.put(TrainingConfigText.name(option.longestName()), value.toString());
      }
    }
    return values;
  }

  private static List<OptionSpec> specs(Object annotated) {
    return CommandLine.Model.CommandSpec.forAnnotatedObject(annotated).options();
  }

  /** The option for a setting of the library, or else the setting's own name. */
  static String option(String setting) {
    return Stream.of(new TrainSettings(), new SamplerFlags())
        .flatMap(options -> specs(options).stream())
        .map(OptionSpec::longestName)
        .filter(name -> TrainingConfigText.name(name).equals(setting.replace('_', ' ')))
        .findFirst()
        .orElse(setting);
  }
}
