package llada.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.backend.Backend;
import llada.backend.Peaks;
import llada.kernel.Precision;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.MaskPredictor;
import llada.model.Probe;
import llada.model.TokenBatch;
import llada.model.WeightTable;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tensor.Tensor;

/**
 * Times forward passes over random tokens, with the logits of all of them, and inside each pass
 * every op, every block and the head: in place, with the caches as they are in real use.
 */
public final class ForwardBench {
  /** Warming up goes on for at least so long, since compiling does. */
  private static final long WARM_NANOS = 2_000_000_000;

  private static final int MOST_WARM_PASSES = 200;

  private final LladaConfig config;
  private final Timings passes = new Timings();
  private final Timings whole = new Timings(); // passes that nobody looks into
  private final Timings blocks = new Timings();
  private final Timings heads = new Timings();
  private final Timings peer = new Timings();
  private long last;
  private final Map<Integer, Integer> experts = new TreeMap<>(); // by layer
  private boolean finite = true;

  private ForwardBench(LladaConfig config) {
    this.config = config;
  }

  /**
   * What was measured.
   *
   * @param passes whole forward passes
   * @param blocks each block of each pass
   * @param heads final norm and head of each pass
   * @param ops every call of every op
   * @param peer each run of it, if there is one
   * @param settings what was asked for
   * @param flop floating-point operations of a pass: matrix products and attention
   * @param experts of each layer that has some, how many a pass sent tokens to
   * @param finite whether all logits of the last pass are numbers
   * @param peakRssBytes the most memory that the process had until then, if the system tells
   * @param peaks limits of the machine, measured after the passes
   */
  public record Result(
      Timings passes,
      Timings blocks,
      Timings heads,
      Map<TimedKernels.Op, Timings> ops,
      Timings peer,
      Settings settings,
      double flop,
      List<Integer> experts,
      boolean finite,
      OptionalLong peakRssBytes,
      Peaks peaks) {}

  /**
   * What is to be measured.
   *
   * @param tokens T
   * @param warmup passes that do not count, at least; 0 for none at all
   * @param repeats passes that count
   * @param limits whether to measure the machine's as well
   * @param seed of the tokens
   * @param precision of the backend
   * @param peer runs after each pass that counts, and once before them if passes warm up; after it
   *     a pass does not count then
   */
  public record Settings(
      int tokens,
      int warmup,
      int repeats,
      boolean limits,
      long seed,
      Precision precision,
      Optional<Peer> peer) {}

  /**
   * Runs.
   *
   * @param listener hears what is being done
   */
  public static Result run(
      LladaConfig config,
      LladaWeights weights,
      Backend backend,
      Settings settings,
      Consumer<String> listener) {
    int tokens = settings.tokens();
    int warmup = settings.warmup();
    int repeats = settings.repeats();
    TimedKernels kernels = new TimedKernels(backend.kernels());
    ForwardBench bench = new ForwardBench(config);
    SplittableRandom random = RandomStreams.of(settings.seed(), Purpose.BENCHMARK);
    TokenBatch batch =
        TokenBatch.of(
            IntStream.generate(() -> random.nextInt(config.vocabSize())).limit(tokens).toArray());
    int[] rows = IntStream.range(0, tokens).toArray();
    try (MaskPredictor predictor = new MaskPredictor(config, weights, kernels.kernels(), tokens)) {
      long begin = System.nanoTime();
      for (int i = 0;
          i < warmup
              || warmup > 0 && i < MOST_WARM_PASSES && System.nanoTime() - begin < WARM_NANOS;
          i++) {
        listener.accept("warming up, pass %d".formatted(i + 1));
        predictor.forward(batch, rows);
      }
      if (settings.peer().isPresent() && warmup > 0) {
        listener.accept("warming up, the peer");
        settings.peer().get().nanos();
      }
      if (backend.name().equals("cuda")) { // ops one by one would not show what a pass takes
        for (int i = 0; i < repeats; i++) {
          long before = System.nanoTime();
          predictor.forward(batch, rows);
          backend.kernels().await();
          bench.whole.add(System.nanoTime() - before);
        }
      }
      for (int i = 0; i < repeats; i++) {
        if (i > 0 && settings.peer().isPresent() && warmup > 0) {
          predictor.forward(batch, rows); // memory has gone cold meanwhile
        }
        kernels.record(true);
        listener.accept("pass %d of %d".formatted(i + 1, repeats));
        bench.pass(predictor, batch, rows, i == repeats - 1);
        kernels.record(false);
        if (settings.peer().isPresent()) {
          listener.accept("the peer beside pass %d of %d".formatted(i + 1, repeats));
          bench.peer.add(settings.peer().get().nanos());
        }
      }
    }
    OptionalLong rss = peakRss(); // before the peaks, which take memory of their own
    boolean limits = settings.limits() && !backend.name().equals("cuda"); // the processor's
    Peaks peaks =
        limits
            ? Peaks.measure(
                backend.pool(), limit -> listener.accept("limit of the machine: " + limit.title))
            : new Peaks(Map.of());
    kernels
        .samples()
        .forEach(
            (op, times) -> {
              if (op.arithmetic()) {
                double speed = op.flop() / (1e6 * times.medianMillis());
                Peaks.Limit limit = peaks.matmul(backend.name(), settings.precision(), op.type());
                peaks.reached(limit, speed, backend.pool());
              }
            });
    return new Result(
        backend.name().equals("cuda") ? bench.whole : bench.passes,
        bench.blocks,
        bench.heads,
        kernels.samples(),
        bench.peer,
        settings,
        flop(config, tokens),
        List.copyOf(bench.experts.values()),
        bench.finite,
        rss,
        peaks);
  }

  private void pass(MaskPredictor predictor, TokenBatch batch, int[] rows, boolean check) {
    long before = System.nanoTime();
    last = before;
    Probe probe =
        new Probe() {
          @Override
          public void see(int layer, String name, Tensor value) {
            long now = System.nanoTime();
            switch (name) {
              case "embed" -> last = now;
              case "out" -> {
                blocks.add(now - last);
                last = now;
              }
              case "logits" -> heads.add(now - last);
              default -> {}
            }
          }

          @Override
          public void routed(int layer, int[] chosen, float[] weights) {
            if (check) { // the last pass: all see the same tokens
              experts.put(layer, (int) Arrays.stream(chosen).distinct().count());
            }
          }
        };
    Tensor logits = predictor.forward(batch, rows, probe);
    passes.add(System.nanoTime() - before);
    if (check) {
      finite = finite(logits);
    }
  }

  private boolean finite(Tensor logits) {
    float[] row = new float[config.embeddingSize()];
    for (int t = 0; t < logits.dim(0); t++) {
      logits.dtype().decode(logits.reading(), (long) t * row.length, row, 0, row.length);
      for (float value : row) {
        if (!Float.isFinite(value)) {
          return false;
        }
      }
    }
    return true;
  }

  /**
   * Two for each weight of a matrix that a token goes through, and four for each channel and pair
   * of tokens.
   */
  static double flop(LladaConfig config, int tokens) {
    double weights = (double) config.dModel() * config.embeddingSize();
    for (WeightTable.Row row : WeightTable.of(config)) {
      if (row.layer() >= 0 && row.shape().rank() == 2) {
        boolean chosen = row.experts() > 0;
        int times = chosen ? config.experts().orElseThrow().perToken() : 1;
        weights += (double) times * row.shape().elements();
      }
    }
    double channels = config.attention().channels();
    return 2 * tokens * weights + 4.0 * config.nLayers() * tokens * tokens * channels;
  }

  /** VmHWM, the high-water mark of the resident set, as Linux keeps it. */
  public static OptionalLong peakRss() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
      return lines
          .filter(line -> line.startsWith("VmHWM:"))
          .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("\\D", "")))
          .findFirst();
    } catch (IOException | java.io.UncheckedIOException | NumberFormatException _) {
      return OptionalLong.empty(); // not Linux
    }
  }
}
