package llada.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import llada.api.Llada;
import llada.api.Setup;
import llada.backend.BackendException;
import llada.bench.ModelCheck;
import llada.checkpoint.Checkpoint;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.format.JsonLine;
import llada.format.Sha256;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** One report on a model that somebody owns, to share with those who have no such weights. */
@Command(
    name = "check-model",
    description = {
      "Check a model of your own and write one report file to share.",
      "",
      "It holds names, sizes and SHA-256 of the files, the configuration, what the tokenizer does",
      "with fixed texts, digests of logits by every backend, answers to a few questions, and speed.",
      "The logits of two backends differ in the last digits; the tokens they find largest are to be",
      "the same but for near ties."
    },
    footer = {
      "  llada check-model LLaDA2.1-mini -o report.json",
      "  llada check-model llada-8b-instruct-q4_k_m.gguf --backends machine,vector"
    })
final class CheckModelCommand implements Callable<Integer> {
  private final CommandContext context;

  @Parameters(
      converter = ModelPath.class,
      paramLabel = "DIR|FILE",
      description = "A Hugging Face folder or a GGUF file.")
  private Path path;

  @Mixin private AdapterOption adapter;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      defaultValue = "check-model.json",
      description = "Where the report goes. Default: ${DEFAULT-VALUE}.")
  private Path output;

  @Option(
      names = "--backends",
      paramLabel = "NAMES",
      split = ",",
      defaultValue = "auto,vector",
      description = "Whose logits are compared; the first answers. Default: ${DEFAULT-VALUE}.")
  private List<String> backends;

  @Option(
      names = "--no-hash",
      description = "Leave the SHA-256 of the files out: it reads them whole.")
  private boolean noHash;

  CheckModelCommand(CommandContext context) {
    this.context = context;
  }

  @Override
  public Integer call() {
    Map<String, List<ModelCheck.Logits>> logits = new LinkedHashMap<>();
    List<ModelCheck.Asked> asked = List.of();
    List<ModelCheck.Encoded> encoded = List.of();
    Map<String, Object> model = new LinkedHashMap<>();
    for (String name : backends) {
      try (Llada llada = Llada.open(path, adapter.adapter(), Setup.DEFAULT.backend(name)::start)) {
        say("%s: logits of fixed prompts", llada.backend().why());
        if (logits.isEmpty()) {
          Checkpoint checkpoint = llada.checkpoint();
          model.put("format", checkpoint.format());
          model.putAll(InfoCommand.numbers(checkpoint.config()));
          encoded = ModelCheck.tokenizer(llada.tokenizer());
          say("a few questions");
          asked = ModelCheck.questions(llada);
        }
        logits.putIfAbsent(llada.backend().name(), ModelCheck.logits(llada));
      } catch (BackendException e) {
        if (logits.isEmpty()) {
          throw e; // the first must run
        }
        say("left out: %s", e.getMessage());
      }
    }
    List<Path> files = new ArrayList<>(files(path));
    adapter.adapter().ifPresent(folder -> files.addAll(files(folder)));
    say("%d files%s", files.size(), noHash ? "" : ", SHA-256");
    write(model, files, encoded, logits, asked);
    boolean good = summary(encoded, logits, asked);
    return good ? ExitCodes.OK : ExitCodes.BAD_FILE;
  }

  private void say(String text, Object... values) {
    context.console().message(text.formatted(values));
  }

  private static List<Path> files(Path path) {
    if (!Files.isDirectory(path)) {
      return List.of(path);
    }
    try (Stream<Path> list = Files.list(path)) {
      return list.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw new FormatException(path + ": cannot be listed: " + e.getMessage(), e);
    }
  }

  /** What is for people, and whether nothing was found wrong. */
  private boolean summary(
      List<ModelCheck.Encoded> encoded,
      Map<String, List<ModelCheck.Logits>> logits,
      List<ModelCheck.Asked> asked) {
    List<String> wrong = new ArrayList<>();
    encoded.stream()
        .filter(text -> !text.same())
        .forEach(text -> wrong.add("the tokenizer does not give back: " + text.text().strip()));
    List<ModelCheck.Logits> first = logits.values().iterator().next();
    logits.forEach(
        (backend, list) -> {
          for (int i = 0; i < list.size(); i++) {
            if (!list.get(i).finite()) {
              wrong.add("%s: logits of prompt %d are not all numbers".formatted(backend, i + 1));
            }
            if (list.get(i).best()[0] != first.get(i).best()[0]) {
              wrong.add(
                  "%s: the likeliest token after prompt %d is %d, by the first backend %d"
                      .formatted(backend, i + 1, list.get(i).best()[0], first.get(i).best()[0]));
            }
          }
        });
    for (ModelCheck.Asked question : asked) {
      context
          .console()
          .out()
          .printf(
              Locale.ROOT,
              "%s%n  %s%n  %.1f tokens/s, %d passes%n",
              question.question(),
              question.text().strip(),
              question.tokens() / question.figures().seconds(),
              question.figures().forwardPasses());
    }
    wrong.forEach(line -> context.console().out().println("LOOK AT THIS: " + line));
    context.console().out().println("report: " + output);
    return wrong.isEmpty();
  }

  private void write(
      Map<String, Object> model,
      List<Path> files,
      List<ModelCheck.Encoded> encoded,
      Map<String, List<ModelCheck.Logits>> logits,
      List<ModelCheck.Asked> asked) {
    String report =
        JsonLine.of(
            json -> {
              json.writeStringField("program", CommandContext.VERSION);
              json.writeStringField(
                  "java", System.getProperty("java.vendor") + " " + Runtime.version());
              json.writeStringField(
                  "system", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
              json.writeNumberField("threads", Setup.DEFAULT.threads());
              json.writeObjectFieldStart("model");
              for (Map.Entry<String, Object> row : model.entrySet()) {
                json.writeObjectField(row.getKey(), row.getValue());
              }
              json.writeEndObject();
              json.writeArrayFieldStart("files");
              for (Path file : files) {
                writeFile(json, file);
              }
              json.writeEndArray();
              json.writeArrayFieldStart("tokenizer");
              for (ModelCheck.Encoded text : encoded) {
                json.writeStartObject();
                json.writeStringField("text", text.text());
                json.writeNumberField("ids", text.ids());
                json.writeStringField("digest", text.digest());
                json.writeBooleanField("same", text.same());
                json.writeEndObject();
              }
              json.writeEndArray();
              json.writeObjectFieldStart("logits");
              for (Map.Entry<String, List<ModelCheck.Logits>> entry : logits.entrySet()) {
                json.writeArrayFieldStart(entry.getKey());
                for (ModelCheck.Logits of : entry.getValue()) {
                  writeLogits(json, of);
                }
                json.writeEndArray();
              }
              json.writeEndObject();
              json.writeArrayFieldStart("answers");
              for (ModelCheck.Asked question : asked) {
                writeAsked(json, question);
              }
              json.writeEndArray();
            });
    AtomicFile.write(output, (report + "\n").getBytes(StandardCharsets.UTF_8));
  }

  private void writeFile(JsonGenerator json, Path file) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", file.getFileName().toString());
    json.writeNumberField("bytes", Files.size(file));
    if (!noHash) {
      json.writeStringField("sha256", Sha256.of(file));
    }
    json.writeEndObject();
  }

  private static void writeLogits(JsonGenerator json, ModelCheck.Logits of) throws IOException {
    json.writeStartObject();
    json.writeStringField("prompt", of.prompt());
    JsonLine.ids(json, "best", of.best());
    json.writeArrayFieldStart("largest");
    for (float value : of.largest()) {
      json.writeNumber(value);
    }
    json.writeEndArray();
    json.writeStringField("digest", of.digest());
    json.writeBooleanField("finite", of.finite());
    json.writeEndObject();
  }

  private static void writeAsked(JsonGenerator json, ModelCheck.Asked of) throws IOException {
    json.writeStartObject();
    json.writeStringField("question", of.question());
    json.writeStringField("text", of.text());
    json.writeNumberField("tokens", of.tokens());
    json.writeNumberField("passes", of.figures().forwardPasses());
    json.writeNumberField("positions", of.figures().positions());
    json.writeNumberField("seconds", of.figures().seconds());
    json.writeEndObject();
  }
}
