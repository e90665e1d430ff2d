package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.GoldenFolders;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.checkpoint.Checkpoint;
import llada.cuda.Emulator;
import llada.diffusion.BlockDiffusion.Context;
import llada.kernel.Precision;
import llada.model.Architecture;
import llada.model.MaskPredictor;
import llada.tensor.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Block diffusion on the emulator fills in the same tokens with a cache as without. The tokens, not
 * the bits of their probabilities, which a GPU does not promise.
 */
@Tag("gpu")
final class CudaExactCacheTest {
  @BeforeAll
  static void load() {
    Emulator.loadOrGpu();
  }

  /** Some of the golden generations, which are compared recomputed and cached. */
  static Stream<Arguments> cases() {
    List<Arguments> all =
        FamilyGenerationGoldenTest.blockCases()
            .filter(a -> a.get()[2].equals("scalar"))
            .map(a -> Arguments.of(a.get()[0], a.get()[1]))
            .toList();
    return IntStream.range(0, all.size()).filter(i -> i % 2 == 0).mapToObj(all::get);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void blocksAreFilledAsPublished(Path folder, Path file) {
    new FamilyGenerationGoldenTest().blocksAreFilledAsPublished(folder, file, "cuda");
  }

  @Test
  void withTheCacheAsWithout() {
    Random random = new Random(17);
    try (Checkpoint checkpoint =
            Checkpoint.open(GoldenFolders.checkpoints(Architecture.LLADA2).getFirst());
        Backend backend = Backends.choose("cuda", 2, Precision.EXACT);
        MaskPredictor predictor =
            new MaskPredictor(checkpoint.config(), checkpoint.weights(), backend.kernels(), 64)) {
      int steps = 0;
      for (int round = 0; round < 6; round++) {
        int[] prompt = random.ints(1 + random.nextInt(20), 3, 290).toArray();
        SamplerOptions options = options(random, 1 + random.nextInt(20));
        List<String> without = finished(predictor, options, round, prompt, Context.RECOMPUTED);
        List<String> with = finished(predictor, options, round, prompt, Context.CACHED);
        assertThat(with).as(options.toString()).isEqualTo(without);
        steps += with.size();
      }
      assertThat(steps).isGreaterThan(20);
    }
  }

  private static SamplerOptions options(Random random, int length) {
    BlockOptions blocks = BlockOptions.DEFAULT.withBlockLength(1 + random.nextInt(9));
    return SamplerOptions.defaults().toBuilder()
        .lengths(length, length, length)
        .temperature(random.nextBoolean() ? 0 : random.nextDouble() + 0.1)
        .stopAtEos(random.nextBoolean())
        .decoder(Decoder.exact().with(blocks.withThreshold(random.nextDouble())))
        .build();
  }

  /** The canvas after every step. */
  private static List<String> finished(
      MaskPredictor predictor, SamplerOptions options, long seed, int[] prompt, Context context) {
    List<String> steps = new ArrayList<>();
    try (BlockDiffusion process =
        new BlockDiffusion(
            predictor,
            predictor.config(),
            options,
            RandomSource.seeded(seed),
            prompt,
            context,
            Optional.empty())) {
      while (!process.done()) {
        Tensor logits = predictor.forward(process.plan().orElseThrow());
        steps.add(Arrays.deepToString(process.commit(logits).orElseThrow().x()));
      }
    }
    return steps;
  }
}
