package llada.train;

import static llada.diffusion.SettingException.require;

/**
 * The learning rate of each step: a sealed choice of schedules, all of which begin by warming up.
 */
public sealed interface LearningRate {
  /**
   * The rate.
   *
   * @param step from 0
   * @param total steps of the run
   */
  double at(long step, long total);

  /** The highest rate. */
  double peak();

  /** The usual rate of a new model: that of LLaDA's pre-training. */
  double NEW_MODEL = 4e-4;

  /**
   * The usual rate for a model that is trained further. An 8B's is that of LLaDA's fine-tuning, or
   * for adapters ten times as much, which is usual; smaller models take larger steps.
   *
   * @param channels C
   * @param adapters whether low-rank terms alone are trained
   */
  static double usual(int channels, boolean adapters) {
    double smaller = 4096.0 / channels;
    return adapters
        ? Math.min(2e-3, 2e-4 * Math.sqrt(smaller))
        : Math.min(NEW_MODEL, 2.5e-5 * smaller);
  }

  /**
   * Warm-up, stable, decay, as LLaDA: linear from 0 to the peak, constant, and over the last part
   * linear to the floor.
   *
   * @param peak highest rate
   * @param floor the rate at the end
   * @param warmup steps until the peak
   * @param decayShare the last part, of all steps
   */
  record WarmupStableDecay(double peak, double floor, long warmup, double decayShare)
      implements LearningRate {
    public WarmupStableDecay {
      check(peak, floor, warmup);
      require(
          decayShare >= 0 && decayShare <= 1,
          "share of decay",
          " is %s; it must be from 0 to 1",
          decayShare);
    }

    @Override
    public double at(long step, long total) {
      double decay = Math.max(1, decayShare * total);
      double left = total - 1 - step;
      double rate = decayShare > 0 && left < decay ? floor + (peak - floor) * left / decay : peak;
      return Math.min(rate, warming(peak, step, warmup));
    }
  }

  /**
   * Warm-up, then half a cosine to the floor.
   *
   * @param peak highest rate
   * @param floor the rate at the end
   * @param warmup steps until the peak
   */
  record Cosine(double peak, double floor, long warmup) implements LearningRate {
    public Cosine {
      check(peak, floor, warmup);
    }

    @Override
    public double at(long step, long total) {
      if (step < warmup) {
        return warming(peak, step, warmup);
      }
      double done = Math.min(1, (double) (step - warmup) / Math.max(1, total - 1 - warmup));
      return floor + (peak - floor) * 0.5 * (1 + Math.cos(Math.PI * done));
    }
  }

  /**
   * Warm-up, then always the same.
   *
   * @param peak the rate
   * @param warmup steps until the peak
   */
  record Constant(double peak, long warmup) implements LearningRate {
    public Constant {
      check(peak, 0, warmup);
    }

    @Override
    public double at(long step, long total) {
      return warming(peak, step, warmup);
    }
  }

  /** The linear rise; step 0 moves already. */
  private static double warming(double peak, long step, long warmup) {
    return step >= warmup ? peak : peak * (step + 1) / (warmup + 1);
  }

  private static void check(double peak, double floor, long warmup) {
    require(
        peak > 0 && Double.isFinite(peak), "learning rate", " is %s; it must be positive", peak);
    require(
        floor >= 0 && floor <= peak,
        "last learning rate",
        " is %s; it must be from 0 to the highest, %s",
        floor,
        peak);
    require(warmup >= 0, "warmup", " is %d; it must be 0 or more", warmup);
  }
}
