package llada.train;

import static llada.diffusion.SettingException.require;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import llada.diffusion.ForwardProcess;
import llada.diffusion.Objective;
import llada.diffusion.SettingException;
import llada.model.LladaConfig;

/**
 * Everything that decides what a training run computes, but for the data. Each record checks its
 * numbers when it is built and throws a {@link SettingException}; a run is resumed with the same
 * configuration or not at all.
 *
 * @param task what the sequences are
 * @param extent how many steps, of how many tokens
 * @param masking how sequences are masked
 * @param optimizer how weights move
 * @param heldOut what is kept to validate with
 * @param start the weights of the first step
 * @param seed of order, lengths, masks and fresh weights
 */
public record TrainingConfig(
    Task task,
    Extent extent,
    Masking masking,
    Optimizer optimizer,
    HeldOut heldOut,
    Start start,
    long seed) {

  /** What the sequences are. */
  public sealed interface Task {
    /**
     * Texts, packed into sequences of one length.
     *
     * @param randomLengths share of batches that are cut to a random length
     */
    record Pretraining(double randomLengths) implements Task {
      public Pretraining {
        requireShare("random lengths", randomLengths);
      }
    }

    /**
     * Chats, of which only answers are masked.
     *
     * @param fullPadding share of batches that are filled up to the longest length
     * @param skipLong whether chats that are too long are passed over; else they are an error
     * @param turns which answers of a chat are learnt
     */
    record FineTuning(double fullPadding, boolean skipLong, Chats.Turns turns) implements Task {
      public FineTuning {
        requireShare("full padding", fullPadding);
      }
    }

    /**
     * Chats, of which only answers are masked, and texts that are masked as a whole, in batches of
     * similar lengths; those that are too long are passed over.
     *
     * @param fullPadding share of batches that are filled up to the longest length
     * @param extraPadding other batches are filled up by 0 to so many tokens beyond their longest
     *     sequence: so that the room that is left does not tell where an answer ends
     * @param paddingCounts see {@link Chats.Batches}
     */
    record Mixture(double fullPadding, int extraPadding, boolean paddingCounts) implements Task {
      public Mixture {
        requireShare("full padding", fullPadding);
        require(extraPadding >= 0, "extra padding", " is %d; it must be at least 0", extraPadding);
      }
    }
  }

  /**
   * How much is computed.
   *
   * @param steps optimizer steps in all
   * @param batch B, sequences of a forward pass, in each process
   * @param accumulate forward passes of a step, their gradients averaged
   * @param length T, tokens of a sequence; of chats, at most
   */
  public record Extent(long steps, int batch, int accumulate, int length) {
    public Extent {
      require(steps >= 1, "steps", " is %d; it must be at least 1", steps);
      require(batch >= 1, "batch", " is %d; it must be at least 1", batch);
      require(accumulate >= 1, "accumulate", " is %d; it must be at least 1", accumulate);
      require(length >= 2, "length", " is %d; it must be at least 2", length);
    }
  }

  /**
   * How sequences are masked; see {@link ForwardProcess}.
   *
   * @param objective what the network is trained to do
   * @param eps least probability of masking
   * @param stratified whether the noise levels of a batch are spread evenly
   */
  public record Masking(Objective objective, double eps, boolean stratified) {
    /** LLaDA's own. */
    public static final Masking LLADA = new Masking(Objective.LLADA, ForwardProcess.EPS, false);

    public Masking {
      var _ = new ForwardProcess(objective, eps, stratified, 0); // it checks eps
    }

    /** The forward process over a vocabulary with this mask. */
    public ForwardProcess process(int maskId) {
      return new ForwardProcess(objective, eps, stratified, maskId);
    }
  }

  /**
   * How weights move.
   *
   * @param learningRate of each step
   * @param adamW the rest of the rule
   * @param ema decay of the averaged weights, which are published; 0 for none
   */
  public record Optimizer(LearningRate learningRate, AdamW.Options adamW, double ema) {
    public Optimizer {
      require(ema >= 0 && ema < 1, "ema", " is %s; it must be at least 0 and below 1", ema);
    }
  }

  /**
   * What is kept to validate with.
   *
   * @param share of the data
   * @param samples maskings of each of its sequences
   */
  public record HeldOut(double share, int samples) {
    public HeldOut {
      requireShare("held-out share", share);
      require(samples >= 1, "validation samples", " is %d; it must be at least 1", samples);
    }
  }

  /** The weights of the first step. */
  public sealed interface Start {
    /**
     * Random ones.
     *
     * @param shape of the model
     * @param vocabulary tokens of the tokenizer that is trained first; the usual number if empty.
     *     Empty if a tokenizer is given
     */
    record NewModel(Shape shape, OptionalInt vocabulary) implements Start {}

    /**
     * Those of a model.
     *
     * @param model a Hugging Face folder
     */
    record GivenModel(Path model) implements Start {}

    /**
     * Those of a model, which stay as they are; adapters beside them are trained ({@link Lora}).
     *
     * @param model a Hugging Face folder
     * @param rank of the adapters
     * @param alpha their scale, times the rank
     * @param targets some of {@link Lora#TARGETS}
     */
    record Adapters(Path model, int rank, double alpha, Set<String> targets) implements Start {
      public Adapters {
        require(rank >= 1, "lora rank", " is %d; it must be at least 1", rank);
        targets = new TreeSet<>(targets); // in the order in which they are written
        for (String target : targets) {
          require(
              Lora.TARGETS.contains(target),
              "lora targets",
              " has '%s'; there are %s",
              target,
              String.join(", ", new TreeSet<>(Lora.TARGETS)));
        }
      }
    }
  }

  /**
   * The shape of a new model.
   *
   * @param channels C
   * @param layers L
   * @param heads H
   * @param keyValueHeads heads of keys and values
   * @param feedForward F
   * @param context the longest sequence
   * @param tied whether the head is the embedding
   */
  public record Shape(
      int channels,
      int layers,
      int heads,
      int keyValueHeads,
      int feedForward,
      int context,
      boolean tied) {
    private static final double ROPE_THETA = 500000;
    private static final double NORM_EPS = 1e-5;

    public Shape {
      requirePositive("channels", channels);
      requirePositive("layers", layers);
      requirePositive("heads", heads);
      requirePositive("key-value heads", keyValueHeads);
      requirePositive("feed-forward channels", feedForward);
      requirePositive("longest sequence", context);
      require(
          channels % heads == 0 && channels / heads % 2 == 0,
          "channels",
          " is %d; it must be an even multiple of the heads, %d",
          channels,
          heads);
      require(
          heads % keyValueHeads == 0,
          "heads",
          " is %d, no multiple of the key-value heads, %d",
          heads,
          keyValueHeads);
    }

    private static void requirePositive(String setting, int value) {
      require(value >= 1, setting, " is %d; it must be at least 1", value);
    }

    /**
     * The model of this shape.
     *
     * @param vocabulary V
     * @throws IllegalArgumentException if a token is none of the vocabulary
     */
    public LladaConfig model(int vocabulary, int mask, int eos, OptionalInt eot, OptionalInt bos) {
      return new LladaConfig(
          channels,
          layers,
          heads,
          keyValueHeads,
          feedForward,
          vocabulary,
          vocabulary,
          context,
          ROPE_THETA,
          NORM_EPS,
          tied,
          mask,
          eos,
          eos,
          eot,
          bos);
    }
  }

  private static void requireShare(String setting, double value) {
    require(value >= 0 && value <= 1, setting, " is %s; it must be from 0 to 1", value);
  }

  /**
   * The configuration of these settings by name, as text.
   *
   * @throws SettingException naming the one that is missing, no number or against a rule
   */
  public static TrainingConfig of(Map<String, String> settings) {
    return TrainingConfigText.config(settings);
  }

  /** Every setting by its name, as text; {@link #of} makes an equal configuration of it. */
  public Map<String, String> settings() {
    return TrainingConfigText.of(this);
  }

  /**
   * Checks that a run that was started so can go on with another configuration: only the place of
   * the first model may differ.
   *
   * @param checkpoint for the message
   * @throws ResumeException naming every setting that differs, and both values
   */
  public void requireSame(TrainingConfig asked, Path checkpoint) {
    Map<String, String> ours = settings();
    Map<String, String> theirs = asked.settings();
    Set<String> names = new LinkedHashSet<>(ours.keySet());
    names.addAll(theirs.keySet());
    names.remove(TrainingConfigText.MODEL);
    List<String> differences = new ArrayList<>();
    for (String name : names) {
      String has = ours.getOrDefault(name, "none");
      String wants = theirs.getOrDefault(name, "none");
      if (!has.equals(wants)) {
        differences.add("%s: the run has %s, asked was %s".formatted(name, has, wants));
      }
    }
    if (!differences.isEmpty()) {
      throw new ResumeException(
          "%s: %s; ask for the same to go on with the run, or choose another output folder"
              .formatted(checkpoint, String.join("; ", differences)));
    }
  }
}
