package llada.cli;

import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import llada.diffusion.LikelihoodOptions;
import llada.diffusion.SamplerOptions;
import llada.evaluation.EvalRequests;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.JsonLine;
import llada.format.LineReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Answers the requests of an evaluation harness, a JSON line each. */
@Command(
    name = "serve-eval",
    description = {
      "Answer an evaluation harness through a pipe.",
      "Requests come on standard input, answers go to standard output, a JSON object on a line",
      "each, in the same order.",
      "",
      "  {\"id\": 1, \"method\": \"loglikelihood\", \"context\": \"2 + 2 =\", \"continuation\": \""
          + " 4\"}",
      "  {\"id\": 1, \"result\": {\"log_likelihood\": -1.2, \"is_greedy\": true, ...}}",
      "",
      "Methods: info; loglikelihood (context, continuation); loglikelihood_rolling (text);",
      "generate_until (context, until, max_gen_toks); apply_chat_template (messages,",
      "add_generation_prompt). Of a context that is too long the beginning is left out, and the"
          + " answer",
      "says so. What is wrong with a request is its answer, {\"id\", \"error\"}; the process goes"
          + " on until",
      "its input ends.",
      "src/cli/main/python/llada_lm_eval.py is the other side for lm-evaluation-harness."
    },
    footer = {
      "  llada serve-eval -m LLaDA-8B-Base --mc-num 128 --cfg-scale 0.5",
      "  echo '{\"method\": \"info\"}' | llada serve-eval"
    })
final class ServeEvalCommand implements Callable<Integer> {
  private final CommandContext context;
  @Spec private CommandSpec spec;

  @Option(
      names = "--check-greedy",
      description =
          "Find out whether a continuation is what greedy decoding would write (is_check_greedy): a"
              + " pass for every token. Only some tasks, such as LAMBADA, ask for it.")
  private boolean checkGreedy;

  @Mixin private LikelihoodFlags likelihood;
  @Mixin private ModelOptions model;
  @Mixin private SamplerFlags sampler;
  @Mixin private BackendOptions computation;

  ServeEvalCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    Console console = context.console();
    boolean guided = spec.commandLine().getParseResult().hasMatchedOption("--cfg-scale");
    LikelihoodOptions likelihoods =
        likelihood.over(LikelihoodOptions.DEFAULT, guided ? sampler.cfgScale() : 0);
    SamplerOptions options = sampler.forGenerate(false);
    try (OpenModel opened = OpenModel.open(model, computation);
        Reader text = new InputStreamReader(console.in(), StandardCharsets.UTF_8)) {
      LineReader in = new LineReader(text, "standard input");
      EvalRequests requests =
          new EvalRequests(opened.llada(), likelihoods, options, sampler.seed(1), checkGreedy);
      int line = 0;
      for (String next = in.next(); next != null; next = in.next()) {
        line++;
        if (!next.isBlank()) {
          console.out().println(answer(requests, next, "request " + line));
          console.flush();
        }
      }
      return ExitCodes.OK;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String answer(EvalRequests requests, String line, String where) {
    Json id = new Json(null, where);
    try {
      Json request = Json.parse(line.getBytes(StandardCharsets.UTF_8), where);
      id = request.get("id");
      return reply(id, json -> requests.answer(request, json));
    } catch (FormatException | UsageException | IllegalArgumentException e) {
      return reply(id, json -> json.writeStringField("error", Console.line(e.getMessage())));
    }
  }

  private static String reply(Json id, JsonLine.Members members) {
    return JsonLine.of(
        json -> {
          switch (id.value()) {
            case Long number -> json.writeNumberField("id", number);
            case String text -> json.writeStringField("id", text);
            case null, default -> json.writeNullField("id");
          }
          members.write(json);
        });
  }
}
