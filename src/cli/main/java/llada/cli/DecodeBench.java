package llada.cli;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.format.JsonLine;
import llada.plot.Chart;
import llada.plot.Series;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tokenizer.ChatTemplate;
import llada.train.demo.DemoCorpus;
import llada.train.DemoRecipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** What the decoders cost, and what that costs in quality. */
@Command(
    name = "decode",
    description = {
      "Answer the same questions by every decoder, and compare quality with cost.",
      "",
      "The questions are those that the training of the model that comes with LLaDA.java never",
      "saw. Columns: answers that are right; tokens equal to the exact sampler's; forward passes",
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
  @ParentCommand private BenchCommand parent;

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

  /** A prompt, and how its answer is judged; null when it is not. */
  private record Asked(int[] prompt, DemoCorpus.HeldOut question) {}

  @Override
  public Integer call() {
    if (questions < 1 || randomPrompt != null && randomPrompt < 1) {
      throw new UsageException("--questions and --random-prompt must be at least 1");
    }
    if (!Files.isDirectory(out.toAbsolutePath())) {
      throw new UsageException("--out %s is no folder: make it first".formatted(out));
    }
    List<DecodeSetting> all =
        DecodeSetting.parseAll(settings.isEmpty() ? DecodeSetting.all(genLength) : settings);
    all.forEach(setting -> setting.options(genLength, blockLength)); // complain before measuring
    Console console = parent.root().console();
    List<DecodeResult> results = new ArrayList<>();
    try (OpenModel opened = OpenModel.open(model, computation)) {
      Llada llada = opened.llada();
      List<Asked> asked = randomPrompt == null ? heldOut(llada) : random(llada);
      boolean judged = randomPrompt == null;
      String name = llada.checkpoint().path().toString();
      if (!json) {
        console.out().printf("model    %s%n%s%n", name, llada.backend().why());
        console
            .out()
            .printf(
                "%d prompts, answers of %d tokens, blocks of %d%n%n",
                asked.size(), genLength, blockLength);
        console.out().printf(DecodeResult.ROW, DecodeResult.titles());
      }
      int[][] exact = new int[asked.size()][];
      for (DecodeSetting setting : all) {
        DecodeResult result = measure(llada, setting, asked, exact);
        results.add(result);
        if (json) {
          JsonLine.write(
              console.out(), line -> result.write(line, results.getFirst(), name, judged));
        } else {
          console.out().printf(DecodeResult.ROW, result.cells(results.getFirst(), judged));
        }
        console.flush();
      }
      write("decode.csv", DecodeResult.csv(results));
      chart(results, judged).writeSvg(out.resolve("decode.svg").toAbsolutePath());
    }
    return ExitCodes.OK;
  }

  /** The held-out questions, framed as turns of a chat if the model has a template. */
  private List<Asked> heldOut(Llada llada) {
    List<Asked> asked = new ArrayList<>();
    for (DemoCorpus.HeldOut question : DemoRecipe.corpus(1).heldOut(questions)) {
      List<ChatTemplate.Message> turn =
          List.of(new ChatTemplate.Message("user", question.question()));
      int[] prompt;
      try {
        prompt = llada.checkpoint().chatTemplate().encode(llada.tokenizer(), turn);
      } catch (FormatException _) { // a model that only continues text
        prompt = llada.tokenizer().encode(question.question());
      }
      asked.add(new Asked(prompt, question));
    }
    return asked;
  }

  private List<Asked> random(Llada llada) {
    SplittableRandom random = RandomStreams.of(0, Purpose.BENCHMARK);
    int[] prompt =
        random
            .ints(randomPrompt, 0, llada.config().vocabSize())
            .map(id -> id == llada.config().maskTokenId() ? 0 : id)
            .toArray();
    return List.of(new Asked(prompt, null));
  }

  /**
   * Answers all questions.
   *
   * @param exact answers to compare with; filled by the first setting
   */
  private DecodeResult measure(
      Llada llada, DecodeSetting setting, List<Asked> asked, int[][] exact) {
    if (asked.size() > 1) { // code is compiled when it has run
      answer(llada, setting, asked.getFirst());
    }
    int right = 0;
    int sameTexts = 0;
    long sameTokens = 0;
    long exactTokens = 0;
    long steps = 0;
    long passes = 0;
    long positions = 0;
    long tokens = 0;
    long useful = 0;
    long nanos = 0;
    for (int i = 0; i < exact.length; i++) {
      Answer answer = answer(llada, setting, asked.get(i));
      Answer.Figures made = answer.figures();
      if (exact[i] == null) {
        exact[i] = answer.tokens();
      }
      int end = end(exact[i], llada);
      int[] mine = Arrays.copyOf(answer.tokens(), genLength);
      for (int t = 0; t < end; t++) {
        sameTokens += mine[t] == exact[i][t] ? 1 : 0;
      }
      exactTokens += end;
      sameTexts +=
          Arrays.equals(mine, 0, answer.useful(), exact[i], 0, usefulOf(exact[i], llada)) ? 1 : 0;
      DemoCorpus.HeldOut question = asked.get(i).question();
      right += question != null && question.accepts(answer.text()) ? 1 : 0;
      steps += made.steps();
      passes += made.forwardPasses();
      positions += made.positions();
      tokens += answer.tokens().length;
      useful += answer.useful();
      nanos += made.nanos();
    }
    return new DecodeResult(
        setting.name(),
        exact.length,
        right,
        sameTexts,
        sameTokens,
        exactTokens,
        steps,
        passes,
        positions,
        tokens,
        useful,
        nanos);
  }

  private Answer answer(Llada llada, DecodeSetting setting, Asked asked) {
    return llada.generate(
        Request.of(asked.prompt()).options(setting.options(genLength, blockLength)));
  }

  private static int usefulOf(int[] ids, Llada llada) {
    int useful = 0;
    while (useful < ids.length && !llada.config().ends(ids[useful])) {
      useful++;
    }
    return useful;
  }

  /** Tokens of an answer, its end token included. */
  private static int end(int[] ids, Llada llada) {
    return Math.min(ids.length, usefulOf(ids, llada) + 1);
  }

  private void write(String name, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(out.resolve(name).toAbsolutePath(), bytes);
  }

  /** Quality against cost: positions computed per answer, to a logarithmic scale. */
  private static Chart chart(List<DecodeResult> results, boolean judged) {
    List<Series> series = new ArrayList<>();
    for (DecodeResult result : results) {
      double x = (double) result.positions() / result.questions();
      double y = judged ? result.accuracy() : result.agreement();
      series.add(new Series(result.setting(), List.of(new Series.Point(x, y)), Series.Style.NAMED));
    }
    return Chart.lines(
            "",
            "positions computed per answer",
            judged ? "right answers, %" : "tokens of the exact sampler, %",
            true,
            series)
        .upTo(105);
  }
}
