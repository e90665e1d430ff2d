package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import llada.Golden;
import llada.Seeded;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;
import org.junit.jupiter.api.Test;

/** What must hold for any options, on a small random model. */
final class DiffusionSamplerPropertyTest {
  private static final Checkpoint CHECKPOINT =
      Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"));
  private static final LladaConfig CONFIG = CHECKPOINT.config();
  private static final Backend BACKEND = Backends.choose("vector", 1);
  private static final MaskPredictor PREDICTOR =
      new MaskPredictor(CONFIG, CHECKPOINT.weights(), BACKEND.kernels(), 512);

  private static SamplerOptions options(Random random) {
    int[] lengths =
        Seeded.of(
            random,
            new int[] {8, 8, 8},
            new int[] {6, 12, 4},
            new int[] {12, 12, 12},
            new int[] {3, 9, 9},
            new int[] {10, 10, 2},
            new int[] {14, 7, 7});
    return SamplerOptions.defaults().toBuilder()
        .lengths(lengths[0], lengths[1], lengths[2])
        .temperature(Seeded.of(random, 0.0, 0.7, 1.5))
        .cfgScale(Seeded.of(random, 0.0, 1.5))
        .remasking(Seeded.of(random, Remasking.values()))
        .logitsEosInf(random.nextBoolean())
        .confidenceEosEotInf(random.nextBoolean())
        .topK(Seeded.of(random, 0, 1, 5))
        .topP(Seeded.of(random, 1.0, 0.9))
        .build();
  }

  private static Generation generate(int[][] prompts, SamplerOptions options, long seed) {
    return new DiffusionSampler(PREDICTOR, CONFIG)
        .generate(prompts, null, options, RandomSource.seeded(seed), StepListener.NONE);
  }

  @Test
  void promptStaysAndNothingIsLeftMasked() {
    Seeded.cases(150, random -> promptStays(options(random), random.nextInt(1001)));
  }

  private static void promptStays(SamplerOptions options, int seed) {
    int[] prompt = {4, 99, CONFIG.maskTokenId(), 17, 200};
    List<Integer> counts = new ArrayList<>();
    Generation generation =
        new DiffusionSampler(PREDICTOR, CONFIG)
            .generate(
                new int[][] {prompt.clone()},
                null,
                options,
                RandomSource.seeded(seed),
                step -> counts.add(step.revealed()[0].length));
    int[] x = generation.x()[0];
    assertThat(Arrays.copyOf(x, prompt.length)).isEqualTo(prompt);
    assertThat(generation.answer(0)).doesNotContain(CONFIG.maskTokenId());
    assertThat(counts).hasSize(options.steps());
    assertThat(counts.stream().mapToInt(i -> i).sum()).isEqualTo(options.genLength());
    if (options.logitsEosInf()) {
      assertThat(generation.answer(0)).doesNotContain(CONFIG.eosTokenId());
    }
  }

  @Test
  void sameSeedSameTokens() {
    int[][] prompt = {{1, 2, 3}};
    Seeded.cases(
        40,
        random -> {
          SamplerOptions options = options(random);
          int seed = random.nextInt(1001);
          assertThat(generate(prompt, options, seed).x())
              .isDeepEqualTo(generate(prompt, options, seed).x());
        });
  }

  @Test
  void aSequenceDoesNotSeeItsNeighboursInTheBatch() {
    Seeded.cases(30, random -> batchEqualsSingle(options(random)));
  }

  private static void batchEqualsSingle(SamplerOptions options) {
    SamplerOptions greedy =
        options.toBuilder().temperature(0).remasking(Remasking.LOW_CONFIDENCE).build();
    int[] a = {1, 2, 3, 40};
    int[] b = {77, 5, 6, 250};
    int[][] both = generate(new int[][] {a, b}, greedy, 0).x();
    assertThat(both[0]).isEqualTo(generate(new int[][] {a}, greedy, 0).x()[0]);
    assertThat(both[1]).isEqualTo(generate(new int[][] {b}, greedy, 0).x()[0]);
  }

  @Test
  void topOneIsGreedyAtAnyTemperature() {
    SamplerOptions greedy = SamplerOptions.defaults().toBuilder().lengths(8, 8, 8).build();
    SamplerOptions topOne =
        SamplerOptions.defaults().toBuilder().lengths(8, 8, 8).temperature(2.0).topK(1).build();
    int[][] prompt = {{9, 8, 7}};
    Seeded.cases(
        20,
        random -> {
          int seed = random.nextInt(1001);
          assertThat(generate(prompt, topOne, seed).x())
              .isDeepEqualTo(generate(prompt, greedy, seed).x());
        });
  }

  @Test
  void theNumberOfThreadsDoesNotShow() {
    SamplerOptions options =
        SamplerOptions.defaults().toBuilder().lengths(16, 16, 16).temperature(0.8).build();
    int[][] prompt = {{9, 8, 7, 120, 31}};
    int[][] one = generate(prompt, options, 5).x();
    try (Backend three = Backends.choose("vector", 3);
        MaskPredictor predictor =
            new MaskPredictor(CONFIG, CHECKPOINT.weights(), three.kernels(), 64)) {
      int[][] other =
          new DiffusionSampler(predictor, CONFIG)
              .generate(prompt, null, options, RandomSource.seeded(5), StepListener.NONE)
              .x();
      assertThat(other).isDeepEqualTo(one);
    }
  }

  @Test
  void withStopAtEosEverythingBehindTheFirstIsEos() {
    SamplerOptions options =
        SamplerOptions.defaults().toBuilder()
            .lengths(40, 40, 10)
            .temperature(3.0)
            .stopAtEos(true)
            .build();
    boolean stopped = false;
    for (int seed = 0; seed < 60; seed++) {
      Generation generation = generate(new int[][] {{1, 2}}, options, seed);
      int[] answer = generation.answer(0);
      assertThat(answer).doesNotContain(CONFIG.maskTokenId());
      if (generation.steps() < options.steps()) {
        stopped = true;
        int end = generation.answerUpTo(0, CONFIG.eosTokenId()).length;
        assertThat(Arrays.stream(answer, end, answer.length))
            .isNotEmpty()
            .allMatch(id -> id == CONFIG.eosTokenId());
      }
    }
    assertThat(stopped).isTrue();
  }

  @Test
  void eosAndEotAreRevealedLastWhenTheirConfidenceIsMinusInfinity() {
    SamplerOptions options =
        SamplerOptions.defaults().toBuilder()
            .lengths(24, 24, 24)
            .temperature(2.0)
            .remasking(Remasking.RANDOM)
            .confidenceEosEotInf(true)
            .build();
    int eos = CONFIG.eosTokenId();
    int eot = CONFIG.eotTokenId().orElseThrow();
    for (int seed = 0; seed < 20; seed++) {
      new DiffusionSampler(PREDICTOR, CONFIG)
          .generate(
              new int[][] {{1, 2}},
              null,
              options,
              RandomSource.seeded(seed),
              step -> {
                int chosen = step.x()[0][step.revealed()[0][0]];
                if (chosen == eos || chosen == eot) {
                  for (int i = 2; i < step.x()[0].length; i++) {
                    if (step.x()[0][i] == CONFIG.maskTokenId()) {
                      assertThat(step.x0()[0][i]).isIn(eos, eot);
                    }
                  }
                }
              });
    }
  }

  @Test
  void gumbelMaxSamplesFromTheSoftmax() {
    double[] logits = {0, 1, 2, -1};
    LladaConfig four =
        new LladaConfig(
            4,
            1,
            1,
            1,
            4,
            4,
            4,
            8,
            1e4,
            1e-5,
            true,
            3,
            3,
            3,
            OptionalInt.empty(),
            OptionalInt.empty());
    SamplerOptions options =
        SamplerOptions.defaults().toBuilder().temperature(1).mode(SamplerMode.PUBLISHED).build();
    RowProposals proposals = new RowProposals(options, four, RandomSource.seeded(11));
    int[] counts = new int[4];
    int draws = 40_000;
    for (int i = 0; i < draws; i++) {
      counts[proposals.propose(logits.clone(), i, 0, 0).token()]++;
    }
    double total = Arrays.stream(logits).map(Math::exp).sum();
    for (int v = 0; v < 4; v++) {
      double p = Math.exp(logits[v]) / total;
      // Five standard deviations of a binomial count.
      assertThat(Math.abs(counts[v] / (double) draws - p))
          .isLessThan(5 * Math.sqrt(p * (1 - p) / draws));
    }
  }

  @Test
  void tooLongAPromptSaysHowMuchFits() {
    int[][] prompt = {new int[500]};
    assertThatThrownBy(() -> generate(prompt, SamplerOptions.defaults(), 0))
        .hasMessageContaining("500 tokens")
        .hasMessageContaining("512")
        .hasMessageContaining("at most 12");
  }

  @Test
  void lengthsThatDoNotDivideAreRefused() {
    assertThatThrownBy(() -> SamplerOptions.defaults().toBuilder().lengths(128, 100, 32).build())
        .hasMessage(
            "gen_length, 100, is no multiple of block_length, 32; choose a block_length that"
                + " divides it");
    assertThatThrownBy(() -> SamplerOptions.defaults().toBuilder().lengths(30, 128, 32).build())
        .hasMessageContaining(
            "steps is 30; it must be a positive multiple of the number of blocks, 4");
  }
}
