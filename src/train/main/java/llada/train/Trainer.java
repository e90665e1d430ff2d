package llada.train;

import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import llada.checkpoint.HuggingFaceFolder;
import llada.diffusion.ForwardProcess;
import llada.diffusion.NoisyBatch;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.kernel.Kernels;
import llada.model.LladaConfig;
import llada.tensor.NativeMemory;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tensor.Tensor;

/**
 * The loop: batch, noise, loss and gradients, clip, AdamW; and now and then a validation, a sample,
 * a checkpoint.
 *
 * <p>What a step draws follows from the seed and its number alone, sums have a fixed order, and a
 * checkpoint holds weights and optimizer in float32 as they are: so a run that is killed and
 * resumed ends with the same bits as one that is not, on any number of threads.
 */
public final class Trainer implements AutoCloseable {
  private final TrainingConfig config;
  private final ForwardProcess process;
  private final Schedule schedule;
  private final LladaConfig model;
  private final Network network;
  private final Trained trained;
  private final TrainingData data;
  private final Output output;
  private final RunFolder run;
  private final Processes processes;
  private final TrainingListener listener;
  private final Arena arena = Arena.ofShared();
  private final AdamW adamW;
  private final Ema ema; // null for none
  private final LossByNoise byNoise = new LossByNoise(arena);
  private final String base;
  private long step;
  private Optional<Double> bound = Optional.empty(); // at this step, if it was measured

  /**
   * When to do what is no step; none of it changes what is computed. 0 is never.
   *
   * @param save steps between checkpoints
   * @param keep how many checkpoints stay
   * @param validate steps between validations
   * @param validationSequences at most
   * @param sample steps between samples
   */
  public record Schedule(long save, int keep, long validate, int validationSequences, long sample) {
    static final String NAME = "save, keep, validate, sequences, sample";

    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if one is negative or no checkpoint would stay
     */
    public Schedule {
      if (save < 0 || validate < 0 || validationSequences < 0 || sample < 0 || keep < 1) {
        throw new IllegalArgumentException(
            "intervals must be 0 (never) or more, and at least 1 checkpoint must be kept");
      }
    }

    /** The usual one: about twenty checkpoints and validations, of which two stay, ten samples. */
    public static Schedule usual(long steps) {
      long twentieth = Math.max(1, steps / 20);
      return new Schedule(twentieth, 2, twentieth, 32, 2 * twentieth);
    }

    /** As a checkpoint keeps it, so that a resumed run goes on with it. */
    String text() {
      return "%d %d %d %d %d".formatted(save, keep, validate, validationSequences, sample);
    }

    /**
     * One of {@link #text}.
     *
     * @throws IllegalArgumentException if it is none
     */
    static Schedule of(String text) {
      long[] n = Arrays.stream(text.split(" ")).mapToLong(Long::parseLong).toArray();
      if (n.length != 5) {
        throw new IllegalArgumentException("%s is '%s', not 5 numbers".formatted(NAME, text));
      }
      return new Schedule(n[0], Math.toIntExact(n[1]), n[2], Math.toIntExact(n[3]), n[4]);
    }

    private static boolean due(long every, long step) {
      return every > 0 && step % every == 0;
    }
  }

  /**
   * What learns.
   *
   * @param model its shape
   * @param network made for at least a batch of the longest sequences
   * @param trained which of its weights move
   * @param kernels for the optimizer
   */
  public record Learner(LladaConfig model, Network network, Trained trained, Kernels kernels) {}

  /**
   * What a run leaves.
   *
   * @param run its folder
   * @param tokenizer folder with the tokenizer's files, copied into every checkpoint
   * @param notes what checkpoints say about the run beside its settings, such as where its data
   *     was; not compared when it is resumed
   */
  public record Output(RunFolder run, Path tokenizer, Map<String, String> notes) {}

  /**
   * A trainer at step 0.
   *
   * @param processes that train together, and share each batch of {@code config}
   */
  public Trainer(
      TrainingConfig config,
      Schedule schedule,
      Learner learner,
      TrainingData data,
      Output output,
      Processes processes,
      TrainingListener listener) {
    this.config = config;
    this.process = config.masking().process(learner.model.maskTokenId());
    this.schedule = schedule;
    this.model = learner.model;
    this.network = learner.network;
    this.trained = learner.trained;
    this.data = data;
    this.output = output;
    this.run = output.run;
    this.processes = processes;
    this.listener = listener;
    Kernels kernels = learner.kernels;
    this.base =
        trained instanceof Lora ? Fingerprint.of(HuggingFaceFolder.byName(network.weights())) : "";
    this.adamW = new AdamW(trained.parameters(), config.optimizer().adamW(), kernels, arena);
    this.ema =
        config.optimizer().ema() > 0
            ? new Ema(trained.parameters(), config.optimizer().ema(), kernels, arena)
            : null;
  }

  /** Steps made so far. */
  public long step() {
    return step;
  }

  /** The validation bound after the last of them, in nats a token, if it was measured. */
  public Optional<Double> bound() {
    return bound;
  }

  /**
   * Goes back to a checkpoint of this run.
   *
   * @throws ResumeException if its settings or data are others
   * @throws FormatException if its files are broken
   */
  public void resume(Path checkpoint) {
    TrainingState state = TrainingState.read(checkpoint);
    String streams = Integer.toString(RandomStreams.VERSION);
    if (!state.streams().equals(streams)) {
      throw new ResumeException(
          "%s: the run was started by a version whose random numbers are others (random streams %s, here %s); finish it with that version, or choose another output folder for a new run"
              .formatted(checkpoint, state.streams(), streams));
    }
    state.config(checkpoint).requireSame(config, checkpoint);
    if (!state.data().equals(data.digest())) {
      throw new ResumeException(
          "%s: the run was started on other data (its tokens have SHA-256 %.12s…, these %.12s…); give the same data and tokenizer, or choose another output folder"
              .formatted(checkpoint, state.data(), data.digest()));
    }
    if (!state.base().equals(base)) {
      throw new ResumeException(
          "%s: the adapters were started on another base model; give the same one"
              .formatted(checkpoint));
    }
    restore(checkpoint, state);
  }

  private void restore(Path checkpoint, TrainingState state) {
    // Adapters are stored with the optimizer's state, in the order that their base's file has.
    Map<String, Tensor> weights =
        trained instanceof Lora ? Map.of() : HuggingFaceFolder.byName(network.weights());
    TrainingState.restore(checkpoint, weights, optimizerState());
    trained.moved();
    step = state.step();
    bound = state.bound();
  }

  /**
   * Goes back to the checkpoint with the lowest validation bound, if there is one that is whole: it
   * is what {@link #publish} is to write.
   */
  public void best() {
    run.best()
        .ifPresent(
            checkpoint -> {
              try {
                restore(checkpoint, TrainingState.check(checkpoint));
              } catch (FormatException e) {
                listener.warned(e.getMessage() + "; the last weights are taken in its place");
              }
            });
  }

  private Map<String, Tensor> optimizerState() {
    Map<String, Tensor> state = new LinkedHashMap<>(adamW.state());
    if (ema != null) {
      ema.averages().forEach((name, tensor) -> state.put("ema." + name, tensor));
    }
    if (trained instanceof Lora lora) {
      lora.parameters().forEach(p -> state.put(p.name(), p.value()));
    }
    return state;
  }

  /**
   * Trains up to the last step and saves that.
   *
   * @throws NonFiniteLossException if the loss or a gradient is no number
   * @throws FormatException if a checkpoint cannot be written
   */
  public void run() {
    while (step < config.extent().steps()) {
      one();
      boolean last = step == config.extent().steps();
      if (last || Schedule.due(schedule.validate, step)) {
        validate();
      }
      if (processes.first() && (last || Schedule.due(schedule.save, step))) {
        save();
      }
      if (processes.first() && (last || Schedule.due(schedule.sample, step))) {
        withAverages(() -> listener.sample(step));
      }
    }
  }

  /** One optimizer step. */
  private void one() {
    long start = System.nanoTime();
    trained.clear();
    double loss = 0;
    long tokens = 0;
    TrainingData.Batch[] batches = new TrainingData.Batch[config.extent().accumulate()];
    for (int a = 0; a < config.extent().accumulate(); a++) {
      long number = step * config.extent().accumulate() + a;
      int all = config.extent().batch();
      SplittableRandom random = RandomStreams.of(config.seed(), Purpose.TRAINING, number);
      batches[a] = data.batch(number * all, all, random);
      NoisyBatch noisy =
          weighted(process.noise(batches[a].x0(), batches[a].promptLengths(), random), batches[a]);
      // Every process makes the whole batch, which costs little, and so all make the same.
      int from = processes.share(all, processes.rank());
      int to = processes.share(all, processes.rank() + 1);
      NoisyBatch part = noisy.part(from, to);
      double[] losses = new double[part.rows().length];
      loss += network.lossAndGradients(losses, part);
      byNoise.add(part, losses);
      tokens += noisy.tokens();
    }
    trained.gradientsReady();
    loss = processes.sum(loss);
    for (Parameter parameter : trained.parameters()) {
      processes.sum(parameter.gradient().data());
    }
    double norm = adamW.gradientNorm();
    if (!Double.isFinite(loss) || !Double.isFinite(norm)) {
      throw stopped(loss, norm, batches);
    }
    double rate = config.optimizer().learningRate().at(step, config.extent().steps());
    adamW.step(step + 1, rate, adamW.clipCoefficient(norm));
    trained.moved();
    if (ema != null) {
      ema.update(step + 1);
    }
    step++;
    bound = Optional.empty();
    double seconds = (System.nanoTime() - start) / 1e9;
    listener.step(
        new TrainingListener.Step(
            step,
            config.extent().steps(),
            loss,
            rate,
            norm,
            tokens,
            seconds,
            byNoise.take(processes)));
  }

  /** Sequences count by their weights; accumulated batches count as one large one. */
  private NoisyBatch weighted(NoisyBatch noisy, TrainingData.Batch batch) {
    double[] weights = noisy.weights().clone();
    for (int r = 0; r < weights.length; r++) {
      double counts = batch.weights()[noisy.rows()[r] / noisy.xt().length()];
      weights[r] = counts * weights[r] / config.extent().accumulate();
    }
    return new NoisyBatch(
        noisy.xt(), noisy.rows(), noisy.targets(), weights, noisy.pMask(), noisy.causal());
  }

  private NonFiniteLossException stopped(double loss, double norm, TrainingData.Batch[] batches) {
    StringBuilder text = new StringBuilder();
    for (TrainingData.Batch batch : batches) {
      for (int b = 0; b < batch.x0().length; b++) {
        text.append(batch.names()[b]).append(": ").append(Arrays.toString(batch.x0()[b]));
        text.append('\n');
      }
    }
    Path file = run.path().resolve("non-finite-step-%d.txt".formatted(step + 1));
    String kept = file.toString();
    try {
      AtomicFile.write(file, text.toString().getBytes(StandardCharsets.UTF_8));
    } catch (FormatException e) {
      kept = "nowhere, since " + file + " cannot be written";
    }
    Optional<Path> good = run.latest();
    return new NonFiniteLossException(
        "step %d: the loss is %s and the gradients' norm %s on %s and the rest of the batch (written to %s); the weights were not changed. %s Try a lower learning rate or a lower limit of the gradients' norm (clip)"
            .formatted(
                step + 1,
                loss,
                norm,
                batches[0].names()[0],
                kept,
                good.isPresent()
                    ? "The last good checkpoint is %s.".formatted(good.get())
                    : "There is no checkpoint yet."));
  }

  private void validate() {
    if (processes.first() && data.validationSequences() > 0 && schedule.validationSequences > 0) {
      withAverages(
          () -> {
            Validation found =
                Validation.of(
                    network,
                    data,
                    schedule.validationSequences,
                    config.heldOut().samples(),
                    process.objective(),
                    process.maskId());
            bound = Optional.of(found.nats());
            listener.validated(step, found);
          });
    }
  }

  /** What is judged and published is the average, if there is one. */
  private void withAverages(Runnable action) {
    if (ema == null) {
      action.run();
      return;
    }
    ema.swap();
    trained.moved();
    try {
      action.run();
    } finally {
      ema.swap();
      trained.moved();
    }
  }

  private void save() {
    TrainingState state = state(output.notes);
    Path checkpoint;
    try (Arena copies = Arena.ofShared()) {
      checkpoint =
          trained instanceof Lora lora
              ? run.save(state, lora.peft(copies), adapter(lora), optimizerState())
              : run.save(state, model, network.weights(), optimizerState(), output.tokenizer);
    } catch (FormatException e) {
      throw new FormatException(
          "%s. %s"
              .formatted(
                  e.getMessage(),
                  run.latest().isPresent()
                      ? "Nothing else is lost: %s is whole, and the run can be resumed from it"
                          .formatted(run.latest().get())
                      : "There is no older checkpoint"),
          e);
    }
    run.prune(schedule.keep);
    listener.saved(step, checkpoint);
  }

  private TrainingState state(Map<String, String> notes) {
    Map<String, String> told = new LinkedHashMap<>(notes);
    told.putAll(config.settings());
    told.put(Schedule.NAME, schedule.text());
    return TrainingState.of(step, told, data.digest(), base).withBound(bound);
  }

  private HuggingFaceFolder.MoreFiles adapter(Lora lora) {
    String base = config.settings().getOrDefault(TrainingConfigText.MODEL, "");
    return inside -> {
      HuggingFaceFolder.copyTokenizer(output.tokenizer, inside);
      lora.write(inside, base);
    };
  }

  /**
   * Writes what was trained, averaged if there is an average: a model as the folder {@code model},
   * adapters as the folder {@code adapter}, as PEFT has them. Its training.json says of which step.
   *
   * @return the folder
   */
  public Path publish() {
    Path[] written = new Path[1];
    withAverages(
        () -> {
          HuggingFaceFolder.MoreFiles files =
              trained instanceof Lora lora
                  ? adapter(lora)
                  : HuggingFaceFolder.model(
                      model, HuggingFaceFolder.byName(network.weights()), output.tokenizer);
          written[0] =
              run.publish(
                  trained instanceof Lora ? RunFolder.ADAPTER : RunFolder.MODEL,
                  inside -> {
                    files.writeInto(inside);
                    state(Map.of()).write(inside);
                  });
        });
    return written[0];
  }

  @Override
  public void close() {
    NativeMemory.free(arena);
  }
}
