package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import llada.diffusion.NoisyBatch;
import llada.model.TokenBatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What loss.csv and loss.svg say of each step, and what becomes of it when a run goes on. */
class LossLogTest {
  private static final double NONE = Double.NaN;

  @TempDir Path folder;

  private static TrainingListener.Step step(long s) {
    double[] byNoise = {NONE, 2, NONE, 4.5, s};
    return new TrainingListener.Step(s, 9, 3.0 / s, 0.1, 1, 64, 0.5, byNoise);
  }

  @Test
  void whatIsMadeAgainIsDropped() throws IOException {
    Path csv = folder.resolve("loss.csv");
    LossLog log = new LossLog(csv, 0);
    for (int s = 1; s <= 5; s++) {
      log.step(step(s));
    }
    log.validated(1.25);
    log.flush();
    Files.writeString(csv, Files.readString(csv) + "6,1.0,0");
    assertThat(Files.readAllLines(csv))
        .hasSize(7)
        .startsWith(
            "step,loss,learning_rate,gradient_norm,tokens,seconds,validation,"
                + "t0.0-0.2,t0.2-0.4,t0.4-0.6,t0.6-0.8,t0.8-1.0")
        .contains("4,0.750000,0.100000,1.00000,64,0.500,,,2.000000,,4.500000,4.000000")
        .contains("5,0.600000,0.100000,1.00000,64,0.500,1.250000,,2.000000,,4.500000,5.000000");
    List<String> before = Files.readAllLines(csv).subList(0, 5);
    LossLog again = new LossLog(csv, 4);
    assertThat(again.column(LossLog.VALIDATION)).isEmpty();
    assertThat(again.column(LossLog.BY_NOISE + 1)).hasSize(4);
    again.step(step(5));
    again.flush();
    assertThat(Files.readAllLines(csv)).hasSize(6).startsWith(before.toArray(String[]::new));
    assertThat(Files.readAllLines(csv).getLast())
        .isEqualTo("5,0.600000,0.100000,1.00000,64,0.500,,,2.000000,,4.500000,5.000000");
    Path svg = folder.resolve("loss.svg");
    LossPlot.write(svg, log);
    assertThat(Files.readString(svg))
        .startsWith("<svg")
        .endsWith("</svg>\n")
        .contains("training loss", "validation bound", "t 0.8 to 1.0", "norm of the gradients")
        .contains("learning rate", "prefers-color-scheme: dark");
  }

  /** A run of a version that knew no ranges of noise goes on; its rows have none. */
  @Test
  void anEarlierLogGetsTheNewColumns() throws IOException {
    Path csv = folder.resolve("loss.csv");
    Files.writeString(
        csv,
        """
        step,loss,learning_rate,gradient_norm,tokens,seconds,validation
        1,3.000000,0.100000,1.00000,64,0.500,
        2,1.500000,0.100000,1.00000,64,0.500,1.250000
        3,1.000000,0.10000""");
    LossLog log = new LossLog(csv, 2);
    log.step(step(3));
    log.flush();
    assertThat(Files.readAllLines(csv).subList(1, 4))
        .containsExactly(
            "1,3.000000,0.100000,1.00000,64,0.500,,,,,,",
            "2,1.500000,0.100000,1.00000,64,0.500,1.250000,,,,,",
            "3,1.000000,0.100000,1.00000,64,0.500,,,2.000000,,4.500000,3.000000");
    assertThat(log.column(LossLog.LOSS)).hasSize(3);
    assertThat(log.column(LossLog.VALIDATION)).hasSize(1);
  }

  /** Two masked tokens of a sequence with p_mask 0.1, one with 0.4, one with 1. */
  private static NoisyBatch batch(boolean causal) {
    return new NoisyBatch(
        TokenBatch.of(new int[4], new int[4], new int[4]),
        new int[] {0, 3, 6, 11},
        new int[4],
        new double[] {5, 5, 2, 0.25},
        new float[] {0.1f, 0.4f, 1},
        causal);
  }

  @Test
  void lossesAreDividedByTheirWeights() {
    try (Arena arena = Arena.ofShared()) {
      LossByNoise byNoise = new LossByNoise(arena);
      byNoise.add(batch(false), new double[] {5 * 1.5, 5 * 2.5, 2 * 3, 0.25 * 4});
      byNoise.add(batch(true), new double[] {9, 9, 9, 9}); // from left to right
      assertThat(byNoise.take(Processes.ALONE)).containsExactly(2, NONE, 3, NONE, 4);
      assertThat(byNoise.take(Processes.ALONE)).containsOnly(NONE);
      byNoise.add(batch(false), new double[] {5, 5, 2, 0.25});
      assertThat(byNoise.take(new WithAnother())).containsExactly(5.0 / 4, NONE, 1, 7, 1);
    }
  }

  /**
   * As if another process had 3 nats in 2 tokens of the first range, and 7 in one of the fourth.
   */
  private record WithAnother() implements Processes {
    @Override
    public int rank() {
      return 0;
    }

    @Override
    public int size() {
      return 2;
    }

    @Override
    public void sum(MemorySegment floats) {
      float[] other = {3, 0, 0, 7, 0, 2, 0, 0, 1, 0};
      for (int i = 0; i < other.length; i++) {
        float mine = floats.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, mine + other[i]);
      }
    }

    @Override
    public double sum(double value) {
      return value;
    }

    @Override
    public void barrier() {}

    @Override
    public void close() {}
  }

  /** A new model knows nothing: every token costs ln V, wherever it stands. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aRunTellsThem(boolean adapters) throws IOException {
    List<double[]> told = new ArrayList<>();
    try (Arena arena = Arena.ofShared();
        Network network =
            adapters ? Runs.adapted(arena, 2, Set.of("q_proj")) : Runs.network(arena);
        Trainer trainer =
            Runs.trainer(
                folder,
                Runs.config(4, 0),
                network,
                adapters ? new Lora(network, 4, 5, arena) : Trained.AllWeights.of(network),
                Runs.data(folder, 500, arena),
                new TrainingListener() {
                  @Override
                  public void step(Step step) {
                    told.add(step.byNoise());
                  }
                })) {
      trainer.run();
    }
    List<Double> all =
        told.stream()
            .flatMapToDouble(java.util.Arrays::stream)
            .boxed()
            .filter(d -> !d.isNaN())
            .toList();
    assertThat(told).hasSize(4);
    assertThat(all).hasSizeGreaterThan(4);
    assertThat(all).allSatisfy(nats -> assertThat(nats).isCloseTo(Math.log(20), within(0.4)));
  }
}
