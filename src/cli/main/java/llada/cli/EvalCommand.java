package llada.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import llada.api.Llada;
import llada.api.RequestException;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.SamplerOptions;
import llada.evaluation.ChoiceByLikelihood;
import llada.evaluation.Couplet;
import llada.evaluation.EvalPlan;
import llada.evaluation.ItemLoop;
import llada.evaluation.ItemTask;
import llada.evaluation.MultipleChoice;
import llada.evaluation.Preset;
import llada.evaluation.Proportion;
import llada.evaluation.QuestionsByGeneration;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLine;
import llada.format.JsonLines;
import llada.train.Processes;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Accuracy on a file of questions. */
@Command(
    name = "eval",
    description = {
      "Measure accuracy on multiple choice, or on couplets in both directions.",
      "",
      "FILE holds JSON lines in the form of ARC, HellaSwag or PIQA, or objects with \"question\",",
      "\"choices\" (a list of texts) and \"answer\" (a letter, or a number from 0); or couplets,",
      "objects with \"first\" and \"second\", as lines or as an array in a .json file. Choices are",
      "compared by likelihood (--by ppl) or a letter is generated and read (--by gen). Couplets:",
      "the next line is asked for (forward) and the previous one (reversal).",
      "Accuracies come with the 95 %% interval of Wilson."
    },
    footer = {
      "  llada eval arc-c.jsonl --output results.jsonl",
      "  llada eval hellaswag.jsonl --by gen -m LLaDA-8B-Instruct --batch-size 8",
      "  llada eval poem_data.json -m LLaDA-8B-Instruct --output poems.jsonl --json",
      "  llada eval mmlu.jsonl --preset base-mmlu --limit 500",
      "  llada eval --demo",
      "  llada eval --presets"
    })
final class EvalCommand implements Callable<Integer> {
  private final CommandContext context;
  @Spec private CommandSpec spec;

  @Parameters(arity = "0..1", paramLabel = "FILE", description = "The questions.")
  private Path file;

  @Option(
      names = "--style",
      paramLabel = "STYLE",
      description =
          "arc, hellaswag, piqa, choice or couplets. Default: what the first object looks like.")
  private String style;

  @Option(
      names = "--by",
      paramLabel = "HOW",
      description = "ppl or gen. Default: what the preset is for, else ppl.")
  private String by;

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description =
          "Published settings; --presets lists them. Default: those of the style. Options of the"
              + " sampler and the likelihood change single ones.")
  private String presetName;

  @Option(names = "--presets", description = "List the presets and what they set.")
  private boolean listPresets;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description =
          "Where the results go, a JSON line for each item as soon as it is there. Started again,"
              + " the command goes on: what is answered is passed over.")
  private Path output;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Only the first N objects of the file.")
  private Integer limit;

  @Option(
      names = "--batch-size",
      paramLabel = "N",
      defaultValue = "1",
      description = "Answers generated together. Default: ${DEFAULT-VALUE}.")
  private int batchSize;

  @Option(
      names = "--truncate",
      description = "By likelihood: leave out the beginning of questions that are too long.")
  private boolean truncate;

  @Option(
      names = "--raw",
      description = "Do not frame questions by the chat template even if the model has one.")
  private boolean raw;

  @Option(
      names = "--demo",
      description =
          "Instead of a file: what the model that comes with LLaDA.java can, by subject, on"
              + " questions that it was not trained on. --limit is for each subject; --output takes"
              + " all answers.")
  private boolean demo;

  @Option(
      names = "--twin",
      paramLabel = "DIR",
      description =
          "--demo: examine this twin, too, which writes from left to right, and the model in other"
              + " orders of unmasking.")
  private Path twin;

  @Option(names = "--json", description = "Write the summary as one JSON object.")
  private boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "Leave out progress.")
  private boolean quiet;

  @Mixin private LikelihoodFlags likelihood;
  @Mixin private ModelOptions model;
  @Mixin private SamplerFlags sampler;
  @Mixin private BackendOptions computation;

  EvalCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    Console console = context.console();
    if (listPresets) {
      for (Preset preset : Preset.values()) {
        console.out().printf("%-22s%s%n", preset, settings(preset));
      }
      return ExitCodes.OK;
    }
    if (demo) {
      return demo(console);
    }
    if (file == null) {
      throw new UsageException("FILE is missing: give the questions, as JSON lines");
    }
    if (batchSize < 1 || limit != null && limit < 1) {
      throw new UsageException("--batch-size and --limit must be at least 1");
    }
    List<Json> objects = JsonLines.read(file);
    if (objects.isEmpty()) {
      throw new FormatException(file + ": holds no question");
    }
    objects =
        objects.subList(0, Math.min(objects.size(), limit == null ? Integer.MAX_VALUE : limit));
    EvalPlan plan = plan(objects.getFirst());
    List<Json> chosen = objects;
    return Together.run(
        processes -> {
          try (OpenModel opened = OpenModel.open(model, computation)) {
            run(plan, chosen, opened.llada(), processes);
          }
        });
  }

  private int demo(Console console) {
    if (file != null) {
      throw new UsageException("--demo brings its own questions: leave FILE out");
    }
    try (OpenModel opened = OpenModel.open(model, computation)) {
      new DemoEval(console, limit == null ? 100 : limit).run(opened.llada(), twin, output);
    }
    return ExitCodes.OK;
  }

  private EvalPlan plan(Json first) {
    try {
      return EvalPlan.of(
          first,
          Optional.ofNullable(style),
          Optional.ofNullable(by),
          Optional.ofNullable(presetName));
    } catch (RequestException e) {
      throw new UsageException(
          e.getMessage()
              .replaceAll("^(style|by|preset) ", "--$1 ")
              .replaceAll("(?<= is for |: )(gen|ppl)\\b", "--by $1"));
    }
  }

  /** What a preset sets, as options. */
  private static String settings(Preset preset) {
    if (preset.byLikelihood()) {
      return "ppl  --mc-num %d --cfg-scale %s"
          .formatted(preset.likelihood().mcNum(), preset.likelihood().cfgScale());
    }
    SamplerOptions options = preset.sampler();
    return "gen  --gen-length %d --steps %d --block-length %d%s%s"
        .formatted(
            options.genLength(),
            options.steps(),
            options.blockLength(),
            options.logitsEosInf() ? " --logits-eos-inf" : "",
            options.confidenceEosEotInf() ? " --confidence-eos-eot-inf" : "");
  }

  private void run(EvalPlan plan, List<Json> objects, Llada llada, Processes processes) {
    long seed = sampler.seed(1); // not drawn: the command can be taken up again
    ItemTask task;
    Object settings;
    JsonLine.Members options;
    if (plan.byLikelihood()) {
      LikelihoodOptions preset = plan.preset().likelihood();
      double cfg = given("--cfg-scale") ? sampler.cfgScale() : preset.cfgScale();
      LikelihoodOptions chosen = likelihood.over(preset, cfg);
      task =
          FormatException.naming(
              file,
              () ->
                  new ChoiceByLikelihood(
                      llada, choices(objects, plan.style()), chosen, seed, truncate));
      settings = chosen;
      options = out -> LikelihoodFlags.write(out, chosen);
    } else {
      SamplerOptions chosen = sampler.over(plan.preset().sampler(), this::given);
      boolean framed = !raw && llada.hasChatTemplate();
      task =
          FormatException.naming(
              file,
              () ->
                  new QuestionsByGeneration(
                      llada, questions(objects, plan.style()), framed, chosen, seed));
      settings = List.of(chosen, framed);
      options =
          out -> {
            GenerationJson.options(out, chosen);
            out.writeBooleanField("chat", framed);
          };
    }
    String fingerprint =
        llada.fingerprint("eval", plan.style(), plan.byLikelihood(), settings, seed, truncate);
    ItemLoop.requireDifferentIds(task, file);
    Map<String, Proportion> shares =
        new ItemProgress(context.console(), quiet, false, processes)
            .run(task, output, fingerprint, plan.byLikelihood() ? 1 : batchSize);
    if (processes.first()) {
      summary(plan, shares, options, context.console());
    }
  }

  private boolean given(String option) {
    return spec.commandLine().getParseResult().hasMatchedOption(option);
  }

  private static List<MultipleChoice> choices(List<Json> objects, String kind) {
    List<MultipleChoice> choices = new ArrayList<>();
    for (Json object : objects) {
      choices.add(
          MultipleChoice.read(object, EvalPlan.styleOf(kind), String.valueOf(choices.size() + 1)));
    }
    return choices;
  }

  private static List<QuestionsByGeneration.Question> questions(List<Json> objects, String kind) {
    return kind.equals("couplets")
        ? Couplet.read(objects).stream().map(QuestionsByGeneration.Question::of).toList()
        : choices(objects, kind).stream().map(QuestionsByGeneration.Question::of).toList();
  }

  private void summary(
      EvalPlan plan, Map<String, Proportion> shares, JsonLine.Members options, Console console) {
    if (!json) {
      shares.forEach((name, share) -> console.out().println(line(name, share)));
      return;
    }
    JsonLine.write(
        console.out(),
        out -> {
          out.writeStringField("file", file.toString());
          out.writeStringField("style", plan.style());
          out.writeStringField("by", plan.byLikelihood() ? "ppl" : "gen");
          out.writeStringField("preset", plan.preset().toString());
          out.writeObjectFieldStart("options");
          options.write(out);
          out.writeEndObject();
          for (Map.Entry<String, Proportion> one : shares.entrySet()) {
            Proportion share = one.getValue();
            out.writeObjectFieldStart(one.getKey());
            out.writeNumberField("value", share.value());
            out.writeNumberField("low", share.low());
            out.writeNumberField("high", share.high());
            out.writeNumberField("right", share.successes());
            out.writeNumberField("items", share.trials());
            out.writeEndObject();
          }
        });
  }

  private static String line(String name, Proportion share) {
    return String.format(
        Locale.ROOT,
        "%-14s %5.1f %%  (95 %%: %.1f to %.1f)  %d of %d",
        name,
        100 * share.value(),
        100 * share.low(),
        100 * share.high(),
        share.successes(),
        share.trials());
  }
}
