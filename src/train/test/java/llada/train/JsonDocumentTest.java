package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.format.FormatException;
import llada.tokenizer.ChatTemplate.Message;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Chats in every form in which they are published, and what is said of those that are none. */
class JsonDocumentTest {
  @TempDir Path folder;

  private Path file(String name, String... lines) throws IOException {
    return Files.writeString(folder.resolve(name), String.join("\n", lines));
  }

  private static List<Document> documents(Path file) {
    List<Document> documents = new ArrayList<>();
    Corpus.of(List.of(file)).forEach(documents::add);
    return documents;
  }

  private static String spoken(Document document) {
    StringBuilder text = new StringBuilder();
    for (Message message : document.messages()) {
      text.append(message.role()).append(": ").append(message.content()).append("; ");
    }
    return text.toString().replace("\n", "~");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      textBlock =
          """
          {"prompt": "Q", "response": "A"}                       | user: Q; assistant: A;
          {"prompt": "Q", "completion": "A", "system": "S"}      | system: S; user: Q; assistant: A;
          {"instruction": "I", "output": "A"}                    | user: I; assistant: A;
          {"instruction": "I", "input": "X", "output": "A"}      | user: I~~X; assistant: A;
          {"instruction": "I", "input": "", "output": "A", "text": "I A", "system": ""} | user: I; assistant: A;
          {"instruction": "I", "input": null, "output": "A", "system": "S"} | system: S; user: I; assistant: A;
          {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}], "id": "7"} | user: Q; assistant: A;
          {"conversations": [{"from": "system", "value": " "}, {"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}, {"from": "human", "value": "R"}]} | user: Q; assistant: A; user: R;
          {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": [{"type": "text", "text": "Q"}, {"type": "text", "text": "?"}]}, {"role": "assistant", "content": "A"}]} | system: S; user: Q?; assistant: A;
          {"prompt": "Q", "messages": [{"role": "user", "content": "Q"}, {"role": "user", "content": "R"}, {"role": "assistant", "content": "A"}]} | user: Q; user: R; assistant: A;
          """)
  void everyForm(String json, String wanted) throws IOException {
    assertThat(spoken(documents(file("a.jsonl", json)).getFirst()).strip()).isEqualTo(wanted);
    assertThat(spoken(documents(file("b.json", "[", json, "]")).getFirst()).strip())
        .isEqualTo(wanted);
  }

  @Test
  void formsMayChangeFromObjectToObject() throws IOException {
    Path array =
        file(
            "array.jsonl", // an array, whatever the name says
            "[{\"text\": \"T\"},",
            "{\"prompt\": \"Q\", \"response\": \"A\"}, {\"instruction\": \"I\", \"output\": \"B\"}]");
    List<Document> documents = documents(array);
    assertThat(documents.getFirst().text()).isEqualTo("T");
    assertThat(documents).extracting(Document::isChat).containsExactly(false, true, true);
    assertThat(documents.getLast().where()).isEqualTo(array + ": item 3");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      textBlock =
          """
          {"question": "Q", "answer": "A"}             | : has neither "text" nor "messages", "conversations", "instruction"
          {"prompt": "Q"}                              | : response is missing; a string is needed
          {"text": "T", "messages": []}                | : has "text" and "messages", each of which is a document of its own; leave all but one out
          {"prompt": "Q", "response": "A", "completion": "A"} | : has "response" and "completion"
          {"response": "A"}                            | : prompt is missing; a string is needed
          {"instruction": "I"}                         | : output is missing; a string is needed
          {"instruction": "I", "output": 5}            | : output is 5; a string is needed
          {"instruction": "I", "input": 5, "output": "A"} | : input is 5; a string is needed
          {"prompt": " ", "response": "A"}             | : prompt is empty; give the turn a text
          {"conversations": [{"from": "human", "value": ""}]} | : conversations[0]: value is empty; give the turn a text, or leave the chat out
          {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": ""}]} | : conversations[1]: value is empty
          {"conversations": [{"from": "tool", "value": "Q"}]} | : conversations[0]: from is 'tool'; turns of system, user (human) and assistant (gpt) are learnt from
          {"conversations": [{"role": "user", "content": "Q"}]} | : conversations[0]: from is missing
          {"conversations": "Q"}                       | : conversations is Q; an array is needed
          {"messages": [{"role": "function", "content": "Q"}]} | : messages[0]: role is 'function'
          {"messages": [{"role": "system", "content": ""}]} | : "messages" is empty; a chat has at least one turn
          {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": null}]} | : messages[1]: content is missing
          {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]} | : messages[0]: content[0]: type is 'image_url'; parts of type 'text' alone can be learnt
          {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}, {"role": "assistant", "content": "B"}]} | : messages[2] answers an answer; join the two turns
          """)
  void whatIsWrongIsNamed(String json, String message) throws IOException {
    String fine = "{\"text\": \"fine\"}";
    Path lines = file("a.jsonl", fine, json);
    assertThatThrownBy(() -> documents(lines))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith(lines + ": line 2" + message);
    Path array = file("b.json", "[" + fine + ",", json + "]");
    assertThatThrownBy(() -> documents(array))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith(array + ": item 2" + message);
  }

  @Test
  void brokenArraysAreNamedByItem() throws IOException {
    String fine = "{\"text\": \"fine\"}";
    String[][] broken = {
      {"[" + fine + ", {\"text\": }]", ": item 2: not valid JSON at line 1, column "},
      {"[" + fine + ",", ": item 2: not valid JSON at line 1, column "},
      {"[" + fine, ": item 2: not valid JSON at line 1, column "},
      {"[" + fine + "] {}", ": more text follows after the JSON document"},
      {"[" + fine + ", [" + "[".repeat(70), ": item 2: is more than is read as JSON: 64 levels"},
    };
    for (String[] one : broken) {
      Path array = file("a.json", one[0]);
      assertThatThrownBy(() -> documents(array))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(array + one[1]);
    }
    Path latin = folder.resolve("latin.json");
    Files.write(latin, "[{\"text\": \"caf\u00e9\"}]".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> documents(latin))
        .hasMessage(latin + ": not valid UTF-8, as JSON must be");
  }

  /** More text than the heap of a test has room for, and more than one value may take. */
  @Test
  void anArrayIsNotHeldInMemory() throws IOException {
    Path array = folder.resolve("large.json");
    String text = "x".repeat(1 << 20);
    int items = 300;
    try (BufferedWriter out = Files.newBufferedWriter(array)) {
      for (int i = 0; i < items; i++) {
        out.write((i == 0 ? "[" : ",") + "{\"text\": \"" + text + "\"}\n");
      }
      out.write("]");
    }
    long[] sum = new long[2];
    Corpus.of(List.of(array))
        .forEach(
            document -> {
              sum[0]++;
              sum[1] += document.text().length();
            });
    assertThat(sum).containsExactly(items, (long) items << 20);
  }

  private List<String> pairs(Path data, Chats.Turns turns) {
    List<String> pairs = new ArrayList<>();
    try (Arena arena = Arena.ofShared();
        Checkpoint model = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"))) {
      TokenCache cache =
          Chats.cache(
              folder.resolve("tokens"),
              Corpus.of(List.of(data)),
              model.tokenizer(),
              new byte[0],
              model.chatTemplate(),
              model.config().eosTokenId(),
              new Chats.Rules(500, false, false, turns),
              arena);
      for (int d = 0; d < cache.documents(); d++) {
        String text = model.tokenizer().decode(cache.document(d));
        pairs.add(
            cache.dialogue(d)
                + " "
                + text.replaceAll("<\\|start_header_id\\|>(.).*?<\\|end_header_id\\|>\\s*", "$1=")
                    .replaceAll("<\\|[a-z_]+\\|>", "."));
      }
    }
    return pairs;
  }

  @Test
  void allAnswersOrTheLastAreLearnt() throws IOException {
    Path data =
        file(
            "a.jsonl",
            """
            {"conversations": [{"from": "gpt", "value": "Hi"}, {"from": "human", "value": "Q"}, \
            {"from": "gpt", "value": "A"}, {"from": "human", "value": "R"}, {"from": "human", \
            "value": "S"}, {"from": "gpt", "value": "B"}, {"from": "human", "value": "T"}]}
            {"prompt": "P", "response": "C"}\
            """);
    // Users who speak twice are two turns; a question without an answer teaches nothing.
    assertThat(pairs(data, Chats.Turns.ALL))
        .containsExactly("0 .a=Hi.u=Q.a=A..", "0 .a=Hi.u=Q.a=A.u=R.u=S.a=B..", "1 .u=P.a=C..");
    assertThat(pairs(data, Chats.Turns.LAST))
        .containsExactly("0 .a=Hi.u=Q.a=A.u=R.u=S.a=B..", "1 .u=P.a=C..");
    for (String none :
        List.of(
            "{\"messages\": [{\"role\": \"user\", \"content\": \"Q\"}]}",
            "{\"messages\": [{\"role\": \"assistant\", \"content\": \"A\"}]}")) {
      Path unanswered = file("b.jsonl", none);
      for (Chats.Turns turns : Chats.Turns.values()) {
        assertThatThrownBy(() -> pairs(unanswered, turns))
            .hasMessageContaining(unanswered + ": line 1: holds no message of role \"assistant\"");
      }
    }
  }
}
