package llada.kernel.scalar;

/**
 * Frequencies of a rotary embedding that was stretched to a longer context after training: {@code
 * rope_scaling} of type llama3. With wavelength w = 2 pi / f, f becomes
 *
 * <pre>
 *   f / factor                      w &gt; original / low
 *   f                               w &lt; original / high
 *   (1 - a) f / factor + a f        between, with a = (original / w - low) / (high - low)
 * </pre>
 *
 * <p>in float32, as in the published code.
 *
 * @param factor by which long waves are stretched
 * @param low {@code low_freq_factor}
 * @param high {@code high_freq_factor}, above {@code low}
 * @param original the context that the model was first trained for
 */
public record RopeScaling(float factor, float low, float high, float original) {
  /** Checks that the formula means something. */
  public RopeScaling {
    if (!(factor > 0 && low > 0 && high > low && original > 0)) {
      throw new IllegalArgumentException(
          "rope scaling: factor %s, low %s, high %s, original %s: all must be positive and high above low"
              .formatted(factor, low, high, original));
    }
  }

  /** The scaled frequencies, in a new array. */
  public float[] scale(float[] frequencies) {
    float[] scaled = frequencies.clone();
    for (int i = 0; i < scaled.length; i++) {
      float f = frequencies[i];
      float wavelength = (float) (2 * Math.PI) / f;
      float a = (original / wavelength - low) / (high - low);
      if (wavelength > original / low) {
        scaled[i] = f / factor;
      } else if (!(wavelength < original / high)) {
        scaled[i] = (1 - a) * f / factor + a * f;
      }
    }
    return scaled;
  }
}
