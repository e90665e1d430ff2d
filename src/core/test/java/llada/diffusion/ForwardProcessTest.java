package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import llada.Golden;
import llada.format.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The published masking from the published random numbers, and the distribution of our own. */
class ForwardProcessTest {
  private static final int MASK = 99;

  /** Every file of its kind. */
  private static List<Json> golden() {
    String file = "golden/training/training.json";
    return Golden.checkpointsWith(file).stream().map(c -> Golden.json(c.resolve(file))).toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"pretrain", "sft"})
  void masksAsPublished(String kind) {
    golden().forEach(root -> masksAsPublished(root.get(kind), kind));
  }

  private static void masksAsPublished(Json json, String kind) {
    int[][] x0 = Golden.ints(json.get("input_ids"));
    boolean sft = kind.equals("sft");
    int[] prompts =
        sft
            ? json.get("prompt_lengths").list().stream().mapToInt(p -> (int) p.integer()).toArray()
            : null;
    ForwardProcess process =
        new ForwardProcess(
            Objective.LLADA, json.get("eps").number(), false, (int) json.get("mask_id").integer());
    NoisyBatch noisy = process.noise(x0, prompts, floats(json.get("t")), matrix(json.get("u")));
    assertThat(noisy.xt().ids()).isDeepEqualTo(Golden.ints(json.get("noisy")));
    assertThat(noisy.rows()).hasSize((int) json.get("masked_count").integer());
    int length = x0[0].length;
    for (int b = 0; b < x0.length; b++) {
      assertThat((double) noisy.pMask()[b])
          .isCloseTo(json.get("p_mask").get(b).number(), within(3e-8));
    }
    int[][] masked = Golden.ints(json.get("masked"));
    for (int r = 0; r < noisy.rows().length; r++) {
      int b = noisy.rows()[r] / length;
      int i = noisy.rows()[r] % length;
      assertThat(masked[b][i]).isEqualTo(1);
      assertThat(noisy.targets()[r]).isEqualTo(x0[b][i]);
      double tokens = sft ? json.get("answer_lengths").get(b).number() : length;
      assertThat(noisy.weights()[r])
          .isCloseTo(1 / (noisy.pMask()[b] * tokens * x0.length), within(1e-12));
    }
  }

  @Test
  void aCutBatchCountsItsOwnTokens() {
    golden().forEach(ForwardProcessTest::aCutBatchCountsItsOwnTokens);
  }

  private static void aCutBatchCountsItsOwnTokens(Json root) {
    Json json = root.get("pretrain");
    int length = (int) root.get("pretrain_truncated").get("random_length").integer();
    int[][] x0 =
        Arrays.stream(Golden.ints(json.get("input_ids")))
            .map(row -> Arrays.copyOf(row, length))
            .toArray(int[][]::new);
    NoisyBatch noisy =
        ForwardProcess.llada((int) json.get("mask_id").integer())
            .noise(x0, null, floats(json.get("t")), matrix(json.get("u")));
    assertThat(noisy.rows())
        .hasSize((int) root.get("pretrain_truncated").get("masked_count").integer());
    assertThat(noisy.weights()[0] * noisy.pMask()[0] * x0.length * length)
        .isCloseTo(1, within(1e-12));
  }

  @Test
  void theShareOfMasksIsUniformAndPromptsStay() {
    ForwardProcess process = ForwardProcess.llada(MASK);
    SplittableRandom random = new SplittableRandom(1);
    int[][] x0 = new int[8][50];
    int[] prompts = {0, 5, 10, 20, 30, 40, 48, 49};
    double share = 0;
    int batches = 2000;
    int[] quarters = new int[4];
    for (int i = 0; i < batches; i++) {
      NoisyBatch noisy = process.noise(x0, prompts, random);
      for (int b = 0; b < 8; b++) {
        for (int j = 0; j < prompts[b]; j++) {
          assertThat(noisy.xt().ids()[b][j]).isZero();
        }
        share += noisy.pMask()[b] / (8 * batches);
        quarters[(int) (4 * noisy.pMask()[b] * 0.9999)]++;
      }
    }
    assertThat(share).isCloseTo(0.5005, within(0.01));
    for (int quarter : quarters) {
      assertThat(quarter).isBetween(3700, 4300);
    }
  }

  @Test
  void stratifiedTimesHaveOneInEveryStratum() {
    ForwardProcess process = new ForwardProcess(Objective.LLADA, 0, true, MASK);
    SplittableRandom random = new SplittableRandom(2);
    for (int i = 0; i < 100; i++) {
      float[] p = process.noise(new int[16][2], null, random).pMask();
      Arrays.sort(p);
      for (int b = 0; b < 16; b++) {
        assertThat(p[b]).isBetween(b / 16f, (b + 1) / 16f);
      }
    }
  }

  @Test
  void theOtherObjectives() {
    SplittableRandom random = new SplittableRandom(3);
    int[][] x0 = new int[4][1000];
    for (int[] row : x0) {
      Arrays.setAll(row, i -> i % 90);
    }
    NoisyBatch bert =
        new ForwardProcess(Objective.BERT15, 1e-3, false, MASK).noise(x0, null, random);
    assertThat(bert.rows().length).isBetween(520, 680);
    assertThat(bert.weights()).containsOnly(1.0 / 4000);
    NoisyBatch maskGit =
        new ForwardProcess(Objective.MASKGIT, 1e-3, false, MASK).noise(x0, null, random);
    assertThat(maskGit.weights()).containsOnly(1.0 / 4000);
    int[] prompts = {0, 1, 10, 999};
    NoisyBatch next =
        new ForwardProcess(Objective.AR, 1e-3, false, MASK).noise(x0, prompts, random);
    assertThat(next.causal()).isTrue();
    assertThat(next.xt().ids()).isDeepEqualTo(x0);
    assertThat(next.rows()).hasSize(999 + 999 + 990 + 1);
    assertThat(next.rows()[0]).isZero();
    assertThat(next.targets()[0]).isEqualTo(1);
    assertThat(next.rows()[next.rows().length - 1]).isEqualTo(3 * 1000 + 998);
    assertThat(Arrays.stream(next.weights()).sum()).isCloseTo(1, within(1e-9));
    assertThat(bert.causal()).isFalse();
  }

  @Test
  void refusals() {
    assertThatThrownBy(() -> new ForwardProcess(Objective.LLADA, 1, false, MASK))
        .hasMessage("eps is 1.0; it must be at least 0 and below 1");
    assertThatThrownBy(
            () ->
                ForwardProcess.llada(MASK)
                    .noise(new int[1][4], new int[] {4}, new SplittableRandom(1)))
        .hasMessageContaining("a prompt of 4 tokens leaves no answer among 4");
  }

  private static float[] floats(Json json) {
    float[] values = new float[json.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) json.get(i).number();
    }
    return values;
  }

  private static float[][] matrix(Json json) {
    return json.list().stream().map(ForwardProcessTest::floats).toArray(float[][]::new);
  }
}
