package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import llada.Golden;
import llada.experiments.Results;
import llada.format.Json;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every format that the core's commands read, damaged by the hundred. */
class HostileInputTest {
  private static final int CASES = 60;

  @TempDir static Path made;
  @TempDir Path folder;

  @BeforeAll
  static void makeValidFiles() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 60; i++) {
      text.append(
          "The %s cat number %d sat on the mat.\n".formatted(i % 3 == 0 ? "red" : "big", i));
    }
    Files.writeString(made.resolve("corpus.txt"), text);
    HostileInput.run(
        ("train --data MADE/corpus.txt -o MADE/run --steps 2 -q --vocab 300 --dim 32 --layers 1"
                + " --heads 2 --ffn 32 --length 32 --batch 2 --backend scalar --threads 1")
            .replace("MADE", made.toString()));
    HostileInput.run(
        ("synth --shape custom --dim 32 --heads 2 --ffn 32 --vocab 300 --layers 1 --type q8_0 -o "
            + made.resolve("model.gguf")));
  }

  @BeforeEach
  void copyModel() throws IOException {
    copy(made.resolve("run/model"), folder.resolve("model"));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path file : all.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else {
          Files.copy(file, target, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }

  private String[] on(String model, String command) {
    List<String> words = new ArrayList<>(List.of(command.split(" ")));
    words.addAll(
        1,
        List.of("-m", folder.resolve(model).toString(), "--backend", "scalar", "--threads", "1"));
    words.replaceAll(word -> word.replace("DIR", folder.toString()));
    return words.toArray(String[]::new);
  }

  private void modelFile(String name, String file, String command) throws Exception {
    HostileInput.file(name, folder.resolve("model").resolve(file), on("model", command))
        .check(CASES);
  }

  @Test
  void config() throws Exception {
    modelFile("config", "config.json", "generate --raw --gen-length 2 --steps 2 cat");
  }

  @Test
  void tokenizer() throws Exception {
    modelFile("tokenizer", "tokenizer.json", "generate --raw --gen-length 2 --steps 2 cat");
  }

  @Test
  void tokenizerConfig() throws Exception {
    modelFile(
        "tokenizer_config",
        "tokenizer_config.json",
        "generate --chat --gen-length 2 --steps 2 cat");
  }

  @Test
  void specialTokens() throws Exception {
    modelFile(
        "special_tokens_map",
        "special_tokens_map.json",
        "generate --chat --gen-length 2 --steps 2 cat");
  }

  @Test
  void safetensors() throws Exception {
    modelFile("safetensors", "model.safetensors", "generate --raw --gen-length 2 --steps 2 cat");
  }

  @Test
  void info() throws Exception {
    Path file = folder.resolve("model/model.safetensors");
    HostileInput.file(
            "safetensors", file, "info", "--tensors", "-m", folder.resolve("model").toString())
        .check(CASES);
  }

  @Test
  void index() throws Exception {
    copy(Golden.resources().resolve("golden/tiny-llada-bf16-sharded"), folder.resolve("sharded"));
    HostileInput.file(
            "index",
            folder.resolve("sharded/model.safetensors.index.json"),
            on("sharded", "generate --raw --gen-length 2 --steps 2 cat"))
        .check(CASES);
  }

  @Test
  void gguf() throws Exception {
    Path file = Files.copy(made.resolve("model.gguf"), folder.resolve("model.gguf"));
    HostileInput.file("gguf", file, on("model.gguf", "generate --raw --gen-length 2 --steps 2 cat"))
        .check(2 * CASES);
  }

  /** A run is taken up again from a checkpoint that was damaged; the rest is whole each time. */
  private void runFile(String name, String file) throws Exception {
    Path run = folder.resolve("run");
    copy(made.resolve("run"), run);
    Path damaged = run.resolve(file);
    HostileInput.read(
            name,
            damaged,
            () -> {
              byte[] bytes = Files.readAllBytes(damaged);
              copy(made.resolve("run"), run);
              Files.write(damaged, bytes);
              return CliRun.of(
                  "train", "--resume", "-o", run.toString(), "-q", "--backend", "scalar");
            })
        .check(CASES);
  }

  @Test
  void trainingState() throws Exception {
    runFile("training", "step-00000002/training.json");
  }

  @Test
  void optimizerState() throws Exception {
    runFile("optimizer", "step-00000002/optimizer.safetensors");
  }

  @Test
  void tokenCache() throws Exception {
    runFile("token_cache", "tokens.cache");
  }

  @Test
  void lossLog() throws Exception {
    runFile("loss", "loss.csv");
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  @Test
  void prompts() throws Exception {
    Path file =
        write(
            "prompts.jsonl",
            """
            {"id": "a", "prompt": "The cat"}
            {"id": 2, "messages": [{"role": "user", "content": "sat"}]}
            """);
    HostileInput.file(
            "prompts",
            file,
            on("model", "generate --chat --input DIR/prompts.jsonl --gen-length 2 -q"))
        .check(CASES);
  }

  @Test
  void texts() throws Exception {
    Path file =
        write(
            "texts.jsonl",
            """
            {"id": "a", "text": "The cat"}
            {"id": 2, "prompt": "The cat", "response": "sat"}
            """);
    HostileInput.file("texts", file, on("model", "score --input DIR/texts.jsonl --mc-num 1 -q"))
        .check(CASES);
  }

  @Test
  void results() throws Exception {
    write(
        "texts.jsonl", "{\"id\": \"a\", \"text\": \"The cat\"}\n{\"id\": 2, \"text\": \"sat\"}\n");
    String[] command =
        on("model", "score --input DIR/texts.jsonl --output DIR/out.jsonl --mc-num 1 -q");
    CliRun.of(command);
    HostileInput.file("results", folder.resolve("out.jsonl"), command).check(CASES);
  }

  @Test
  void questions() throws Exception {
    Path file = folder.resolve("questions.jsonl");
    List<String> kinds =
        List.of(
            "{\"id\": \"a\", \"question\": \"Who?\", \"choices\": [\"cat\", \"mat\"], \"answer\": 0}\n",
            "{\"id\": \"b\", \"question\": {\"stem\": \"Who?\", \"choices\": [{\"text\": \"cat\", \"label\": \"A\"}, {\"text\": \"mat\", \"label\": \"B\"}]}, \"answerKey\": \"A\"}\n",
            "{\"id\": \"c\", \"question\": \"Who?\", \"choices\": {\"text\": [\"cat\", \"mat\"], \"label\": [\"A\", \"B\"]}, \"answerKey\": \"A\"}\n",
            "{\"ctx_a\": \"The\", \"ctx_b\": \"cat\", \"activity_label\": \"x\", \"endings\": [\"sat\", \"ran\"], \"label\": \"1\"}\n",
            "{\"goal\": \"The\", \"sol1\": \"cat\", \"sol2\": \"mat\", \"label\": 1}\n",
            "{\"first\": \"The cat\", \"second\": \"sat\"}\n");
    for (String kind : kinds) {
      Files.writeString(file, kind);
      HostileInput.file(
              "questions",
              file,
              on("model", "eval --mc-num 1 --gen-length 2 --steps 2 -q DIR/questions.jsonl"))
          .check(CASES / 3);
    }
  }

  @Test
  void documents() throws Exception {
    Path file =
        write(
            "data.jsonl",
            "{\"text\": \"The cat sat on the mat, and the mat was big and red, and the cat sat.\"}\n"
                .repeat(8));
    corpus("documents", file, "");
  }

  @Test
  void chats() throws Exception {
    Path file =
        write(
            "chats.jsonl",
            """
            {"prompt": "The cat", "response": "sat"}
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
            """);
    corpus("chats", file, " --sft");
  }

  @Test
  void plainText() throws Exception {
    corpus("text", write("data.txt", "The cat sat on the mat.\n\n".repeat(40)), "");
  }

  private void corpus(String name, Path file, String more) throws Exception {
    Path run = folder.resolve("new");
    String command =
        ("train -m DIR/model --data DATA -o DIR/new --steps 1 --length 96 --batch 1 -q"
                + " --validation 0 --backend scalar --threads 1"
                + more)
            .replace("DATA", file.toString())
            .replace("DIR", folder.toString());
    HostileInput.read(
            name,
            file,
            () -> {
              delete(run);
              return CliRun.of(command.split(" "));
            })
        .check(CASES / 2);
  }

  private static void delete(Path tree) throws IOException {
    if (Files.exists(tree)) {
      try (Stream<Path> files = Files.walk(tree)) {
        for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
  }

  @Test
  void measurements() throws Exception {
    Path file =
        write("results.csv", Results.HEADER + "\na,1,loss,3,0.5\nb,2,right,,1.0\nb,3,right,,NaN\n");
    HostileInput.read("measurements", file, () -> reading(() -> Results.open(file))).check(CASES);
  }

  /** As the command line would tell what a reader throws. */
  private static CliRun reading(Runnable reader) {
    try {
      reader.run();
      return new CliRun(0, "", "");
    } catch (RuntimeException e) {
      ErrorReport report = ErrorReport.of(e);
      return new CliRun(report.exitCode(), "", "llada: " + Console.line(report.message()) + "\n");
    }
  }

  @Test
  void promptFile() throws Exception {
    Path file = write("prompt.txt", "The cat sat\n");
    HostileInput.file(
            "prompt",
            file,
            on("model", "generate --raw --gen-length 2 --steps 2 --prompt-file DIR/prompt.txt"))
        .check(CASES);
  }

  /** What is wrong with a request is its answer. */
  @Test
  void requests() throws Exception {
    String valid =
        """
        {"id": 1, "method": "loglikelihood", "context": "The", "continuation": " cat"}
        {"id": "g", "method": "generate_until", "context": "The", "until": ["x"], "max_gen_toks": 2}
        {"id": 4, "method": "loglikelihood_rolling", "text": "cat"}
        {"id": 5, "method": "info"}
        {"id": 6, "method": "apply_chat_template", "messages": [{"role": "user", "content": "Hi"}]}
        """;
    Consumer<String> answer =
        line -> {
          Json json = Json.parse(line.getBytes(StandardCharsets.UTF_8), "answer");
          assertThat(json.get("result").isNull()).isNotEqualTo(json.get("error").isNull());
          assertThat(json.get("error").or("").string()).hasSizeLessThanOrEqualTo(1_000);
        };
    HostileInput.input(
            "requests",
            valid,
            bytes -> {
              CliRun run =
                  CliRun.withInput(bytes, on("model", "serve-eval --mc-num 1 --gen-length 2"));
              run.out().lines().forEach(answer);
              return run;
            })
        .check(CASES);
  }
}
