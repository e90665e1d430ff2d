package llada.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.util.OptionalInt;
import llada.Golden;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.kernel.Numbers;
import llada.tensor.DType;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;

/** What a cache costs, and what it gives back. */
final class ActivationCacheTest {
  private static LladaConfig shape(int kvHeads) {
    return new LladaConfig(
        4096,
        32,
        32,
        kvHeads,
        12288,
        126464,
        126464,
        4096,
        500000,
        1e-5,
        false,
        126336,
        126081,
        126081,
        OptionalInt.empty(),
        OptionalInt.empty());
  }

  @Test
  void aTokenOfLlada8bTakes512KiBInBf16() {
    assertThat(ActivationCache.bytesPerToken(shape(32), DType.BF16)).isEqualTo(512 * 1024);
    assertThat(ActivationCache.bytesPerToken(shape(32), DType.F32)).isEqualTo(1024 * 1024);
    assertThat(ActivationCache.bytesPerToken(shape(32), DType.Q8_0)).isEqualTo(272 * 1024);
    assertThat(ActivationCache.bytesPerToken(shape(8), DType.BF16)).isEqualTo(128 * 1024);
  }

  @Test
  void takesTheMemoryThatItSays() {
    try (Checkpoint checkpoint = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"));
        ActivationCache cache = new ActivationCache(checkpoint.config(), DType.BF16, 10, false)) {
      LladaConfig config = checkpoint.config();
      assertThat(cache.bytes())
          .isEqualTo(10L * config.nLayers() * 2 * config.kvChannels() * Short.BYTES);
    }
  }

  /** A second pass over some positions of unchanged tokens gives what the first gave. */
  @Test
  void aPartialPassOverUnchangedTokensChangesNothing() {
    int[][] ids = {{5, 9, 33, 20, 7, 8}, {3, 4, 40, 7, 1, 2}};
    for (DType type : new DType[] {DType.F32, DType.BF16, DType.Q8_0}) {
      for (double ratio : new double[] {1, 0.5}) {
        try (Checkpoint checkpoint =
                Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"));
            Backend backend = Backends.choose("vector", 2);
            MaskPredictor predictor =
                new MaskPredictor(
                    checkpoint.config(), checkpoint.weights(), backend.kernels(), 12);
            ActivationCache cache = new ActivationCache(checkpoint.config(), type, 12, true);
            Arena arena = Arena.ofShared()) {
          TokenBatch batch = TokenBatch.of(ids);
          int[] rows = {1, 3, 10};
          Tensor exact = Numbers.copy(arena, predictor.forward(batch, rows));
          predictor.forward(batch, PartialPass.refresh(batch, cache), rows);
          int[][] some = {{1, 3}, {0, 2, 4}};
          Tensor partial = predictor.forward(batch, new PartialPass(some, ratio, cache), rows);
          // In float32 only the order of sums may differ; else stored keys and values are rounded.
          double bound = type == DType.F32 ? 1e-4 : type == DType.BF16 ? 0.05 : 0.1;
          assertThat(Numbers.largestDifference(partial, exact))
              .as("%s, ratio %s", type, ratio)
              .isLessThan(bound * Math.max(1, Numbers.largest(exact)));
        }
      }
    }
  }

  @Test
  void theTokensWhoseValuesMovedMostAreComputed() {
    double[] similarity = {0.9, 0.1, 0.5, 0.5, 0.2, 0.3, 0.4};
    int[][] computed = {{4, 5, 6, 7}, {1, 2, 9}};
    assertThat(AdaptiveUpdate.leastSimilar(similarity, computed, 0.5))
        .isDeepEqualTo(new int[][] {{1, 2}, {4}});
    assertThat(AdaptiveUpdate.leastSimilar(similarity, computed, 0.7)) // rounded down
        .isDeepEqualTo(new int[][] {{1, 2}, {4, 5}});
    assertThat(AdaptiveUpdate.leastSimilar(similarity, computed, 0.01))
        .isDeepEqualTo(new int[][] {{1}, {4}});
    try (Arena arena = Arena.ofShared()) {
      Tensor v = Tensor.of(arena, new float[] {1, 0, 3, 4, 0, 0}, 3, 2);
      Tensor cached = Tensor.of(arena, new float[] {0, 1, 6, 8, 0, 0, 2, 0}, 4, 2);
      double[] found = AdaptiveUpdate.similarity(v, cached, new int[] {3, 1, 2});
      assertThat(found).containsExactly(1, 1, 1);
      assertThat(AdaptiveUpdate.similarity(v, cached, new int[] {0, 0, 1})[0]).isZero();
      assertThat(AdaptiveUpdate.similarity(v, cached, new int[] {0, 0, 1})[1]).isEqualTo(0.8);
    }
  }

  @Test
  void badPassesAreRefused() {
    try (Checkpoint checkpoint = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"));
        Backend backend = Backends.choose("scalar", 1);
        MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), 8);
        ActivationCache cache = new ActivationCache(checkpoint.config(), DType.F32, 4, false)) {
      TokenBatch batch = TokenBatch.of(new int[] {1, 2, 3, 4});
      int[][] some = {{1, 2}};
      assertThatThrownBy(
              () -> predictor.forward(batch, new PartialPass(some, cache), new int[] {3}))
          .hasMessage("logits of row 3 are asked for, which this pass does not compute");
      assertThatThrownBy(
              () -> predictor.forward(batch, new PartialPass(some, 0.5, cache), new int[] {1}))
          .hasMessageContaining("needs a cache that keeps outputs");
      assertThatThrownBy(
              () ->
                  predictor.forward(
                      batch, new PartialPass(new int[][] {{2, 1}}, cache), new int[] {1}))
          .hasMessageContaining("out of order");
      TokenBatch longer = TokenBatch.of(new int[] {1, 2, 3, 4, 5});
      assertThatThrownBy(
              () -> predictor.forward(longer, PartialPass.refresh(longer, cache), new int[] {1}))
          .hasMessage("a batch of 1 x 5 tokens exceeds the 4 of the cache");
      assertThatThrownBy(() -> new ActivationCache(checkpoint.config(), DType.F16, 4, false))
          .hasMessageContaining("F32, BF16 or Q8_0");
    }
  }
}
