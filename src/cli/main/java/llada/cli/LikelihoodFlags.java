package llada.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.Arrays;
import java.util.Locale;
import llada.diffusion.LikelihoodOptions;
import picocli.CommandLine.Option;

/** How likelihoods are estimated; the names are those of the published get_log_likelihood(). */
final class LikelihoodFlags {
  private static final int MOST_TOGETHER = 16;

  @Option(
      names = "--mc-num",
      paramLabel = "N",
      description =
          "Masked copies of a text that an estimate averages over. Default: 128, or the preset's.")
  private Integer mcNum;

  @Option(
      names = "--mc-batch",
      paramLabel = "N",
      description =
          "Copies whose numbers of masks are spread evenly together; must divide --mc-num. Default:"
              + " 16, or the largest below that divides it.")
  private Integer mcBatch;

  @Option(
      names = "--form",
      paramLabel = "FORM",
      description =
          "l: a number of tokens is masked (eq. 6), of little variance; t: each token with a"
              + " probability (eq. 3). Default: l.")
  private String form;

  @Option(
      names = "--antithetic",
      description = "Follow every masked copy by its mirror image, for less variance.")
  private boolean antithetic;

  /** The options of a preset, less what the command line says otherwise. */
  LikelihoodOptions over(LikelihoodOptions preset, double cfgScale) {
    int number = mcNum == null ? preset.mcNum() : mcNum;
    int batch = mcBatch != null ? mcBatch : mcNum == null ? preset.batchSize() : divisor(number);
    try {
      return new LikelihoodOptions(
          form == null ? preset.form() : form(), number, batch, cfgScale, antithetic);
    } catch (IllegalArgumentException e) {
      throw new UsageException(
          e.getMessage()
              .replace("mc_num", "--mc-num")
              .replace("batch_size", "--mc-batch")
              .replace("cfg_scale", "--cfg-scale"));
    }
  }

  /** The members of an object "options". */
  static void write(JsonGenerator json, LikelihoodOptions options) throws IOException {
    json.writeStringField("form", SamplerFlags.text(options.form()));
    json.writeNumberField("mc_num", options.mcNum());
    json.writeNumberField("batch_size", options.batchSize());
    json.writeNumberField("cfg_scale", options.cfgScale());
    json.writeBooleanField("antithetic", options.antithetic());
  }

  private static int divisor(int number) {
    int divisor = Math.min(MOST_TOGETHER, Math.max(1, number));
    while (number % divisor != 0) {
      divisor--;
    }
    return divisor;
  }

  private LikelihoodOptions.Form form() {
    return Arrays.stream(LikelihoodOptions.Form.values())
        .filter(f -> f.name().equals(form.toUpperCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(() -> new UsageException("--form is '%s'; it must be l or t".formatted(form)));
  }
}
