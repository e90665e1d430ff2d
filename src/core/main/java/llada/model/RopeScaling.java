package llada.model;

import it.unimi.dsi.fastutil.floats.FloatList;

/** How rotary frequencies are stretched for longer texts than a model was first trained on. */
public sealed interface RopeScaling {
  /** They are not. */
  RopeScaling NONE = new None();

  /**
   * The frequencies that the model has.
   *
   * @param frequencies (R/2) unscaled
   */
  float[] scaled(float[] frequencies);

  /** They are not. */
  record None() implements RopeScaling {
    @Override
    public float[] scaled(float[] frequencies) {
      return frequencies;
    }
  }

  /**
   * LLaMA 3.1, type {@code llama3}: with a wavelength w = 2 pi / f, long waves (w above
   * originalLength / lowFactor) are stretched by {@code factor}, short ones (w below originalLength
   * / highFactor) are left, and those between lie between:
   *
   * <pre>
   *   a = (originalLength / w - lowFactor) / (highFactor - lowFactor)
   *   f' = (1 - a) f / factor + a f
   * </pre>
   *
   * In float32, as the published code.
   */
  record Llama3(float factor, float lowFactor, float highFactor, int originalLength)
      implements RopeScaling {
    /** Checks the numbers. */
    public Llama3 {
      if (!(factor >= 1 && lowFactor > 0 && highFactor > lowFactor && originalLength > 0)) {
        throw new IllegalArgumentException(
            "rope scaling of type llama3: factor %s, low %s, high %s, original length %d; the factor is at least 1, and high is above low"
                .formatted(factor, lowFactor, highFactor, originalLength));
      }
    }

    @Override
    public float[] scaled(float[] frequencies) {
      float[] scaled = new float[frequencies.length];
      for (int i = 0; i < scaled.length; i++) {
        float f = frequencies[i];
        float w = (float) (2 * Math.PI) / f;
        float a = (originalLength / w - lowFactor) / (highFactor - lowFactor);
        boolean isLong = w > originalLength / lowFactor;
        boolean isShort = w < originalLength / highFactor;
        scaled[i] = isLong ? f / factor : isShort ? f : (1 - a) * f / factor + a * f;
      }
      return scaled;
    }
  }

  /**
   * As GGUF files have it in {@code rope_freqs.weight}.
   *
   * @param by (R/2) what each frequency is divided by
   */
  record Divided(FloatList by) implements RopeScaling {
    @Override
    public float[] scaled(float[] frequencies) {
      if (by.size() != frequencies.length) {
        throw new IllegalArgumentException(
            "rope scaling: %d factors for %d frequencies".formatted(by.size(), frequencies.length));
      }
      float[] scaled = new float[frequencies.length];
      for (int i = 0; i < scaled.length; i++) {
        scaled[i] = frequencies[i] / by.getFloat(i);
      }
      return scaled;
    }
  }
}
