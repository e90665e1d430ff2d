package llada.train.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import llada.format.Json;
import llada.train.Corpus;
import llada.train.Document;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The little world is the same for the same seed, agrees with itself, and keeps its secrets. */
class DemoCorpusTest {
  private static final DemoCorpus CORPUS = new DemoCorpus(1, 3000, 3000);

  @TempDir Path folder;

  @Test
  void sameSeedSameBytes() throws IOException {
    CORPUS.writeTexts(folder.resolve("a"));
    CORPUS.writeTexts(folder.resolve("b"));
    assertThat(folder.resolve("a")).hasSameBinaryContentAs(folder.resolve("b"));
    new DemoCorpus(2, 3000, 3000).writeTexts(folder.resolve("b"));
    assertThat(Files.mismatch(folder.resolve("a"), folder.resolve("b"))).isNotNegative();
    assertThat(CORPUS.heldOut(5)).isEqualTo(CORPUS.heldOut(5));
  }

  @Test
  void whatIsHeldOutIsNowhereInTheCorpus() throws IOException {
    Path texts = folder.resolve("texts.txt");
    Path chats = folder.resolve("chats.jsonl");
    CORPUS.writeTexts(texts);
    CORPUS.writeChats(chats);
    String all = Files.readString(texts);
    List<Document> documents = new ArrayList<>();
    Corpus.of(List.of(chats)).forEach(documents::add);
    assertThat(documents).hasSize(3000);
    String asked =
        documents.stream()
            .flatMap(d -> d.messages().stream())
            .map(m -> m.content() + "\n")
            .collect(Collectors.joining());
    List<DemoCorpus.HeldOut> heldOut = CORPUS.heldOut(40);
    Map<Skill, Long> counts =
        heldOut.stream()
            .collect(Collectors.groupingBy(DemoCorpus.HeldOut::skill, Collectors.counting()));
    assertThat(counts).containsOnlyKeys(Skill.values());
    assertThat(counts.values()).allSatisfy(n -> assertThat(n).isGreaterThan(3));
    for (DemoCorpus.HeldOut question : heldOut) {
      assertThat(all).doesNotContain(question.question() + "\n");
      assertThat(asked).doesNotContain(question.question() + "\n");
      assertThat(question.accepts(question.answer())).as(question.toString()).isTrue();
      assertThat(question.accepts("I do not know.")).isFalse();
      if (question.skill() == Skill.ARITHMETIC) {
        assertThat(all).doesNotContain("\n" + question.answer());
      }
    }
  }

  @Test
  void theSameQuestionHasTheSameAnswer() {
    World world = new World(1);
    Questions questions = new Questions(world, new Stories(world));
    Random random = new Random(3);
    Map<String, String> answers = new HashMap<>();
    List<Skill> exact = new ArrayList<>(List.of(Skill.values()));
    exact.remove(Skill.STORIES); // they differ
    for (int i = 0; i < 50_000; i++) {
      Skill skill = exact.get(i % exact.size());
      Questions.Question q = questions.ask(skill, random);
      assertThat(answers.computeIfAbsent(q.question(), _ -> q.answer())).isEqualTo(q.answer());
      assertThat(q.question() + q.answer()).doesNotContain("%", "null");
    }
    assertThat(answers).hasSizeGreaterThan(5000);
  }

  @Test
  void storiesAreWholeSentencesAboutTheirSubject() {
    World world = new World(1);
    Stories stories = new Stories(world);
    Random random = new Random(5);
    for (int i = 0; i < 5000; i++) {
      Stories.Topic topic = stories.topic(random);
      String story = stories.about(topic, random);
      assertThat(story).contains(topic.word()).endsWith(".").doesNotContain("%", "null", "  ");
      assertThat(stories.facts(random)).endsWith(".").doesNotContain("%", "null");
    }
  }

  @Test
  void chatsAreJsonLines() throws IOException {
    Path chats = folder.resolve("chats.jsonl");
    CORPUS.writeChats(chats);
    for (String line : Files.readAllLines(chats)) {
      Json json = Json.parse(line.getBytes(java.nio.charset.StandardCharsets.UTF_8), "line");
      assertThat(json.get("messages").size() % 2).isZero();
    }
  }
}
