package llada.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import llada.Golden;
import llada.Seeded;
import llada.checkpoint.Checkpoint;
import llada.model.LladaConfig;
import org.junit.jupiter.api.Test;

/** What top-k and top-p leave, against the whole vocabulary in order. */
final class LikeliestTest {
  @Test
  void theLikeliestAreThoseOfTheWholeOrder() {
    try (Checkpoint checkpoint = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"))) {
      LladaConfig config = checkpoint.config();
      Seeded.cases(300, random -> same(config, random));
    }
  }

  private static void same(LladaConfig config, Random random) {
    int k = Seeded.of(random, 0, 1, 2, 7, 40, 10_000);
    double p = Seeded.of(random, 1.0, 1e-300, 0.3, 0.9, 0.999999);
    double temperature = Seeded.of(random, 0.5, 1.0, 3.0);
    boolean ties = random.nextBoolean();
    double[] logits = new double[config.embeddingSize()];
    for (int v = 0; v < logits.length; v++) {
      logits[v] = ties ? random.nextInt(4) : 3 * random.nextGaussian();
    }
    List<Integer> order =
        IntStream.range(0, config.vocabSize())
            .filter(v -> !config.isMask(v))
            .boxed()
            .sorted(
                Comparator.comparingDouble(
                    (Integer v) -> -logits[v])) // stable: the first comes first
            .toList();
    order = order.subList(0, k == 0 ? order.size() : Math.min(k, order.size()));
    double max = logits[order.getFirst()];
    double total = mass(order, logits, max, temperature);
    int kept = 1;
    while (kept < order.size()
        && p < 1
        && mass(order.subList(0, kept), logits, max, temperature) < p * total * (1 - 1e-12)) {
      kept++;
    }
    order = p < 1 ? order.subList(0, kept) : order;
    RowProposals proposals =
        new RowProposals(
            SamplerOptions.defaults().toBuilder().temperature(temperature).topK(k).topP(p).build(),
            config,
            RandomSource.seeded(random.nextInt(1000)));
    for (int step = 0; step < 8; step++) {
      Proposal drawn = proposals.draw(logits.clone(), step, 3);
      assertThat(order).as("k %d, p %s", k, p).contains(drawn.token());
      assertThat(drawn.score())
          .as("k %d, p %s, %d kept", k, p, order.size())
          .isCloseTo(
              Math.exp((logits[drawn.token()] - max) / temperature)
                  / mass(order, logits, max, temperature),
              within(1e-9));
    }
  }

  private static double mass(
      List<Integer> tokens, double[] logits, double max, double temperature) {
    return tokens.stream().mapToDouble(v -> Math.exp((logits[v] - max) / temperature)).sum();
  }
}
