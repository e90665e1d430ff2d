package llada.cli;

import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.MemoryNeed;
import llada.api.Next;
import llada.api.Request;
import llada.bench.DecodeSetting;
import llada.bench.DecoderComparison;
import llada.bench.ForwardBench;
import llada.diffusion.SamplerOptions;
import llada.format.JsonLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What one answer takes, from the file to its last token. */
@Command(
    name = "answer",
    description = {
      "Measure one answer to a prompt of random tokens, from end to end, in a fresh process.",
      "",
      "load: opening the files and starting the backend; first step: until the first tokens are",
      "chosen, with what is compiled and read from disk on the way; tokens a second of the whole",
      "answer, and of those before its end; the most memory that the process had, the pages of the",
      "file included."
    },
    footer = {
      "  llada synth --shape llada-8b --type q4_k_m -o llada.gguf",
      "  llada bench answer -m llada.gguf --setting dual+threshold=0.9 --json"
    })
final class AnswerBench implements Callable<Integer> {
  private final CommandContext context;

  @Option(
      names = "--setting",
      paramLabel = "PARTS",
      defaultValue = "exact",
      description = "How to decode, as in bench decode. Default: ${DEFAULT-VALUE}.")
  private String setting;

  @Option(
      names = "--prompt-length",
      paramLabel = "N",
      defaultValue = "32",
      description = "Tokens of the prompt. Default: ${DEFAULT-VALUE}.")
  private int promptLength;

  @Option(
      names = "--gen-length",
      paramLabel = "N",
      defaultValue = "64",
      description = "Tokens of the answer. Default: ${DEFAULT-VALUE}.")
  private int genLength;

  @Option(
      names = "--block-length",
      paramLabel = "N",
      defaultValue = "32",
      description = "Tokens of a block. Default: ${DEFAULT-VALUE}.")
  private int blockLength;

  @Option(names = "--json", description = "Write one JSON object.")
  private boolean json;

  @Mixin private ModelOptions model;
  @Mixin private BackendOptions computation;

  AnswerBench(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (promptLength < 1) {
      throw new UsageException("--prompt-length must be at least 1");
    }
    SamplerOptions options;
    try {
      options = DecodeSetting.parse(setting).options(genLength, blockLength);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
    try (StatusLine status = new StatusLine(context.console());
        OpenModel opened = OpenModel.open(model, computation)) {
      Llada llada = opened.llada();
      long[] first = new long[1];
      long before = System.nanoTime();
      Answer answer =
          llada.generate(
              Request.of(DecoderComparison.randomPrompt(llada, promptLength))
                  .options(options)
                  .onStep(
                      step -> {
                        first[0] = first[0] == 0 ? System.nanoTime() : first[0];
                        status.show("step %d of %d".formatted(step.number(), step.of()));
                        return Next.CONTINUE;
                      }));
      write(opened, answer, (first[0] - before) / 1e9);
    }
    return ExitCodes.OK;
  }

  private void write(OpenModel opened, Answer answer, double firstStep) {
    OptionalLong rss = ForwardBench.peakRss();
    double load = OpenModel.seconds(opened.load());
    String name = opened.llada().checkpoint().path().toString();
    if (!json) {
      context
          .console()
          .out()
          .printf(
              Locale.ROOT,
              "model    %s%n%s%n%s: load %.2f s, first step %.2f s, %.2f tokens/s, %.2f useful (%d of"
                  + " %d), %d steps, peak memory %s%n",
              name,
              opened.llada().backend().why(),
              setting,
              load,
              firstStep,
              answer.tokensPerSecond(),
              answer.usefulPerSecond(),
              answer.useful(),
              answer.tokens().length,
              answer.figures().steps(),
              rss.isPresent() ? MemoryNeed.text(rss.getAsLong()) : "unknown");
      return;
    }
    JsonLine.write(
        context.console().out(),
        out -> {
          out.writeStringField("bench", "answer");
          out.writeStringField("model", name);
          out.writeStringField("setting", setting);
          out.writeStringField("backend", opened.llada().backend().name());
          out.writeNumberField("threads", opened.llada().backend().threads());
          out.writeNumberField("load_s", load);
          out.writeNumberField("first_step_s", firstStep);
          out.writeNumberField("tokens", answer.tokens().length);
          out.writeNumberField("useful", answer.useful());
          out.writeNumberField("steps", answer.figures().steps());
          out.writeNumberField("tokens_per_second", answer.tokensPerSecond());
          out.writeNumberField("useful_per_second", answer.usefulPerSecond());
          out.writeNumberField("peak_rss_mb", rss.orElse(0) / 1e6);
        });
  }
}
