package llada;

import java.util.Random;

/**
 * Cases made from seeds. The same ones every time; a failure names its seed, and {@code
 * -Dllada.fuzz.seed=N} runs that one alone. {@code -Dllada.fuzz.seconds=S} goes on with more seeds
 * for S seconds.
 */
public final class Seeded {
  private Seeded() {}

  /** One case: makes its input from the random numbers, runs it and checks. */
  @FunctionalInterface
  public interface Case {
    /**
     * Runs it.
     *
     * @throws Exception if it fails
     */
    void run(Random random) throws Exception;
  }

  /** Runs {@code count} cases, or more if more time is given. */
  public static void cases(int count, Case one) {
    Long only = Long.getLong("llada.fuzz.seed");
    if (only != null) {
      run(only, one);
      return;
    }
    long end = System.nanoTime() + Long.getLong("llada.fuzz.seconds", 0) * 1_000_000_000L;
    for (long seed = 0; seed < count || System.nanoTime() < end; seed++) {
      run(seed, one);
    }
  }

  private static void run(long seed, Case one) {
    try {
      one.run(new Random(seed * 0x9E3779B97F4A7C15L ^ 0x5DEECE66DL));
    } catch (Throwable e) {
      throw new AssertionError("with -Dllada.fuzz.seed=%d: %s".formatted(seed, e.getMessage()), e);
    }
  }

  /** One of these. */
  @SafeVarargs
  public static <T> T of(Random random, T... choices) {
    return choices[random.nextInt(choices.length)];
  }
}
