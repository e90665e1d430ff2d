package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import llada.GoldenFolders;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.diffusion.BlockDiffusion.Context;
import llada.kernel.Precision;
import llada.model.Architecture;
import llada.model.LladaConfig;
import llada.model.LladaWeights;
import llada.model.MaskPredictor;
import llada.model.Portion;
import llada.model.SpecialTokens;
import llada.model.WeightTable;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A pass over one block, or one token, with the rest from the cache gives the bits of a pass over
 * everything: on random weights, with every backend, in passes that several share, and from one
 * turn of a conversation to the next.
 */
final class ExactCacheTest {
  private static final List<Architecture> KINDS = List.of(Architecture.LLADA2, Architecture.LLAMA);

  static Stream<String> backends() {
    return Stream.of("scalar", "vector", "auto");
  }

  /** A model with random weights of the shape of a golden one, and never an early end. */
  private record Model(LladaConfig config, MaskPredictor predictor) {}

  private interface Use {
    void of(Model model, Random random);
  }

  private static void onRandomWeights(Architecture kind, String backendName, Use use) {
    Random random = new Random(31L * kind.name().hashCode() + backendName.hashCode());
    try (Checkpoint shape = Checkpoint.open(GoldenFolders.example(kind));
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT);
        Arena arena = Arena.ofShared()) {
      LladaConfig config = shape.config();
      LladaWeights weights = LladaWeights.make(config, row -> random(row, random, arena));
      try (MaskPredictor predictor = new MaskPredictor(config, weights, backend.kernels(), 256)) {
        use.of(new Model(config, predictor), random);
      }
    }
  }

  private static Tensor random(WeightTable.Row row, Random random, Arena arena) {
    long[] dims = new long[row.shape().rank()];
    Arrays.setAll(dims, i -> row.shape().dim(i));
    float[] values = new float[(int) row.shape().elements()];
    double scale = dims.length == 1 ? 0.3 : 1.5 / Math.sqrt((double) dims[dims.length - 1]);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) ((dims.length == 1 ? 1 : 0) + scale * random.nextGaussian());
    }
    return Tensor.of(arena, values, dims);
  }

  private static SamplerOptions options(Random random, int length) {
    BlockOptions blocks = BlockOptions.DEFAULT.withBlockLength(1 + random.nextInt(9));
    blocks = blocks.withThreshold(random.nextDouble());
    if (random.nextBoolean()) {
      blocks = blocks.edited(random.nextDouble());
    }
    return SamplerOptions.defaults().toBuilder()
        .lengths(length, length, length)
        .temperature(random.nextBoolean() ? 0 : random.nextDouble() + 0.1)
        .topK(random.nextInt(3) * 20)
        .topP(random.nextBoolean() ? 1 : 0.9)
        .stopAtEos(random.nextBoolean())
        .decoder(Decoder.exact().with(blocks))
        .build();
  }

  private static SamplerOptions without(SamplerOptions options) {
    return options.toBuilder().decoder(options.decoder().with(BlockOptions.DEFAULT)).build();
  }

  private static ReverseProcess start(
      Model model,
      SamplerOptions options,
      long seed,
      int[] prompt,
      boolean cached,
      Optional<KeptPrefix> kept) {
    RandomSource source = RandomSource.seeded(seed);
    if (model.config.architecture() == Architecture.LLADA2) {
      return new BlockDiffusion(
          model.predictor,
          model.config,
          options,
          source,
          prompt,
          cached ? Context.CACHED : Context.RECOMPUTED,
          kept);
    }
    SamplerOptions mode =
        without(options).toBuilder()
            .mode(cached ? SamplerMode.INTENDED : SamplerMode.PUBLISHED)
            .build();
    return new LeftToRight(model.predictor, model.config, mode, source, prompt, kept);
  }

  /** Drives one to its end, and takes down tokens, and confidences bit for bit, of every step. */
  private static List<String> finished(Model model, ReverseProcess process) {
    List<String> steps = new ArrayList<>();
    try (process) {
      while (!process.done()) {
        Tensor logits = model.predictor.forward(process.plan().orElseThrow());
        steps.add(text(process.commit(logits).orElseThrow()));
      }
      steps.add(Arrays.toString(process.generation().answer(0)));
    }
    return steps;
  }

  private static String text(StepListener.Step step) {
    return Arrays.deepToString(step.x())
        + Arrays.deepToString(step.x0())
        + Arrays.deepToString(step.confidence());
  }

  private static int[] prompt(Random random, int length, int vocabulary) {
    return random.ints(length, 3, Math.min(vocabulary, 290)).toArray();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void withTheCacheAsWithout(String backend) {
    for (Architecture kind : KINDS) {
      onRandomWeights(
          kind,
          backend,
          (model, random) -> {
            int computed = 0;
            for (int round = 0; round < 12; round++) {
              int[] prompt = prompt(random, 1 + random.nextInt(30), model.config.vocabSize());
              SamplerOptions options = options(random, 1 + random.nextInt(24));
              List<String> without =
                  finished(model, start(model, options, round, prompt, false, Optional.empty()));
              List<String> with =
                  finished(model, start(model, options, round, prompt, true, Optional.empty()));
              assertThat(with).as("%s, %s", kind, options).isEqualTo(without);
              computed += with.size();
            }
            assertThat(computed).isGreaterThan(60);
          });
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void aSharedPassChangesNothing(String backend) {
    for (Architecture kind : KINDS) {
      onRandomWeights(
          kind,
          backend,
          (model, random) -> {
            List<List<String>> alone = new ArrayList<>();
            List<ReverseProcess> together = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
              int[] prompt = prompt(random, 1 + random.nextInt(20), model.config.vocabSize());
              SamplerOptions options = options(random, 1 + random.nextInt(20));
              alone.add(finished(model, start(model, options, i, prompt, true, Optional.empty())));
              together.add(start(model, options, i, prompt, i % 2 == 0, Optional.empty()));
            }
            assertThat(sharing(model, together)).isEqualTo(alone);
          });
    }
  }

  private static List<List<String>> sharing(Model model, List<ReverseProcess> processes) {
    List<List<String>> steps = new ArrayList<>();
    processes.forEach(_ -> steps.add(new ArrayList<>()));
    while (processes.stream().anyMatch(p -> !p.done())) {
      List<ReverseProcess> open = processes.stream().filter(p -> !p.done()).toList();
      List<Portion> portions = open.stream().map(p -> p.plan().orElseThrow()).toList();
      Tensor logits = model.predictor.forward(portions);
      int row = 0;
      for (int i = 0; i < open.size(); i++) {
        int rows = portions.get(i).rows().length;
        StepListener.Step step = open.get(i).commit(logits.rows(row, rows)).orElseThrow();
        steps.get(processes.indexOf(open.get(i))).add(text(step));
        row += rows;
      }
    }
    for (int i = 0; i < steps.size(); i++) {
      steps.get(i).add(Arrays.toString(processes.get(i).generation().answer(0)));
      processes.get(i).close();
    }
    return steps;
  }

  @ParameterizedTest
  @MethodSource("backends")
  void aTurnGoesOnFromTheTurnBefore(String backend) {
    for (Architecture kind : KINDS) {
      onRandomWeights(
          kind,
          backend,
          (model, random) -> {
            long saved = 0;
            for (int round = 0; round < 4; round++) {
              int[] prompt = prompt(random, 5 + random.nextInt(15), model.config.vocabSize());
              try (KeptPrefix kept = new KeptPrefix()) {
                for (int turn = 0; turn < 4; turn++) {
                  SamplerOptions options = options(new Random(round), 4 + 3 * turn);
                  ReverseProcess fresh =
                      start(model, options, turn, prompt, true, Optional.empty());
                  ReverseProcess next =
                      start(model, options, turn, prompt, true, Optional.of(kept));
                  List<String> wanted = finished(model, fresh);
                  assertThat(finished(model, next)).isEqualTo(wanted);
                  saved += fresh.generation().positions() - next.generation().positions();
                  int[] x = fresh.generation().x()[0];
                  int keep = turn == 2 ? random.nextInt(x.length) : x.length; // or another text
                  int[] more = prompt(random, 3, model.config.vocabSize());
                  prompt = Arrays.copyOf(x, keep + more.length);
                  System.arraycopy(more, 0, prompt, keep, more.length);
                }
              }
            }
            assertThat(saved).isGreaterThan(100);
          });
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"BF16", "Q8_0"})
  void aRoundedCacheDecodesToTheEnd(String type) {
    onRandomWeights(
        Architecture.LLAMA,
        "auto",
        (model, random) -> {
          SamplerOptions plain = without(options(new Random(1), 12));
          Decoder rounded =
              new Decoder(plain.decoder().cache(), DType.valueOf(type), plain.decoder().commit());
          SamplerOptions options = plain.toBuilder().decoder(rounded).temperature(0).build();
          int[] prompt = prompt(random, 9, model.config.vocabSize());
          assertThat(finished(model, start(model, options, 0, prompt, true, Optional.empty())))
              .isNotEmpty();
        });
  }

  @Test
  void aBlockEndsThoughTheMaskIsProposedForEver() {
    onRandomWeights(
        Architecture.LLADA2,
        "auto",
        (model, random) -> {
          BlockOptions blocks = BlockOptions.SPEED.withBlockLength(4);
          SamplerOptions options =
              SamplerOptions.defaults().toBuilder()
                  .lengths(8, 8, 8)
                  .mode(SamplerMode.PUBLISHED)
                  .decoder(Decoder.exact().with(blocks))
                  .build();
          int mask = model.config.maskTokenId();
          try (BlockDiffusion process =
                  new BlockDiffusion(
                      model.predictor,
                      model.config,
                      options,
                      RandomSource.seeded(0),
                      new int[] {5, 6},
                      Context.CACHED,
                      Optional.empty());
              Arena arena = Arena.ofShared()) {
            int steps = 0;
            while (!process.done()) {
              int rows = process.plan().orElseThrow().rows().length;
              float[] sure = new float[rows * model.config.embeddingSize()];
              for (int r = 0; r < rows; r++) {
                sure[r * model.config.embeddingSize() + mask] = 20;
              }
              process.commit(Tensor.of(arena, sure, rows, model.config.embeddingSize()));
              steps++;
            }
            assertThat(steps).isEqualTo(3 * (4 * 4 + 16));
          }
        });
  }

  @Test
  void damagedLogitsAreNamed() {
    for (Architecture kind : KINDS) {
      onRandomWeights(
          kind,
          "auto",
          (model, random) -> {
            SamplerOptions greedy = options(random, 6).toBuilder().temperature(0).build();
            for (double t : new double[] {0, 0.7}) {
              SamplerOptions options = greedy.toBuilder().temperature(t).build();
              try (ReverseProcess process =
                      start(model, options, 0, new int[] {7, 8, 9}, true, Optional.empty());
                  Arena arena = Arena.ofShared()) {
                int rows = process.plan().orElseThrow().rows().length;
                float[] values = new float[rows * model.config.embeddingSize()];
                values[11] = Float.NaN;
                Tensor logits = Tensor.of(arena, values, rows, model.config.embeddingSize());
                assertThatThrownBy(() -> process.commit(logits))
                    .isInstanceOf(NonFiniteLogitsException.class)
                    .hasMessageContaining("11");
              }
            }
          });
    }
  }

  @Test
  void tokensDoNotDependOnWhatEndsAnAnswerEarly() {
    onRandomWeights(
        Architecture.LLADA2,
        "auto",
        (model, random) -> {
          for (int round = 0; round < 20; round++) {
            SamplerOptions options = options(random, 20);
            int[] prompt = prompt(random, 6, model.config.vocabSize());
            Model ending = new Model(ending(model.config, round), model.predictor);
            List<String> answers = new ArrayList<>();
            for (boolean stops : new boolean[] {false, true}) {
              SamplerOptions one = options.toBuilder().stopAtEos(stops).build();
              List<String> steps =
                  finished(ending, start(ending, one, round, prompt, true, Optional.empty()));
              answers.add(steps.getLast());
            }
            assertThat(answers.get(1)).as(options.toString()).isEqualTo(answers.get(0));
          }
        });
  }

  /** A third of the vocabulary ends an answer. */
  private static LladaConfig ending(LladaConfig c, int round) {
    SpecialTokens tokens =
        new SpecialTokens(
            c.tokens().mask(),
            c.eosTokenId(),
            c.padTokenId(),
            c.eotTokenId(),
            c.bosTokenId(),
            it.unimi.dsi.fastutil.ints.IntList.of(new Random(round).ints(60, 0, 290).toArray()));
    return new LladaConfig(
        c.architecture(),
        c.dModel(),
        c.nLayers(),
        c.attention(),
        c.feedForwards(),
        c.vocabSize(),
        c.embeddingSize(),
        c.maxSequenceLength(),
        c.rmsNormEps(),
        c.weightTying(),
        tokens);
  }
}
