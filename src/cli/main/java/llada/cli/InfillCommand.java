package llada.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import llada.api.Answer;
import llada.api.AnswerText;
import llada.api.InfillOptions;
import llada.api.InfillTemplate;
import llada.diffusion.Infilling;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.format.JsonLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Fills the gaps of a text. */
@Command(
    name = "infill",
    description = {
      "Fill the gaps of a text; what comes behind a gap counts as much as what comes before.",
      "",
      "{8} is a gap of eight tokens. {} is one of open length: lengths up to --longest-gap are",
      "tried, and the one under which the text behind it is likeliest is kept. Braces of the text",
      "itself are doubled, {{ and }}. A space before a gap becomes part of it, since words mostly",
      "are tokens that begin with their space; --exact-spaces leaves it."
    },
    footer = {
      "  llada infill \"Once {} the end {8} .\"",
      "  llada infill --json \"A cat lives in {4}. It eats {}.\"",
      "  llada infill --longest-gap 32 --mc-num 64 --prompt-file letter.txt"
    })
final class InfillCommand implements Callable<Integer> {
  private final CommandContext context;
  @Mixin private PromptSource text;

  @Option(
      names = "--longest-gap",
      paramLabel = "N",
      defaultValue = "16",
      description = "The largest length that is tried for {}. Default: ${DEFAULT-VALUE}.")
  private int longestGap;

  @Option(names = "--exact-spaces", description = "Leave a space before a gap in the text.")
  private boolean exactSpaces;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Denoising steps. Default: one for each missing token.")
  private Integer steps;

  @Option(
      names = "--temperature",
      paramLabel = "X",
      defaultValue = "0",
      description = "Gumbel noise on the proposals; 0 takes the likeliest. Default: 0.")
  private double temperature;

  @Option(
      names = "--cfg-scale",
      paramLabel = "X",
      defaultValue = "0",
      description = "Classifier-free guidance by all of the given text. Default: 0.")
  private double cfgScale;

  @Option(
      names = "--remasking",
      paramLabel = "HOW",
      converter = SamplerFlags.RemaskingName.class,
      defaultValue = "low_confidence",
      description =
          "Which proposals are kept: low_confidence, random, entropy or margin. Default:"
              + " ${DEFAULT-VALUE}.")
  private Remasking remasking;

  @Option(
      names = "--allow-eos",
      description = "Let a gap hold the end-of-text token; else it is never proposed.")
  private boolean allowEos;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "1",
      description = "Seed of all random numbers. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--json", description = "Write one JSON object: text, fills, score.")
  private boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "Leave out the line of figures.")
  private boolean quiet;

  @Mixin private LikelihoodFlags likelihood;
  @Mixin private ModelOptions model;
  @Mixin private BackendOptions computation;

  InfillCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (longestGap < 1 || steps != null && steps < 1) {
      throw new UsageException("--longest-gap and --steps must be at least 1");
    }
    SamplerOptions options = options();
    LikelihoodOptions scoring = likelihood.over(InfillOptions.SCORING, 0);
    Console console = context.console();
    InfillTemplate template = InfillTemplate.parse(text.read(console), exactSpaces);
    try (OpenModel opened = OpenModel.open(model, computation)) {
      Infilling.Filled filled =
          opened
              .llada()
              .infill(template, new InfillOptions(options, steps, scoring, longestGap, seed));
      List<String> fills = filled.fills().stream().map(opened.llada()::text).toList();
      write(console, template, filled, fills);
      if (!quiet) {
        console.err().println(figures(filled));
      }
      return ExitCodes.OK;
    }
  }

  private SamplerOptions options() {
    return SamplerOptions.defaults().toBuilder()
        .temperature(temperature)
        .cfgScale(cfgScale)
        .remasking(remasking)
        .logitsEosInf(!allowEos)
        .build();
  }

  private void write(
      Console console, InfillTemplate template, Infilling.Filled filled, List<String> fills) {
    String line = template.filled(fills);
    if (!json) {
      console.out().println(console.outIsTerminal() ? AnswerText.printable(line) : line);
      console.flush();
      return;
    }
    JsonLine.write(
        console.out(),
        out -> {
          out.writeStringField("text", line);
          out.writeArrayFieldStart("fills");
          for (int i = 0; i < fills.size(); i++) {
            out.writeStartObject();
            out.writeStringField("text", fills.get(i));
            out.writeNumberField("tokens", filled.fills().get(i).length);
            JsonLine.ids(out, "ids", filled.fills().get(i));
            out.writeEndObject();
          }
          out.writeEndArray();
          if (!Double.isNaN(filled.score())) {
            out.writeNumberField("nats_per_token", filled.score());
          }
          out.writeNumberField("lengths_tried", filled.tried());
          out.writeNumberField("seed", seed);
        });
  }

  private static String figures(Infilling.Filled filled) {
    List<String> lengths = new ArrayList<>();
    filled.fills().forEach(fill -> lengths.add(String.valueOf(fill.length)));
    String gaps = "gaps of %s tokens".formatted(String.join(", ", lengths));
    return Double.isNaN(filled.score())
        ? gaps + "; " + Answer.counted(filled.generation().steps(), "step")
        : String.format(
            Locale.ROOT,
            "%s; %d lengths tried; the whole text has at most %.4f nats per token",
            gaps,
            filled.tried(),
            filled.score());
  }
}
