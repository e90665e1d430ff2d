package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import llada.Golden;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What README and the pages show is so: commands run, as they stand or in a small form that {@code
 * documents.txt} gives, and print what stands below them; Java blocks are part of a source that is
 * compiled; links lead somewhere. It stands in this module since the command line has all its
 * commands only here.
 */
final class DocumentsTest {
  private static final Path TOP = Golden.repository();
  private static final Pattern FENCED = Pattern.compile("(?ms)^```(\\w*)\\n(.*?)^```$");
  private static final Pattern COMMAND = Pattern.compile("(?m)^ *\\./llada (.*)$");
  private static final Pattern COMMENT = Pattern.compile(" +# .*$");
  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");
  private static final Pattern LINK = Pattern.compile("]\\(([^)#]+)(?:#[^)]*)?\\)");
  private static final Pattern TEST = Pattern.compile("[A-Z]\\w*Test");
  private static final String SMALL = " => ";
  private static final String NOT_RUN = " =! ";

  /** Names of files in commands; each lies in a folder of the test. */
  private static final Pattern FILE =
      Pattern.compile(
          "[\\w.-]+\\.(txt|jsonl|json|gguf|svg)|LLaDA-again|(chat-)?run(/model)?|(tuned|pirate)(/adapter)?|tokenizer");

  @TempDir Path folder;

  private static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>(List.of(TOP.resolve("README.md")));
    try (Stream<Path> docs = Files.walk(TOP.resolve("src/docs"))) {
      docs.filter(page -> page.toString().endsWith(".md")).sorted().forEach(pages::add);
    }
    return pages;
  }

  @Test
  void linksLeadSomewhere() throws IOException {
    List<String> broken = new ArrayList<>();
    for (Path page : pages()) {
      for (Matcher link = LINK.matcher(Files.readString(page)); link.find(); ) {
        if (!link.group(1).startsWith("http")
            && Files.notExists(page.resolveSibling(link.group(1)))) {
          broken.add(page + ": " + link.group(1));
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  @Test
  void javaBlocksAreCompiled() throws IOException {
    StringBuilder sources = new StringBuilder();
    try (Stream<Path> files = Files.walk(TOP.resolve("src/examples/main"))) {
      for (Path file : files.filter(file -> file.toString().endsWith(".java")).toList()) {
        sources.append(Files.readString(file)).append('\n');
      }
    }
    int blocks = 0;
    for (Path page : pages()) {
      for (Matcher fence = FENCED.matcher(Files.readString(page)); fence.find(); ) {
        if (fence.group(1).equals("java")) {
          blocks++;
          String code = fence.group(2).replaceAll(" // .*", "");
          assertThat(words(sources.toString().replaceAll(" // .*", "")))
              .as("%s: %s", page, code)
              .contains(words(code));
        }
      }
    }
    assertThat(blocks).isPositive();
  }

  @Test
  void commandsRunAndPrintWhatIsShown() throws IOException {
    Map<String, String> forms = forms();
    Set<String> unused = new LinkedHashSet<>(forms.keySet());
    Map<String, String> shown = shown();
    prepare();
    for (Map.Entry<String, String> entry : inOrder(shown).entrySet()) {
      String command = entry.getKey();
      unused.remove(command);
      String form = forms.getOrDefault(command, command);
      if (form.isEmpty()) {
        continue;
      }
      CliRun run = CliRun.of(arguments(form));
      assertThat(run.code()).as("llada %s: %s%s", form, run.err(), run.out()).isZero();
      assertThat(words(run.out())).as("llada %s", form).contains(words(entry.getValue()));
    }
    assertThat(unused).as("in documents.txt, but on no page").isEmpty();
  }

  /** Commands to what stands below them in their blocks; README's first has a block of its own. */
  private static Map<String, String> shown() throws IOException {
    Map<String, String> shown = new LinkedHashMap<>();
    for (Path page : pages()) {
      String text = Files.readString(page);
      for (Matcher line = COMMAND.matcher(text); line.find(); ) {
        String below = text.substring(line.end()).split("\n(```|\\./llada|mvn| |\n|$)", 2)[0];
        shown.merge(
            COMMENT.matcher(line.group(1)).replaceFirst("").strip(),
            below.strip(),
            (a, b) -> a.isEmpty() ? b : a);
      }
    }
    String readme = Files.readString(TOP.resolve("README.md"));
    Matcher first = COMMAND.matcher(readme);
    assertThat(first.find()).isTrue();
    Matcher block =
        FENCED.matcher(readme.substring(readme.indexOf("What the first command prints:")));
    assertThat(block.find()).isTrue();
    shown.put(COMMENT.matcher(first.group(1)).replaceFirst("").strip(), block.group(2));
    return shown;
  }

  @Test
  void thePictureIsOfTheFirstCommand() throws Exception {
    String shown = shown().get("generate \"Tell me a story about a kite.\"");
    Matcher title =
        Pattern.compile("<title>(.*)</title>", Pattern.DOTALL)
            .matcher(Files.readString(TOP.resolve("src/docs/unmasking.svg")));
    assertThat(title.find()).isTrue();
    assertThat(title.group(1)).isEqualToNormalizingWhitespace(shown);
  }

  /** Those that make files stand before those that read them. */
  private static Map<String, String> inOrder(Map<String, String> shown) {
    List<String> makers = List.of("train --data", "synth", "convert LLaDA", "quantize", "imatrix");
    Map<String, String> ordered = new LinkedHashMap<>();
    shown.keySet().stream()
        .sorted(
            (a, b) ->
                Boolean.compare(
                    makers.stream().noneMatch(a::startsWith),
                    makers.stream().noneMatch(b::startsWith)))
        .sorted((a, b) -> Boolean.compare(a.contains("--imatrix"), b.contains("--imatrix")))
        .forEach(command -> ordered.put(command, shown.get(command)));
    return ordered;
  }

  /** Commands that are not run as they stand, to the form that is, empty for none. */
  private static Map<String, String> forms() throws IOException {
    Map<String, String> forms = new HashMap<>();
    Path list = TOP.resolve("weights-converter/test/resources/llada/cli/documents.txt");
    for (String line : Files.readAllLines(list)) {
      if (line.startsWith("#")) {
        continue;
      }
      if (line.contains(NOT_RUN)) {
        String[] parts = line.split(NOT_RUN);
        requireTest(parts[0], parts[1]);
        forms.put(parts[0], "");
      } else if (line.contains(SMALL)) {
        forms.put(line.split(SMALL)[0], line.split(SMALL)[1]);
      }
    }
    return forms;
  }

  /** Where a command is not run here, a reason names the tests that try it. */
  private static void requireTest(String command, String reason) throws IOException {
    List<String> named = TEST.matcher(reason).results().map(MatchResult::group).toList();
    assertThat(named).as("tests in the reason of %s", command).isNotEmpty();
    try (Stream<Path> files = Files.walk(TOP.resolve("src"))) {
      assertThat(files.map(file -> file.getFileName().toString()).toList())
          .as("the tests of %s", command)
          .containsAll(named.stream().map(name -> name + ".java").toList());
    }
  }

  private String[] arguments(String command) {
    List<String> arguments = new ArrayList<>();
    for (Matcher word = WORD.matcher(command); word.find(); ) {
      String bare = word.group(2);
      if (bare == null) {
        arguments.add(word.group(1));
      } else if (bare.startsWith("src/")) {
        arguments.add(TOP.resolve(bare).toString());
      } else if (bare.equals("LLaDA-8B-Instruct")) {
        arguments.add(CliRun.model().toString());
      } else {
        boolean file = !arguments.isEmpty() && FILE.matcher(bare).matches();
        arguments.add(file ? folder.resolve(bare).toString() : bare);
      }
    }
    return arguments.toArray(String[]::new);
  }

  private void prepare() throws IOException {
    Matcher forms = FENCED.matcher(Files.readString(TOP.resolve("src/docs/fine-tuning.md")));
    assertThat(forms.find()).isTrue();
    Files.writeString(folder.resolve("forms.jsonl"), forms.group(2)); // a line of each
    String text = "ROMEO:\nO, speak again, bright angel!\n\nJULIET:\nMy lord, I will.\n".repeat(40);
    for (String name : List.of("shakespeare.txt", "corpus.txt", "text.txt")) {
      Files.writeString(folder.resolve(name), text);
    }
    Files.writeString(
        folder.resolve("chats.jsonl"),
        "{\"prompt\": \"Who speaks?\", \"response\": \"Romeo speaks.\"}\n".repeat(8));
    Files.writeString(
        folder.resolve("arc-c.jsonl"),
        """
        {"question": "Who speaks?", "choices": {"text": ["Romeo", "a cow"], "label": ["A", "B"]}, "answerKey": "A"}
        """);
    Files.writeString(
        folder.resolve("hellaswag.jsonl"),
        """
        {"ctx": "A cow", "endings": ["says moo.", "flies."], "label": 0, "activity_label": "Animals"}
        """);
    Files.writeString(
        folder.resolve("poem_data.json"), "[{\"first\": \"one line\", \"second\": \"the next\"}]");
    Files.writeString(folder.resolve("texts.jsonl"), "{\"text\": \"A cow says moo.\"}\n");
    Files.writeString(
        folder.resolve("prompts.jsonl"), "{\"id\": 1, \"prompt\": \"What does a cow say?\"}\n");
  }

  private static String words(String text) {
    return text.replaceAll("\\s+", " ").strip();
  }
}
