package llada.bench;

import java.util.Arrays;

/** Times of the same thing, in nanoseconds. */
public final class Timings {
  private static final double NANOS_PER_MILLI = 1e6;

  private long[] nanos = new long[16];
  private int count;

  /** Adds a time in nanoseconds. */
  public void add(long time) {
    if (count == nanos.length) {
      nanos = Arrays.copyOf(nanos, 2 * count);
    }
    nanos[count++] = time;
  }

  /** How many. */
  public int count() {
    return count;
  }

  /** The median in milliseconds: of an even number, the mean of the middle two. */
  public double medianMillis() {
    if (count == 0) {
      throw new IllegalStateException("nothing was measured");
    }
    long[] sorted = Arrays.copyOf(nanos, count);
    Arrays.sort(sorted);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2.0 / NANOS_PER_MILLI;
  }

  /** All of them, in order, in milliseconds. */
  public double[] millis() {
    return Arrays.stream(nanos, 0, count).mapToDouble(n -> n / NANOS_PER_MILLI).toArray();
  }
}
