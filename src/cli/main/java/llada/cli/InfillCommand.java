package llada.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import llada.diffusion.Infilling;
import llada.diffusion.LikelihoodEstimator;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.Remasking;
import llada.diffusion.SamplerOptions;
import llada.diffusion.StepListener;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

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
  private static final LikelihoodOptions SCORING =
      new LikelihoodOptions(LikelihoodOptions.Form.L, 32, 16, 0, false);

  @ParentCommand private RootCommand root;
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

  @Override
  public Integer call() {
    if (longestGap < 1 || steps != null && steps < 1) {
      throw new UsageException("--longest-gap and --steps must be at least 1");
    }
    SamplerOptions options = options();
    LikelihoodOptions scoring = likelihood.over(SCORING, 0);
    Console console = root.console();
    InfillTemplate template = InfillTemplate.parse(text.read(console), exactSpaces);
    try (Session session = Session.open(model, computation)) {
      List<int[]> pieces = template.pieces().stream().map(session.tokenizer()::encode).toList();
      Infilling.Gaps gaps = new Infilling.Gaps(pieces, template.lengths());
      Infilling.Filled filled = fill(session, gaps, options, scoring);
      List<String> fills = filled.fills().stream().map(ids -> session.text(ids, true)).toList();
      write(console, template, filled, fills);
      if (!quiet) {
        console.err().println(figures(filled));
      }
      return ExitCodes.OK;
    }
  }

  private SamplerOptions options() {
    try {
      return SamplerOptions.defaults().toBuilder()
          .temperature(temperature)
          .cfgScale(cfgScale)
          .remasking(remasking)
          .logitsEosInf(!allowEos)
          .build();
    } catch (IllegalArgumentException e) {
      throw new UsageException(SamplerFlags.asOptions(e.getMessage()));
    }
  }

  private Infilling.Filled fill(
      Session session, Infilling.Gaps gaps, SamplerOptions options, LikelihoodOptions scoring) {
    int longest = Infilling.longest(gaps, longestGap);
    int most = session.config().maxSequenceLength();
    if (longest > most) {
      throw new UsageException(
          "the text may have %d tokens when its gaps are filled; the model takes at most %d (max_sequence_length): shorten it%s"
              .formatted(longest, most, " or its gaps, or lower --longest-gap"));
    }
    int room =
        Math.max(
            longest * (options.cfgScale() > 0 ? 2 : 1),
            LikelihoodEstimator.room(scoring, session.config(), longest, longest));
    return session.with(
        room,
        predictor ->
            new Infilling(predictor, session.config(), options, steps, scoring, seed)
                .fill(gaps, longestGap, StepListener.NONE));
  }

  private void write(
      Console console, InfillTemplate template, Infilling.Filled filled, List<String> fills) {
    StringBuilder whole = new StringBuilder(template.pieces().getFirst());
    for (int i = 0; i < fills.size(); i++) {
      whole.append(fills.get(i)).append(template.pieces().get(i + 1));
    }
    if (!json) {
      String line = whole.toString();
      console.out().println(console.outIsTerminal() ? AnswerText.printable(line) : line);
      console.flush();
      return;
    }
    JsonLine.write(
        console.out(),
        out -> {
          out.writeStringField("text", whole.toString());
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
