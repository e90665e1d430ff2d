package llada.train.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import llada.tokenizer.ChatTemplate.Message;
import llada.train.Corpus;
import llada.train.Document;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lessons are the same for the same seed, right, and keep what is to be asked in the test. */
class LessonsTest {
  private static final Pattern PLUS = Pattern.compile("(\\d+) ?(?:\\+|plus) ?(\\d+)\\D*");
  private static final Pattern MINUS = Pattern.compile("(\\d+) ?(?:-|minus) ?(\\d+)\\D*");

  @TempDir static Path folder;

  private static List<Document> lessons(long seed, int count) {
    Path file = folder.resolve("lessons-%d.jsonl".formatted(seed));
    new Lessons(seed, count).write(file);
    List<Document> all = new ArrayList<>();
    Corpus.of(List.of(file)).forEach(all::add);
    return all;
  }

  @Test
  void sameSeedSameBytes() throws IOException {
    Path a = folder.resolve("a");
    Path b = folder.resolve("b");
    new Lessons(1, 500).write(a);
    new Lessons(1, 500).write(b);
    assertThat(a).hasSameBinaryContentAs(b);
    new Lessons(2, 500).write(b);
    assertThat(Files.mismatch(a, b)).isNotNegative();
    new Lessons(1, 1000).write(b); // a larger one begins with the smaller one
    assertThat(Files.readString(b)).startsWith(Files.readString(a));
  }

  @Test
  void sumsAreRight() {
    Wording w = new Wording(new SplittableRandom(1), false);
    int seen = 0;
    for (int i = 0; i < 5000; i++) {
      Exchange exchange = Numbers.sum(w);
      String question = exchange.turns().getFirst();
      for (boolean plus : new boolean[] {true, false}) {
        Matcher numbers = (plus ? PLUS : MINUS).matcher(question.replaceFirst("^\\D*", ""));
        boolean other = question.matches("(?i).*three.*");
        if (numbers.matches() && !other) {
          int first = Integer.parseInt(numbers.group(1));
          int second = Integer.parseInt(numbers.group(2));
          int right = plus ? first + second : first - second;
          assertThat(exchange.answer()).as(question).matches(".*\\D" + right + "\\.");
          seen++;
        }
      }
    }
    assertThat(seen).isGreaterThan(1000);
    assertThat(Numbers.worked(347, 285, true)).isEqualTo("Ones 12, tens 13, hundreds 06: 632.");
    assertThat(Numbers.worked(347, 285, false)).isEqualTo("Ones 02, tens 16, hundreds 00: 62.");
    assertThat(Numbers.worked(98, 7, true)).isEqualTo("Ones 15, tens 10: 105.");
    assertThat(Numbers.worked(7, 5, true)).isEqualTo("7 + 5 = 12.");
  }

  @Test
  void rowsAreRight() {
    assertThat(Numbers.range(3, 7, 2)).containsExactly(3, 5, 7);
    assertThat(Numbers.range(3, 1, 1)).containsExactly(3, 2, 1);
    Wording w = new Wording(new SplittableRandom(2), false);
    for (int i = 0; i < 5000; i++) {
      Exchange exchange = Numbers.count(w);
      int[] row =
          java.util.Arrays.stream(exchange.answer().replace(".", "").split(", "))
              .mapToInt(Integer::parseInt)
              .toArray();
      assertThat(row.length).isBetween(2, 21);
      for (int k = 2; k < row.length; k++) {
        assertThat(row[k] - row[k - 1]).isEqualTo(row[1] - row[0]).isNotZero();
      }
      Matcher last = Pattern.compile("\\d+").matcher(exchange.turns().getFirst());
      if (exchange.turns().getFirst().matches("(?i)\\D*from (\\d+) to (\\d+)\\D*")) {
        assertThat(last.find()).isTrue();
        assertThat(row[0]).isEqualTo(Integer.parseInt(last.group()));
        assertThat(last.find()).isTrue();
        assertThat(row[row.length - 1]).isEqualTo(Integer.parseInt(last.group()));
      }
    }
  }

  @Test
  void whatIsHeldOutIsNotTrained() {
    List<Lessons.Test> tests = new Lessons(7, 1).tests(12);
    assertThat(tests).isEqualTo(new Lessons(7, 9).tests(12));
    List<Document> all = lessons(7, 8000);
    Set<String> asked = new HashSet<>();
    Set<String> pairs = new HashSet<>();
    for (Document document : all) {
      if (document.messages() != null) {
        List<String> turns = document.messages().stream().map(Message::content).toList();
        asked.add(String.join("\n", turns.subList(0, turns.size() - 1)).toLowerCase(Locale.ROOT));
        pair(turns.getFirst()).ifPresent(pairs::add);
      }
    }
    assertThat(pairs).hasSizeGreaterThan(200);
    int sums = 0;
    for (Lessons.Test test : tests) {
      String question = String.join("\n", test.turns()).toLowerCase(Locale.ROOT);
      assertThat(asked).as(test.toString()).doesNotContain(question);
      if (test.subject() == Subject.SUMS && !test.newWording()) {
        var pair = pair(test.turns().getFirst());
        assertThat(pair.map(pairs::contains).orElse(false)).as(test.toString()).isFalse();
        sums += pair.isPresent() ? 1 : 0;
      }
    }
    assertThat(sums).isPositive();
  }

  /**
   * The summands of what is asked in digits, the smaller one first; of a - b they are b and a - b.
   */
  private static java.util.Optional<String> pair(String question) {
    String digits = question.replaceFirst("^\\D*", "");
    Matcher plus = PLUS.matcher(digits);
    Matcher minus = MINUS.matcher(digits);
    boolean other = question.matches("(?i).*(multipl|product|differ|bigger|smaller|between).*");
    if (other || !plus.matches() && !minus.matches()) {
      return java.util.Optional.empty();
    }
    Matcher found = plus.matches() ? plus : minus;
    int a = Integer.parseInt(found.group(1));
    int b = Integer.parseInt(found.group(2));
    int x = plus.matches() ? a : a - b;
    return Math.max(a, b) <= 20
        ? java.util.Optional.empty()
        : java.util.Optional.of(Math.min(x, b) + " " + Math.max(x, b));
  }

  @Test
  void everySubjectIsAskedInNewWordsAndForNewAnswersWhereItHasSuch() {
    Map<String, Long> counts =
        new Lessons(3, 1)
            .tests(20).stream()
                .collect(
                    Collectors.groupingBy(
                        t -> t.subject() + (t.newWording() ? " wording" : " answer"),
                        Collectors.counting()));
    for (Subject subject : Subject.values()) {
      assertThat(counts).as(counts.toString()).containsEntry(subject + " wording", 20L);
    }
    for (Subject subject :
        List.of(
            Subject.SUMS,
            Subject.COUNTING,
            Subject.COMPLETING,
            Subject.COMPARING,
            Subject.READING,
            Subject.FOLLOW_UPS,
            Subject.OUTSIDE,
            Subject.STORIES,
            Subject.SUDOKU,
            Subject.REVERSAL)) {
      assertThat(counts).containsEntry(subject + " answer", 20L);
    }
  }

  @Test
  void everySectionHasManyForms() {
    Sections wordings = Sections.read("wordings.txt");
    Map<String, Integer> few = new HashMap<>();
    wordings
        .byName()
        .forEach(
            (name, lines) -> {
              long trained =
                  lines.stream().filter(l -> !l.startsWith("= ") && !l.startsWith("~ ")).count();
              if (trained < 2) {
                few.put(name, (int) trained);
              }
              assertThat(new HashSet<>(lines)).as(name).hasSameSizeAs(lines);
            });
    assertThat(few).isEmpty();
    assertThat(wordings.of("sum.plus")).hasSizeGreaterThan(30);
    assertThat(Sections.read("outside.txt").of("questions")).hasSizeGreaterThan(150);
  }

  @Test
  void halfOfTheSudokusAskedAreNotSolvedBySingles() {
    List<Lessons.Test> sudokus =
        new Lessons(5, 1).tests(20).stream().filter(t -> t.subject() == Subject.SUDOKU).toList();
    long easy =
        sudokus.stream()
            .filter(t -> new Sudoku(grid(t.turns().getFirst()), grid(t.accept())).bySingles())
            .count();
    assertThat(sudokus).hasSize(40);
    assertThat(easy).isBetween(10L, 20L);
    for (Lessons.Test test : sudokus) {
      assertThat(Sudoku.solutions(grid(test.turns().getFirst()))).isEqualTo(1);
      assertThat(Exchange.heldOut(Sudoku.canonical(grid(test.accept()))))
          .isEqualTo(!test.newWording());
    }
  }

  private static int[] grid(String text) {
    return text.chars().filter(Character::isDigit).map(c -> c - '0').toArray();
  }

  @Test
  void peopleDifferAndHalfAreNeverAskedForByName() {
    Set<String> all = new HashSet<>();
    for (Knowledge.Person person : Knowledge.PEOPLE) {
      assertThat(all.add(person.name())).isTrue();
      assertThat(all.add(person.job() + person.town())).isTrue();
    }
    Set<String> untold =
        Knowledge.PEOPLE.stream()
            .filter(Knowledge.Person::reversed)
            .map(p -> "%s of %s".formatted(p.job(), p.town()).toLowerCase(Locale.ROOT))
            .collect(Collectors.toSet());
    assertThat(untold).hasSize(120);
    for (Document document : lessons(9, 4000)) {
      for (Message m : document.messages() == null ? List.<Message>of() : document.messages()) {
        if (m.role().equals("user")) {
          assertThat(untold)
              .doesNotContain(
                  m.content().toLowerCase(Locale.ROOT).replaceFirst(".*the (?=\\w+ of )", ""));
        }
      }
    }
  }

  @Test
  void sentencesOfATaleFitAndOthersDoNot() {
    SplittableRandom random = new SplittableRandom(4);
    for (int i = 0; i < 500; i++) {
      Tales.Tale tale = Tales.tale(random);
      for (int s = 0; s < tale.sentences().size(); s++) {
        assertThat(tale.fits(s, tale.sentences().get(s))).as(tale.sentences().get(s)).isTrue();
        assertThat(tale.fits(s, tale.sentences().get(s) + " cow")).isFalse();
      }
      assertThat(tale.text()).doesNotContain("{", "  ").endsWith(".");
      assertThat(
              Check.ANY_STORY.right(
                  tale.text(), List.of(tale.topic().replaceFirst("^(an?|the) ", ""))))
          .as(tale.toString())
          .isTrue();
    }
  }
}
