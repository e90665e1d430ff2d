package llada.diffusion;

/**
 * All choices of the sampler, by the names of the published generate().
 *
 * @param steps forward passes in all, a multiple of the number of blocks
 * @param genLength tokens to generate, a multiple of blockLength
 * @param blockLength blocks are finished one after the other, from left to right
 *     (semi-autoregressive)
 * @param temperature 0 takes the likeliest token; above, the Gumbel-max trick in float64
 * @param cfgScale classifier-free guidance w, 0 for none
 * @param remasking which proposals are kept
 * @param logitsEosInf never propose EOS
 * @param confidenceEosEotInf reveal EOS and EoT last
 * @param topK propose only among this many likeliest tokens; 0 for all
 * @param topP propose only among the likeliest tokens that together reach this probability; 1 for
 *     all
 * @param stopAtEos finish as soon as every answer has an EOS with nothing masked before it, and
 *     fill what lies behind with EOS
 * @param mode whether slips of the published code are kept
 */
public record SamplerOptions(
    int steps,
    int genLength,
    int blockLength,
    double temperature,
    double cfgScale,
    Remasking remasking,
    boolean logitsEosInf,
    boolean confidenceEosEotInf,
    int topK,
    double topP,
    boolean stopAtEos,
    SamplerMode mode) {

  /**
   * Checks the rules between the numbers.
   *
   * @throws IllegalArgumentException naming value, rule and remedy
   */
  public SamplerOptions {
    require(genLength >= 1, "gen_length is %d; it must be at least 1", genLength);
    require(blockLength >= 1, "block_length is %d; it must be at least 1", blockLength);
    require(
        genLength % blockLength == 0,
        "gen_length, %d, is no multiple of block_length, %d; choose a block_length that divides it",
        genLength,
        blockLength);
    int blocks = genLength / blockLength;
    require(
        steps >= 1 && steps % blocks == 0,
        "steps is %d; it must be a positive multiple of the number of blocks, %d (gen_length / block_length)",
        steps,
        blocks);
    require(
        temperature >= 0 && Double.isFinite(temperature),
        "temperature is %s; it must be 0 or more",
        temperature);
    require(
        cfgScale >= 0 && Double.isFinite(cfgScale),
        "cfg_scale is %s; it must be 0 or more",
        cfgScale);
    require(topK >= 0, "top_k is %d; it must be 0 (off) or more", topK);
    require(topP > 0 && topP <= 1, "top_p is %s; it must be above 0 and at most 1", topP);
  }

  /** The defaults of the published generate(): 128 tokens in 128 steps, one block, greedy. */
  public static SamplerOptions defaults() {
    return new SamplerOptions(
        128,
        128,
        128,
        0,
        0,
        Remasking.LOW_CONFIDENCE,
        false,
        false,
        0,
        1,
        false,
        SamplerMode.INTENDED);
  }

  /** These options with another length, steps and block length. */
  public SamplerOptions withLengths(int newSteps, int newGenLength, int newBlockLength) {
    return new SamplerOptions(
        newSteps,
        newGenLength,
        newBlockLength,
        temperature,
        cfgScale,
        remasking,
        logitsEosInf,
        confidenceEosEotInf,
        topK,
        topP,
        stopAtEos,
        mode);
  }

  /** These options with another mode. */
  public SamplerOptions withMode(SamplerMode newMode) {
    return new SamplerOptions(
        steps,
        genLength,
        blockLength,
        temperature,
        cfgScale,
        remasking,
        logitsEosInf,
        confidenceEosEotInf,
        topK,
        topP,
        stopAtEos,
        newMode);
  }

  /** These options with another rule of remasking. */
  public SamplerOptions withRemasking(Remasking newRemasking) {
    return new SamplerOptions(
        steps,
        genLength,
        blockLength,
        temperature,
        cfgScale,
        newRemasking,
        logitsEosInf,
        confidenceEosEotInf,
        topK,
        topP,
        stopAtEos,
        mode);
  }

  /** These options with another temperature. */
  public SamplerOptions withTemperature(double newTemperature) {
    return new SamplerOptions(
        steps,
        genLength,
        blockLength,
        newTemperature,
        cfgScale,
        remasking,
        logitsEosInf,
        confidenceEosEotInf,
        topK,
        topP,
        stopAtEos,
        mode);
  }

  private static void require(boolean holds, String rule, Object... values) {
    if (!holds) {
      throw new IllegalArgumentException(rule.formatted(values));
    }
  }
}
