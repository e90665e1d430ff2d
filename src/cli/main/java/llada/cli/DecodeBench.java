package llada.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import llada.api.Llada;
import llada.bench.DecodeResult;
import llada.bench.DecodeSetting;
import llada.bench.DecoderComparison;
import llada.format.AtomicFile;
import llada.format.JsonLine;
import llada.train.DemoRecipe;
import llada.train.demo.Examination;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What the decoders cost, and what that costs in quality. */
@Command(
    name = "decode",
    description = {
      "Answer the same questions by every decoder, and compare quality with cost.",
      "",
      "The questions are those of eval --demo, which the training of train --recipe demo never",
      "sees. Columns: answers that are right; tokens equal to the exact sampler's; forward passes",
      "and positions computed per answer, and how many times fewer; tokens per second, and those",
      "before the end of the answer; time per answer, and how many times faster. The first setting",
      "is what the others are compared with."
    },
    footer = {
      "  llada bench decode -o results",
      "  llada bench decode --setting exact --setting dual+threshold=0.8+eos --questions 20",
      "  llada bench decode -m llada-4.gguf --random-prompt 128 --gen-length 128 --setting exact"
          + " \\",
      "      --setting dual+steps=32"
    })
final class DecodeBench implements Callable<Integer> {
  private final CommandContext context;

  @Option(
      names = "--questions",
      paramLabel = "N",
      defaultValue = "5",
      description = "Of each kind, at most. Default: ${DEFAULT-VALUE}.")
  private int questions;

  @Option(
      names = "--setting",
      paramLabel = "PARTS",
      description = {
        "A way to decode, may be given several times: parts joined by a plus, as in"
            + " dual+threshold=0.9+eos. Parts are what --cache and --commit of generate take, and"
            + " exact, eos, prophet, daedal, bf16, q8_0, steps=N and block=N.",
        "Default: about thirty of them."
      })
  private List<String> settings = List.of();

  @Option(
      names = "--gen-length",
      paramLabel = "N",
      defaultValue = "128",
      description = "Tokens of an answer. Default: ${DEFAULT-VALUE}.")
  private int genLength;

  @Option(
      names = "--block-length",
      paramLabel = "N",
      defaultValue = "32",
      description = "Tokens of a block. Default: ${DEFAULT-VALUE}.")
  private int blockLength;

  @Option(
      names = "--random-prompt",
      paramLabel = "N",
      description =
          "Instead of questions, one prompt of N random tokens: for models that answer nothing,"
              + " such as those of synth.")
  private Integer randomPrompt;

  @Option(
      names = {"-o", "--out"},
      paramLabel = "FOLDER",
      description = "Write decode.csv and decode.svg there. Default: the current folder.")
  private Path out = Path.of("");

  @Option(names = "--json", description = "Write one JSON object for each setting, not a table.")
  private boolean json;

  @Mixin private ModelOptions model;
  @Mixin private BackendOptions computation;

  DecodeBench(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    if (questions < 1 || randomPrompt != null && randomPrompt < 1) {
      throw new UsageException("--questions and --random-prompt must be at least 1");
    }
    if (!Files.isDirectory(out.toAbsolutePath())) {
      throw new UsageException("--out %s is no folder: make it first".formatted(out));
    }
    Console console = context.console();
    DecoderComparison.Settings compared = compared(); // complains before a model is opened
    try (OpenModel opened = OpenModel.open(model, computation)) {
      Llada llada = opened.llada();
      boolean judged = randomPrompt == null;
      DecoderComparison comparison =
          judged
              ? DecoderComparison.onQuestions(llada, compared, questions())
              : DecoderComparison.onRandomPrompt(llada, compared, randomPrompt);
      String name = llada.checkpoint().path().toString();
      if (!json) {
        console.out().printf("model    %s%n%s%n", name, llada.backend().why());
        console
            .out()
            .printf(
                "%d prompts, answers of %d tokens, blocks of %d%n%n",
                comparison.prompts(), genLength, blockLength);
        console.out().printf(DecodeResult.ROW, DecodeResult.titles());
      }
      List<DecodeResult> results =
          comparison.run(
              (result, first) -> {
                if (json) {
                  JsonLine.write(console.out(), line -> result.write(line, first, name, judged));
                } else {
                  console.out().printf(DecodeResult.ROW, result.cells(first, judged));
                }
                console.flush();
              });
      write("decode.csv", DecodeResult.csv(results));
      DecoderComparison.chart(results, judged).writeSvg(out.resolve("decode.svg").toAbsolutePath());
    }
    return ExitCodes.OK;
  }

  /** Some of each group, but for those whose earlier turns the model itself must answer. */
  private List<Examination.Item> questions() {
    return Examination.items(DemoRecipe.lessons(1), questions).values().stream()
        .flatMap(List::stream)
        .filter(item -> item.asked().size() == 1)
        .toList();
  }

  private DecoderComparison.Settings compared() {
    List<String> texts = settings.isEmpty() ? DecodeSetting.all(genLength) : settings;
    try {
      return new DecoderComparison.Settings(
          texts.stream().map(DecodeSetting::parse).toList(), genLength, blockLength);
    } catch (IllegalArgumentException e) {
      throw new UsageException(e.getMessage());
    }
  }

  private void write(String name, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(out.resolve(name).toAbsolutePath(), bytes);
  }
}
