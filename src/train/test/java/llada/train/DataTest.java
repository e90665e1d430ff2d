package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import llada.format.FormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Documents in, sequences out; what is wrong is named with its line. */
class DataTest {
  @TempDir Path folder;

  private Path file(String name, String text) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, text);
    return file;
  }

  private static List<String> texts(Path... files) {
    List<String> texts = new ArrayList<>();
    Corpus.of(List.of(files))
        .forEach(d -> texts.add(d.isChat() ? d.messages().toString() : d.text()));
    return texts;
  }

  @Test
  void documentsOfAllKinds() throws IOException {
    Path text = file("b.txt", "One.\nTwo.\n<|endoftext|>\n\n<|endoftext|>\nThree.");
    Path lines =
        file(
            "a.jsonl",
            """
            {"text": "Four"}

            {"prompt": "P", "response": "R"}
            {"messages": [{"role": "user", "content": "Hi"}]}
            """);
    assertThat(texts(text)).containsExactly("One.\nTwo.\n", "Three.\n");
    assertThat(texts(lines))
        .containsExactly(
            "Four",
            "[Message[role=user, content=P], Message[role=assistant, content=R]]",
            "[Message[role=user, content=Hi]]");
    assertThat(texts(folder)).hasSize(5).startsWith("Four");
  }

  @Test
  void longTextsComeInPieces() throws IOException {
    Path text = file("long.txt", "0123456789\n".repeat(60_000));
    List<Document> pieces = new ArrayList<>();
    Corpus.of(List.of(text)).forEach(pieces::add);
    assertThat(pieces).hasSizeGreaterThan(2);
    assertThat(pieces.stream().filter(Document::complete)).hasSize(1);
    assertThat(pieces.getLast().complete()).isTrue();
    assertThat(pieces.stream().mapToInt(d -> d.text().length()).sum()).isEqualTo(660_000);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      textBlock =
          """
          {"text": "a"                 | line 2: not valid JSON at line 1
          [1]                          | line 2
          {"txt": "a"}                 | line 2: has neither "text" nor "messages"
          {"text": 5}                  | line 2: text is 5; a string is needed
          {"prompt": "p"}              | line 2: response is missing; a string is needed
          {"messages": []}             | line 2: "messages" is empty
          {"messages": [{"role": "user"}]} | line 2: messages[0]: content is missing
          """)
  void brokenLinesAreNamed(String line, String message) throws IOException {
    Path lines = file("x.jsonl", "{\"text\": \"fine\"}\n" + line + "\n");
    assertThatThrownBy(() -> texts(lines))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(lines + ": " + message);
  }

  @Test
  void whatIsNotThereOrNotTextIsNamed() throws IOException {
    assertThatThrownBy(() -> texts(folder)).hasMessageContaining("holds no .txt, .md, .jsonl");
    assertThatThrownBy(() -> texts(folder.resolve("x"))).hasMessageContaining("no such file");
    Path latin = folder.resolve("latin.txt");
    Files.write(latin, "one\ntwo\ncaf\u00e9 au lait\n".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> texts(latin)).hasMessageContaining("not valid UTF-8");
  }

  @Test
  void packedTextVisitsEverySequenceOnceAnEpoch() {
    try (Arena arena = Arena.ofShared()) {
      PackedText data = new PackedText(Runs.cache(folder, 1000, arena), 10, 0.1, 0, 5);
      assertThat(data.sequences()).isEqualTo(90);
      assertThat(data.validationSequences()).isEqualTo(10);
      SplittableRandom random = new SplittableRandom(1);
      for (int epoch = 0; epoch < 2; epoch++) {
        Set<String> names = new HashSet<>();
        for (int i = 0; i < 30; i++) {
          names.addAll(Arrays.asList(data.batch(90L * epoch + 3L * i, 3, random).names()));
        }
        assertThat(names).hasSize(90);
      }
      // Which sequence comes when depends on its number alone, not on what was asked before.
      PackedText again = new PackedText(Runs.cache(folder, 1000, arena), 10, 0.1, 0, 5);
      assertThat(again.batch(100, 4, random).x0()).isDeepEqualTo(data.batch(100, 4, random).x0());
      assertThat(data.validation(9).x0()[0])
          .isEqualTo(Runs.cache(folder, 1000, arena).tokens(990, 10));
    }
  }

  @Test
  void randomLengthsAreOneInAHundred() {
    try (Arena arena = Arena.ofShared()) {
      PackedText data = new PackedText(Runs.cache(folder, 1000, arena), 10, 0, 0.01, 5);
      SplittableRandom random = new SplittableRandom(2);
      int cut = 0;
      for (int i = 0; i < 20_000; i++) {
        int length = data.batch(i, 1, random).x0()[0].length;
        assertThat(length).isBetween(1, 10);
        cut += length < 10 ? 1 : 0;
      }
      assertThat(cut).isBetween(130, 230);
    }
  }

  @Test
  void tooLittleTextIsSaidSo() {
    try (Arena arena = Arena.ofShared()) {
      TokenCache cache = Runs.cache(folder, 5, arena);
      assertThatThrownBy(() -> new PackedText(cache, 10, 0.1, 0, 5))
          .hasMessageContaining("has 5 tokens, less than one sequence of 10");
    }
  }

  @Test
  void theCacheIsReadBackAndMadeAnewWhenItsKeyChanges() throws IOException {
    try (Arena arena = Arena.ofShared()) {
      Path file = folder.resolve("wide.cache");
      int[] made = new int[1];
      TokenCache.Source source =
          sink -> {
            made[0]++;
            sink.tokens(new int[] {1, 70_000});
            sink.tokens(new int[] {3});
            sink.endDocument(2, 0);
            sink.endDocument(0, 0);
            sink.tokens(new int[] {4});
            sink.endDocument(0, 1);
          };
      TokenCache cache = TokenCache.open(file, new byte[32], 80_000, source, arena);
      assertThat(cache.document(0)).containsExactly(1, 70_000, 3);
      assertThat(cache.document(1)).isEmpty();
      assertThat(cache.document(2)).containsExactly(4);
      assertThat(cache.promptLength(0)).isEqualTo(2);
      assertThat(cache.dialogue(2)).isEqualTo(1);
      assertThat(TokenCache.open(file, new byte[32], 80_000, source, arena).digest())
          .isEqualTo(cache.digest());
      assertThat(made[0]).isEqualTo(1);
      byte[] other = new byte[32];
      other[5] = 1;
      TokenCache.open(file, other, 80_000, source, arena);
      assertThat(made[0]).isEqualTo(2);
      byte[] bytes = Files.readAllBytes(file);
      Files.write(file, Arrays.copyOf(bytes, bytes.length - 1));
      assertThatThrownBy(() -> TokenCache.check(file)).hasMessageContaining("no whole token cache");
      assertThat(TokenCache.open(file, other, 80_000, source, arena).digest())
          .isEqualTo(cache.digest());
      assertThat(made[0]).isEqualTo(3);
      bytes[96] ^= 1; // another token
      Files.write(file, bytes);
      assertThat(TokenCache.open(file, other, 80_000, source, arena).document(0))
          .containsExactly(1, 70_000, 3);
      assertThat(made[0]).isEqualTo(4);
    }
  }

  @Test
  void chatsAreMaskedInTheAnswerAndFilledWithEos() throws IOException {
    Path lines =
        file(
            "c.jsonl",
            """
            {"prompt": "Hi", "response": " Hello there "}
            {"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}, \
            {"role": "user", "content": "C"}, {"role": "assistant", "content": "D"}]}
            """);
    try (Arena arena = Arena.ofShared();
        Checkpoint model = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"))) {
      int eos = model.config().eosTokenId();
      TokenCache cache =
          Chats.cache(
              folder.resolve("c"),
              Corpus.of(List.of(lines)),
              model.tokenizer(),
              new byte[0],
              model.chatTemplate(),
              eos,
              new Chats.Rules(500, false, false, Chats.Turns.ALL),
              arena);
      assertThat(cache.documents()).isEqualTo(3);
      Chats chats = new Chats(cache, eos, new Chats.Batches(500, 0, 0, 0, true), 0, 1);
      assertThat(chats.sequences()).isEqualTo(2);
      Set<String> drawn = new HashSet<>();
      for (int i = 0; i < 40; i += 2) {
        TrainingData.Batch batch = chats.batch(i, 2, new SplittableRandom(i));
        drawn.addAll(Arrays.asList(batch.names()));
        int longest = batch.x0()[0].length;
        assertThat(batch.x0()[1]).hasSize(longest);
        for (int b = 0; b < 2; b++) {
          String text = model.tokenizer().decode(batch.x0()[b]);
          String prompt =
              model.tokenizer().decode(Arrays.copyOf(batch.x0()[b], batch.promptLengths()[b]));
          assertThat(prompt).endsWith("<|start_header_id|>assistant<|end_header_id|>\n\n");
          assertThat(text.substring(prompt.length()))
              .matches("(Hello there|B|D)<\\|eot_id\\|>(<\\|endoftext\\|>)+");
        }
      }
      assertThat(drawn).hasSize(3);
      Chats padded = new Chats(cache, eos, new Chats.Batches(500, 1, 0, 0, true), 0, 1);
      assertThat(padded.batch(0, 1, new SplittableRandom(1)).x0()[0]).hasSize(500);
      assertThatThrownBy(
              () ->
                  Chats.cache(
                      folder.resolve("d"),
                      Corpus.of(List.of(lines)),
                      model.tokenizer(),
                      new byte[0],
                      model.chatTemplate(),
                      eos,
                      new Chats.Rules(10, false, false, Chats.Turns.ALL),
                      arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(lines + ": line 1: prompt and answer have ")
          .hasMessageContaining("the length is 10");
    }
  }

  @Test
  void schedules() {
    LearningRate wsd = new LearningRate.WarmupStableDecay(1, 0.1, 9, 0.2);
    assertThat(wsd.at(0, 100)).isEqualTo(0.1);
    assertThat(wsd.at(8, 100)).isEqualTo(0.9);
    assertThat(wsd.at(9, 100)).isEqualTo(1);
    assertThat(wsd.at(79, 100)).isEqualTo(1);
    assertThat(wsd.at(89, 100)).isBetween(0.5, 0.6);
    assertThat(wsd.at(99, 100)).isEqualTo(0.1);
    LearningRate cosine = new LearningRate.Cosine(1, 0.1, 9);
    assertThat(cosine.at(9, 110)).isEqualTo(1);
    assertThat(cosine.at(59, 110)).isEqualTo(0.55);
    assertThat(cosine.at(109, 110)).isEqualTo(0.1);
    assertThat(new LearningRate.Constant(2, 0).at(5, 10)).isEqualTo(2);
    assertThatThrownBy(() -> new LearningRate.Cosine(1, 2, 0))
        .hasMessageContaining("last learning rate is 2.0");
  }
}
