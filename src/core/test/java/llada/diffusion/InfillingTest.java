package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.kernel.Precision;
import llada.model.MaskPredictor;
import llada.tokenizer.Tokenizer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Gaps with the trained model. */
final class InfillingTest {
  private static final LikelihoodOptions SCORING =
      new LikelihoodOptions(LikelihoodOptions.Form.L, 16, 16, 0, false);

  private static Checkpoint checkpoint;
  private static Backend backend;
  private static MaskPredictor predictor;
  private static Tokenizer tokenizer;

  @BeforeAll
  static void open() {
    checkpoint = Checkpoint.open(Golden.resources().resolve("checkpoints/shakespeare-llada"));
    backend = Backends.choose("vector", 2, Precision.EXACT);
    predictor =
        new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), 16 * 64);
    tokenizer = checkpoint.tokenizer();
  }

  @AfterAll
  static void close() {
    predictor.close();
    backend.close();
    checkpoint.close();
  }

  private static SamplerOptions options() {
    return SamplerOptions.defaults().toBuilder().logitsEosInf(true).build();
  }

  private static Infilling infilling(SamplerOptions options, Integer steps, long seed) {
    return new Infilling(predictor, checkpoint.config(), options, steps, SCORING, seed);
  }

  private static Infilling.Gaps gaps(int[] lengths, String... pieces) {
    return new Infilling.Gaps(Arrays.stream(pieces).map(tokenizer::encode).toList(), lengths);
  }

  /** With nothing behind it, a gap is an answer of that length. */
  @Test
  void aGapAtTheEndIsAGeneration() {
    for (double temperature : new double[] {0, 0.8}) {
      SamplerOptions options = options().toBuilder().temperature(temperature).build();
      Infilling.Filled filled =
          infilling(options, 5, 3)
              .fill(gaps(new int[] {12}, "ROMEO:\nI ", ""), 16, StepListener.NONE);
      Generation generation =
          new DiffusionSampler(predictor, checkpoint.config())
              .generate(
                  new int[][] {tokenizer.encode("ROMEO:\nI ")},
                  null,
                  options.toBuilder().lengths(5, 12, 12).build(),
                  RandomSource.seeded(3),
                  StepListener.NONE);
      assertThat(filled.fills()).containsExactly(generation.answer(0));
      assertThat(filled.score()).isNaN();
    }
  }

  @Test
  void givenTextStaysAndEveryGapIsFilled() {
    Infilling.Gaps gaps = gaps(new int[] {3, 5}, "ROMEO:", " my lord", ", my good");
    boolean[] both = new boolean[1];
    Infilling.Filled filled =
        infilling(options(), null, 1)
            .fill(
                gaps,
                16,
                step -> both[0] |= step.revealed()[0].length == 1 && step.totalSteps() == 8);
    int[] text = filled.generation().x()[0];
    int mask = checkpoint.config().maskTokenId();
    int[] wanted = gaps.masked(new int[] {3, 5}, mask);
    assertThat(text).hasSameSizeAs(wanted);
    for (int i = 0; i < text.length; i++) {
      assertThat(text[i]).isNotEqualTo(mask);
      if (wanted[i] != mask) {
        assertThat(text[i]).isEqualTo(wanted[i]);
      }
    }
    assertThat(filled.fills().get(0)).hasSize(3);
    assertThat(filled.fills().get(1)).hasSize(5);
    assertThat(filled.generation().steps()).isEqualTo(8);
    assertThat(both[0]).isTrue();
  }

  /** What comes behind a gap changes what is put into it. */
  @Test
  void bothSidesCount() {
    String[] behind = {" my lord.\n\nKING", "?\n\nROMEO:\nAy"};
    int[][] fills = new int[2][];
    for (int i = 0; i < 2; i++) {
      fills[i] =
          infilling(options(), null, 1)
              .fill(gaps(new int[] {6}, "JULIET:\n", behind[i]), 8, StepListener.NONE)
              .fills()
              .getFirst();
    }
    assertThat(fills[0]).isNotEqualTo(fills[1]);
  }

  /** The open length that is kept is the best of all that may be tried, each by itself. */
  @Test
  void theBestLengthIsKept() {
    int[] before = tokenizer.encode("ROMEO:\nO,");
    int[] behind = tokenizer.encode(" my lord.\n\nKING");
    Infilling.Gaps open = gaps(new int[] {0}, "ROMEO:\nO,", " my lord.\n\nKING");
    Infilling.Filled found = infilling(options(), null, 5).fill(open, 6, StepListener.NONE);
    LikelihoodEstimator estimator =
        new LikelihoodEstimator(predictor, checkpoint.config(), SCORING, MaskDraws.seeded(5));
    double best = Double.POSITIVE_INFINITY;
    int bestLength = 0;
    for (int length : new int[] {1, 2, 3, 4, 6}) {
      int[] masked = Arrays.copyOf(before, before.length + length);
      Arrays.fill(masked, before.length, masked.length, checkpoint.config().maskTokenId());
      double score = estimator.estimate(masked, behind).natsPerToken();
      if (score < best) {
        best = score;
        bestLength = length;
      }
    }
    Infilling.Filled fixed =
        infilling(options(), null, 5)
            .fill(
                gaps(new int[] {bestLength}, "ROMEO:\nO,", " my lord.\n\nKING"),
                6,
                StepListener.NONE);
    assertThat(found.fills()).containsExactly(fixed.fills().getFirst());
    assertThat(found.score())
        .isEqualTo(estimator.estimate(new int[0], found.generation().x()[0]).natsPerToken());
    assertThat(found.tried()).isEqualTo(5);
  }

  @Test
  void severalOpenGapsAreSettledInTurn() {
    Infilling.Gaps open = gaps(new int[] {0, 2, 0}, "ROMEO:\nO,", " my", " lord", ".");
    Infilling.Filled found = infilling(options(), null, 5).fill(open, 3, StepListener.NONE);
    assertThat(found.fills().get(1)).hasSize(2);
    assertThat(found.fills().get(0).length).isBetween(1, 3);
    assertThat(found.fills().get(2).length).isBetween(1, 3);
    assertThat(found.tried()).isEqualTo(6);
  }

  @Test
  void whereNothingFollowsTheLongestIsTaken() {
    Infilling.Filled found =
        infilling(options(), null, 5)
            .fill(gaps(new int[] {0}, "ROMEO:\nO,", ""), 5, StepListener.NONE);
    assertThat(found.fills().getFirst()).hasSize(5);
    assertThat(found.tried()).isZero();
  }

  @Test
  void whatCannotBeFilledIsRefused() {
    assertThatThrownBy(() -> new Infilling.Gaps(List.of(new int[0]), new int[0]))
        .hasMessageContaining("0 gaps and 1 pieces");
    assertThatThrownBy(
            () ->
                new DiffusionSampler(predictor, checkpoint.config())
                    .infill(
                        new int[] {7, 8}, options(), 1, RandomSource.seeded(1), StepListener.NONE))
        .hasMessageContaining("has no mask");
  }
}
