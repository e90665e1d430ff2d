package llada.train;

import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import llada.checkpoint.HuggingFaceFolder;
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
  private static final String STREAMS_NAME = "random streams";
  private static final String STREAMS = Integer.toString(RandomStreams.VERSION);

  private final TrainingPlan plan;
  private final Schedule schedule;
  private final LladaConfig config;
  private final Network network;
  private final Trained trained;
  private final TrainingData data;
  private final RunFolder run;
  private final Processes processes;
  private final Path tokenizerFrom;
  private final TrainingListener listener;
  private final Arena arena = Arena.ofShared();
  private final AdamW adamW;
  private final Ema ema; // null for none
  private final String base;
  private long step;

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

    private static boolean due(long every, long step) {
      return every > 0 && step % every == 0;
    }
  }

  /**
   * A trainer at step 0.
   *
   * @param network made for at least plan.batch() times the longest sequence
   * @param trained which of its weights move
   * @param tokenizerFrom folder with the tokenizer's files, copied into every checkpoint
   * @param kernels for the optimizer
   * @param processes that train together; plan.batch() is what each of them takes
   */
  public Trainer(
      TrainingPlan plan,
      Schedule schedule,
      LladaConfig config,
      Network network,
      Trained trained,
      TrainingData data,
      RunFolder run,
      Path tokenizerFrom,
      Kernels kernels,
      Processes processes,
      TrainingListener listener) {
    this.plan = plan;
    this.schedule = schedule;
    this.config = config;
    this.network = network;
    this.trained = trained;
    this.data = data;
    this.run = run;
    this.processes = processes;
    this.tokenizerFrom = tokenizerFrom;
    this.listener = listener;
    this.base =
        trained instanceof Lora ? Fingerprint.of(HuggingFaceFolder.byName(network.weights())) : "";
    this.adamW = new AdamW(trained.parameters(), plan.adamW(), kernels, arena);
    this.ema =
        plan.emaDecay() > 0 ? new Ema(trained.parameters(), plan.emaDecay(), kernels, arena) : null;
  }

  /** Steps made so far. */
  public long step() {
    return step;
  }

  /**
   * Goes back to a checkpoint of this run.
   *
   * @throws ResumeException if its settings or data are others
   * @throws FormatException if its files are broken
   */
  public void resume(Path checkpoint) {
    RunFolder.State state = RunFolder.state(checkpoint);
    Set<String> names = new LinkedHashSet<>(plan.settings().keySet());
    names.addAll(state.settings().keySet());
    names.removeAll(plan.notes().keySet());
    if (!STREAMS.equals(state.settings().get(STREAMS_NAME))) {
      throw new ResumeException(
          "%s: the run was started by a version whose random numbers are others (%s %s, here %s); finish it with that version, or start a new run with another --out"
              .formatted(
                  checkpoint,
                  STREAMS_NAME,
                  state.settings().getOrDefault(STREAMS_NAME, "1"),
                  STREAMS));
    }
    names.remove(STREAMS_NAME);
    for (String name : names) {
      String before = state.settings().get(name);
      String now = plan.settings().get(name);
      if (before == null || now == null) {
        throw new ResumeException(
            "%s: the run was started %s %s; start it so to go on with it, or start a new run with another --out"
                .formatted(
                    checkpoint,
                    before == null ? "without" : "with",
                    before == null ? name : name + " " + before));
      }
      if (!now.equals(before)) {
        throw new ResumeException(
            "%s: the run was started with %s %s, not %s; leave %s out to go on with it, or start a new run with another --out"
                .formatted(checkpoint, name, before, now, name));
      }
    }
    if (!state.data().equals(data.digest())) {
      throw new ResumeException(
          "%s: the run was started on other data (its tokens have SHA-256 %.12s…, these %.12s…); give the same --data and tokenizer, or start a new run with another --out"
              .formatted(checkpoint, state.data(), data.digest()));
    }
    if (!state.base().equals(base)) {
      throw new ResumeException(
          "%s: the adapters were started on another base model; give the same --model"
              .formatted(checkpoint));
    }
    // With adapters the file holds merged weights: what is adapted follows from the adapters.
    Map<String, Tensor> weights =
        trained instanceof Lora ? Map.of() : HuggingFaceFolder.byName(network.weights());
    RunFolder.restore(checkpoint, weights, optimizerState());
    trained.moved();
    step = state.step();
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
   * Trains up to the plan's last step and saves that.
   *
   * @throws NonFiniteLossException if the loss or a gradient is no number
   * @throws FormatException if a checkpoint cannot be written
   */
  public void run() {
    while (step < plan.steps()) {
      one();
      boolean last = step == plan.steps();
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
    TrainingData.Batch[] batches = new TrainingData.Batch[plan.accumulate()];
    for (int a = 0; a < plan.accumulate(); a++) {
      long number = step * plan.accumulate() + a;
      int all = plan.batch() * processes.size();
      int from = plan.batch() * processes.rank();
      SplittableRandom random = RandomStreams.of(plan.seed(), Purpose.TRAINING, number);
      batches[a] = data.batch(number * all, all, random);
      NoisyBatch noisy =
          averaged(plan.process().noise(batches[a].x0(), batches[a].promptLengths(), random));
      // Every process makes the whole batch, which costs little, and so all make the same.
      loss += network.lossAndGradients(noisy.part(from, from + plan.batch()));
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
    double rate = plan.learningRate().at(step, plan.steps());
    adamW.step(step + 1, rate, adamW.clipCoefficient(norm));
    trained.moved();
    if (ema != null) {
      ema.update(step + 1);
    }
    step++;
    double seconds = (System.nanoTime() - start) / 1e9;
    listener.step(new TrainingListener.Step(step, plan.steps(), loss, rate, norm, tokens, seconds));
  }

  /** Accumulated batches count as one large one. */
  private NoisyBatch averaged(NoisyBatch batch) {
    if (plan.accumulate() == 1) {
      return batch;
    }
    double[] weights = Arrays.stream(batch.weights()).map(w -> w / plan.accumulate()).toArray();
    return new NoisyBatch(
        batch.xt(), batch.rows(), batch.targets(), weights, batch.pMask(), batch.causal());
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
        "step %d: the loss is %s and the gradients' norm %s on %s and the rest of the batch (written to %s); the weights were not changed. %s Try a lower --lr or a lower --clip"
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
          () ->
              listener.validated(
                  step,
                  Validation.of(
                      network,
                      data,
                      schedule.validationSequences,
                      plan.validationSamples(),
                      plan.process().objective(),
                      plan.process().maskId())));
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
    Map<String, String> told = new LinkedHashMap<>(plan.notes());
    told.putAll(plan.settings());
    told.put(STREAMS_NAME, STREAMS);
    RunFolder.State state = new RunFolder.State(step, told, data.digest(), base);
    Path checkpoint;
    try {
      checkpoint = run.save(state, config, network.weights(), optimizerState(), tokenizerFrom);
    } catch (FormatException e) {
      throw new FormatException(
          "%s. %s"
              .formatted(
                  e.getMessage(),
                  run.latest().isPresent()
                      ? "Nothing else is lost: %s is whole, --resume goes on from it"
                          .formatted(run.latest().get())
                      : "There is no older checkpoint"),
          e);
    }
    run.prune(schedule.keep);
    listener.saved(step, checkpoint);
  }

  /**
   * Writes the finished model, averaged if there is an average and with adapters merged, as the
   * folder {@code model}; adapters also for themselves, as PEFT has them, as the folder {@code
   * adapter}: beside merged weights PEFT would apply them once more.
   *
   * @return the model's folder
   */
  public Path publish() {
    Path[] written = new Path[1];
    withAverages(
        () -> {
          written[0] =
              run.publish(
                  "model",
                  HuggingFaceFolder.model(
                      config, HuggingFaceFolder.byName(network.weights()), tokenizerFrom));
          if (trained instanceof Lora lora) {
            String adapted = plan.notes().getOrDefault("model", "");
            run.publish("adapter", inside -> lora.write(inside, adapted));
          }
        });
    return written[0];
  }

  @Override
  public void close() {
    NativeMemory.free(arena);
  }
}
