package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.format.Json;
import llada.kernel.Precision;
import llada.model.LladaConfig;
import llada.model.MaskPredictor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Estimates of the published get_log_likelihood(), with the masks that it drew. */
final class LikelihoodGoldenTest {
  static Stream<Arguments> everyCaseOnEveryBackend() {
    List<Arguments> cases = new ArrayList<>();
    for (Path folder : Golden.checkpoints()) {
      Path file = folder.resolve("golden/loglik.json");
      if (Files.exists(file)) {
        for (Json one : Golden.json(file).get("cases").list()) {
          for (String backend : List.of("scalar", "vector", "auto")) {
            cases.add(Arguments.of(folder, one, backend));
          }
        }
      }
    }
    return cases.isEmpty() // one, to be skipped by its name
        ? Stream.of(Arguments.of(Golden.root(), null, "scalar"))
        : cases.stream();
  }

  @ParameterizedTest
  @MethodSource("everyCaseOnEveryBackend")
  void estimatesAgree(Path folder, Json golden, String backendName) {
    Golden.need(folder, "golden/loglik.json");
    int[] prompt = ints(golden.get("prompt"));
    int[] answer = ints(golden.get("answer"));
    LikelihoodOptions options =
        new LikelihoodOptions(
            LikelihoodOptions.Form.L,
            (int) golden.get("mc_num").integer(),
            (int) golden.get("batch_size").integer(),
            golden.get("cfg_scale").number(),
            false);
    try (Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = Backends.choose(backendName, 2, Precision.EXACT)) {
      LladaConfig config = checkpoint.config();
      assertThat(config.maskTokenId()).isEqualTo((int) golden.get("mask_id").integer());
      int room =
          LikelihoodEstimator.room(options, config, prompt.length + answer.length, answer.length);
      try (MaskPredictor predictor =
          new MaskPredictor(config, checkpoint.weights(), backend.kernels(), room)) {
        LikelihoodEstimator estimator =
            new LikelihoodEstimator(predictor, config, options, recorded(golden));
        List<Json> batches = golden.get("iterations").list();
        for (int i = 0; i < batches.size(); i++) {
          compareBatch(estimator, prompt, answer, i, batches.get(i));
        }
        LogLikelihood estimate = estimator.estimate(prompt, answer);
        double wanted = golden.get("log_likelihood").number();
        assertThat(Math.abs(estimate.value() / wanted - 1))
            .as("%s against %s", estimate.value(), wanted)
            .isLessThan(1e-6);
        assertThat(estimate.tokens()).isEqualTo(answer.length);
        assertThat(estimate.forwardPasses())
            .isEqualTo(options.mcNum() * (options.cfgScale() > 0 ? 2 : 1));
      }
    }
  }

  private static void compareBatch(
      LikelihoodEstimator estimator, int[] prompt, int[] answer, int batch, Json golden) {
    LikelihoodEstimator.Copy[] copies = estimator.copies(answer.length, batch);
    int[] counts = Arrays.stream(copies).mapToInt(LikelihoodEstimator.Copy::count).toArray();
    assertThat(counts).as(golden.where()).isEqualTo(ints(golden.get("counts")));
    double[] terms = estimator.terms(prompt, answer, batch);
    double sum = 0;
    for (int i = 0; i < terms.length; i++) {
      int[] perturbed = ints(golden.get("perturbed").get(i));
      for (int j = 0; j < answer.length; j++) {
        assertThat(copies[i].masked()[j])
            .as("%s: copy %d, token %d", golden.where(), i, j)
            .isEqualTo(perturbed[prompt.length + j] != answer[j]);
      }
      assertThat(1 / copies[i].weight())
          .isCloseTo(golden.get("p_mask").get(i).number(), within(1e-7));
      double wanted = golden.get("row_terms").get(i).number();
      assertThat(Math.abs(terms[i] / wanted - 1)).as(golden.where()).isLessThan(3e-6);
      sum += terms[i];
    }
    assertThat(sum / terms.length / golden.get("loss").number() - 1).isBetween(-1e-6, 1e-6);
  }

  private static org.assertj.core.data.Offset<Double> within(double distance) {
    return org.assertj.core.data.Offset.offset(distance);
  }

  @Test
  void numbersOfMasksAgree() {
    for (Path folder : Golden.checkpoints()) {
      Path file = folder.resolve("golden/loglik.json");
      if (!Files.exists(file)) {
        continue;
      }
      List<Json> table = Golden.json(file).get("count_table").list();
      assertThat(table).hasSizeGreaterThan(100);
      for (Json row : table) {
        int length = (int) row.get(0).integer();
        int batch = (int) row.get(1).integer();
        int k = (int) row.get(2).integer();
        assertThat(LikelihoodEstimator.counts(k, length, batch))
            .as("L %d, b %d, k %d", length, batch, k)
            .isEqualTo(ints(row.get(3)));
      }
    }
  }

  private static int[] ints(Json json) {
    return json.list().stream().mapToInt(j -> (int) j.integer()).toArray();
  }

  /**
   * The masks that were drawn: {@code is_mask = (arange < count)[perm]}, so perm is the order that
   * the estimator asks for.
   */
  private static MaskDraws recorded(Json golden) {
    return new MaskDraws() {
      @Override
      public int first(int batch, int length) {
        return (int) golden.get("iterations").get(batch).get("k").integer();
      }

      @Override
      public int[] permutation(int batch, int copy, int length) {
        return ints(golden.get("iterations").get(batch).get("perms").get(copy));
      }

      @Override
      public double[] uniforms(int batch, int copy, int length) {
        throw new AssertionError("the l-form needs none");
      }
    };
  }
}
