package llada.diffusion;

import static llada.diffusion.SettingException.require;

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
 * @param decoder what makes it faster, or better, than the published sampler
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
    SamplerMode mode,
    Decoder decoder) {

  /**
   * Checks the rules between the numbers.
   *
   * @throws SettingException naming value, rule and remedy
   */
  public SamplerOptions {
    require(genLength >= 1, "gen_length", " is %d; it must be at least 1", genLength);
    require(blockLength >= 1, "block_length", " is %d; it must be at least 1", blockLength);
    require(
        genLength % blockLength == 0,
        "gen_length",
        ", %d, is no multiple of block_length, %d; choose a block_length that divides it",
        genLength,
        blockLength);
    int blocks = genLength / blockLength;
    require(
        steps >= 1 && steps % blocks == 0,
        "steps",
        " is %d; it must be a positive multiple of the number of blocks, %d (gen_length / block_length)",
        steps,
        blocks);
    require(
        temperature >= 0 && Double.isFinite(temperature),
        "temperature",
        " is %s; it must be 0 or more",
        temperature);
    require(
        cfgScale >= 0 && cfgScale <= Repetition.MOST,
        "cfg_scale",
        " is %s; it must be from 0 to %.0f",
        cfgScale,
        Repetition.MOST);
    require(topK >= 0, "top_k", " is %d; it must be 0 (off) or more", topK);
    require(
        mode == SamplerMode.INTENDED || decoder.isExact(),
        "mode",
        " published repeats the published sampler, which has no cache and commits a fixed number of tokens a step; choose mode intended");
    require(topP > 0 && topP <= 1, "top_p", " is %s; it must be above 0 and at most 1", topP);
  }

  /** The defaults of the published generate(): 128 tokens in 128 steps, one block, greedy. */
  public static SamplerOptions defaults() {
    return new Builder().build();
  }

  /** These options, to be changed. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.steps = steps;
    builder.genLength = genLength;
    builder.blockLength = blockLength;
    builder.temperature = temperature;
    builder.cfgScale = cfgScale;
    builder.remasking = remasking;
    builder.logitsEosInf = logitsEosInf;
    builder.confidenceEosEotInf = confidenceEosEotInf;
    builder.topK = topK;
    builder.topP = topP;
    builder.stopAtEos = stopAtEos;
    builder.mode = mode;
    builder.decoder = decoder;
    return builder;
  }

  /** Options in the making; those not set keep the published defaults. */
  public static final class Builder {
    private int steps = 128;
    private int genLength = 128;
    private int blockLength = 128;
    private double temperature;
    private double cfgScale;
    private Remasking remasking = Remasking.LOW_CONFIDENCE;
    private boolean logitsEosInf;
    private boolean confidenceEosEotInf;
    private int topK;
    private double topP = 1;
    private boolean stopAtEos;
    private SamplerMode mode = SamplerMode.INTENDED;
    private Decoder decoder = Decoder.exact();

    /**
     * How long and in how many steps: these three depend on each other.
     *
     * @param newSteps forward passes in all
     * @param newGenLength tokens to generate
     * @param newBlockLength tokens of a block
     */
    public Builder lengths(int newSteps, int newGenLength, int newBlockLength) {
      steps = newSteps;
      genLength = newGenLength;
      blockLength = newBlockLength;
      return this;
    }

    public Builder temperature(double value) {
      temperature = value;
      return this;
    }

    public Builder cfgScale(double value) {
      cfgScale = value;
      return this;
    }

    public Builder remasking(Remasking value) {
      remasking = value;
      return this;
    }

    public Builder logitsEosInf(boolean value) {
      logitsEosInf = value;
      return this;
    }

    public Builder confidenceEosEotInf(boolean value) {
      confidenceEosEotInf = value;
      return this;
    }

    public Builder topK(int value) {
      topK = value;
      return this;
    }

    public Builder topP(double value) {
      topP = value;
      return this;
    }

    public Builder stopAtEos(boolean value) {
      stopAtEos = value;
      return this;
    }

    public Builder mode(SamplerMode value) {
      mode = value;
      return this;
    }

    public Builder decoder(Decoder value) {
      decoder = value;
      return this;
    }

    /**
     * The finished options.
     *
     * @throws SettingException if they break a rule between them
     */
    public SamplerOptions build() {
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
          mode,
          decoder);
    }
  }
}
