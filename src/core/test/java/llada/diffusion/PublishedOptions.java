package llada.diffusion;

import java.util.Locale;
import llada.format.Json;

/** The options of a recorded generation of the published code. */
public final class PublishedOptions {
  private PublishedOptions() {}

  /** Reads a case's {@code params}, for the mode that keeps the published slips. */
  public static SamplerOptions of(Json params) {
    return SamplerOptions.defaults().toBuilder()
        .lengths(
            (int) params.get("steps").integer(),
            (int) params.get("gen_length").integer(),
            (int) params.get("block_length").integer())
        .temperature(params.get("temperature").number())
        .cfgScale(params.get("cfg_scale").number())
        .remasking(Remasking.valueOf(params.get("remasking").string().toUpperCase(Locale.ROOT)))
        .logitsEosInf(params.get("logits_eos_inf").bool())
        .confidenceEosEotInf(params.get("confidence_eos_eot_inf").bool())
        .mode(SamplerMode.PUBLISHED)
        .build();
  }
}
