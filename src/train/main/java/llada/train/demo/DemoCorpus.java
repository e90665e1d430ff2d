package llada.train.demo;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import llada.format.AtomicFile;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.train.demo.Questions.Question;

/**
 * The whole corpus from a seed: {@code pretrain.txt}, texts; {@code chats.jsonl}, questions and
 * answers; and questions held out of both, for each skill. One question in ten is held out, chosen
 * by a hash of what it asks, so that no other wording of the same sum gives it away. Facts about
 * animals and people are in the texts; held out are ways to ask for them.
 *
 * @param seed of everything
 * @param documents of pre-training
 * @param chats of fine-tuning
 */
public record DemoCorpus(long seed, int documents, int chats) {
  private static final String END = "<|endoftext|>\n";
  private static final int HELD_OUT = 10; // one in so many

  /**
   * A question that was never trained on.
   *
   * @param answer the one expected
   * @param mark what a story must hold; null if the answer must be exact
   */
  public record HeldOut(Skill skill, String question, String answer, String mark) {
    /** Whether an answer is right: exact, or a story of some sentences about its subject. */
    public boolean accepts(String given) {
      String text = given.strip();
      if (mark == null) {
        return text.equals(answer);
      }
      long sentences = text.chars().filter(c -> c == '.' || c == '!').count();
      return sentences >= 3 && text.endsWith(".") && text.contains(mark);
    }
  }

  private static boolean heldOut(Question question) {
    long hash = 0xcbf29ce484222325L;
    String text = question.skill() + question.key();
    for (int i = 0; i < text.length(); i++) {
      hash = (hash ^ text.charAt(i)) * 0x100000001b3L; // FNV-1a
    }
    hash ^= hash >>> 32;
    return Math.floorMod(hash * 0x9E3779B97F4A7C15L >>> 16, HELD_OUT) == 0;
  }

  private Questions questions(World world) {
    return new Questions(world, new Stories(world));
  }

  /** A question for training: any but those held out. */
  private static Question trained(Questions questions, Skill skill, Random random) {
    Question question = questions.ask(skill, random);
    while (heldOut(question)) {
      question = questions.ask(skill, random);
    }
    return question;
  }

  /** Mostly one of those that take practice: numbers and orders. */
  private static Skill practised(Random random) {
    Skill[] hard = {Skill.ARITHMETIC, Skill.COUNTING, Skill.COMPLETING, Skill.COMPARING};
    if (random.nextInt(4) > 0) {
      return hard[random.nextInt(hard.length)];
    }
    Skill skill = any(random);
    // Stories are long, and a batch is as long as its longest: just enough to keep them in mind.
    return skill == Skill.STORIES && random.nextInt(3) > 0 ? Skill.READING : skill;
  }

  private static Skill any(Random random) {
    Skill[] all = Skill.values();
    return all[random.nextInt(all.length)];
  }

  /**
   * Writes the texts of pre-training.
   *
   * @throws llada.format.FormatException if the file cannot be written
   */
  public void writeTexts(Path file) {
    World world = new World(seed);
    Stories stories = new Stories(world);
    Questions questions = questions(world);
    Random random = Random.from(RandomStreams.of(seed, Purpose.CORPUS_TEXTS));
    write(
        file,
        out -> {
          for (int d = 0; d < documents; d++) {
            switch (random.nextInt(10)) {
              case 0, 1, 2, 3 -> out.write(stories.about(stories.topic(random), random));
              case 4, 5 -> out.write(stories.facts(random));
              default -> out.write(exchange(questions, random));
            }
            out.write("\n" + END);
          }
        });
  }

  /** Some questions with their answers, as a text. */
  private static String exchange(Questions questions, Random random) {
    StringBuilder text = new StringBuilder();
    int count = 1 + random.nextInt(4);
    for (int i = 0; i < count; i++) {
      Question question = trained(questions, any(random), random);
      boolean alone = question.mark() == null && random.nextInt(3) == 0;
      if (!alone || question.skill() == Skill.READING) {
        text.append(question.question()).append('\n');
      }
      text.append(question.answer()).append('\n');
    }
    return text.toString().strip();
  }

  /**
   * Writes the chats of fine-tuning, as JSON lines.
   *
   * @throws llada.format.FormatException if the file cannot be written
   */
  public void writeChats(Path file) {
    writeChats(file, Purpose.CORPUS_CHATS, DemoCorpus::any);
  }

  /**
   * Writes chats with more of what takes practice, numbers above all, as JSON lines.
   *
   * @throws llada.format.FormatException if the file cannot be written
   */
  public void writePractice(Path file) {
    writeChats(file, Purpose.CORPUS_PRACTICE, DemoCorpus::practised);
  }

  private void writeChats(Path file, Purpose purpose, Function<Random, Skill> skills) {
    Random random = Random.from(RandomStreams.of(seed, purpose));
    Questions questions = questions(new World(seed));
    write(
        file,
        out -> {
          for (int c = 0; c < chats; c++) {
            Question[] asked = new Question[random.nextInt(8) == 0 ? 2 : 1];
            for (int i = 0; i < asked.length; i++) {
              asked[i] = trained(questions, skills.apply(random), random);
            }
            out.write(random.nextInt(60) == 0 ? greeting(random) : line(asked));
            out.write('\n');
          }
        });
  }

  private static String greeting(Random random) {
    String[][] all = {
      {"Hello!", "Hello! What would you like to know?"},
      {"Hi!", "Hello! What would you like to know?"},
      {"Who are you?", "I am a small LLaDA. I write little stories and answer questions."},
      {"What can you do?", "I write little stories, count, add and answer questions."},
      {"Thank you!", "You are welcome!"},
      {"Goodbye!", "Goodbye! Come back soon."}
    };
    String[] chosen = all[random.nextInt(all.length)];
    return line(new Question(Skill.STORIES, "", chosen[0], chosen[1], null));
  }

  private static String line(Question... turns) {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeArrayFieldStart("messages");
      for (Question turn : turns) {
        message(json, "user", turn.question());
        message(json, "assistant", turn.answer());
      }
      json.writeEndArray();
      json.writeEndObject();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e); // memory does not fail so
    }
    return text.toString();
  }

  private static void message(JsonGenerator json, String role, String content) throws IOException {
    json.writeStartObject();
    json.writeStringField("role", role);
    json.writeStringField("content", content);
    json.writeEndObject();
  }

  /** Up to {@code each} questions of every skill that occur nowhere in the corpus. */
  public List<HeldOut> heldOut(int each) {
    Questions questions = questions(new World(seed));
    Random random = Random.from(RandomStreams.of(seed, Purpose.CORPUS_QUESTIONS));
    List<HeldOut> all = new ArrayList<>();
    for (Skill skill : Skill.values()) {
      Set<String> seen = new HashSet<>();
      for (int tries = 0; tries < 2000 * each && seen.size() < each; tries++) {
        Question question = questions.ask(skill, random);
        if (heldOut(question) && seen.add(question.question())) {
          all.add(new HeldOut(skill, question.question(), question.answer(), question.mark()));
        }
      }
    }
    return all;
  }

  private interface Content {
    void writeTo(Writer out) throws IOException;
  }

  private static void write(Path file, Content content) {
    AtomicFile.write(
        file,
        channel -> {
          // Not closed: the channel is AtomicFile's, which forces it to the disk.
          Writer out = Channels.newWriter(channel, StandardCharsets.UTF_8.newEncoder(), 1 << 16);
          content.writeTo(out);
          out.flush();
        });
  }
}
