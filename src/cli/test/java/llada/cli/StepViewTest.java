package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import llada.diffusion.StepListener.Step;
import llada.model.LladaConfig;
import org.junit.jupiter.api.Test;

/** What the drawings look like, character by character. Tokens here are bytes of UTF-8. */
class StepViewTest {
  private static final int MASK = 300;
  private static final int EOS = 301;
  private static final LladaConfig CONFIG =
      new LladaConfig(
          8,
          1,
          1,
          1,
          8,
          302,
          302,
          64,
          1e4,
          1e-5,
          false,
          MASK,
          EOS,
          EOS,
          OptionalInt.empty(),
          OptionalInt.empty());

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
  private final AnswerText text = new AnswerText(CONFIG, StepViewTest::decode);

  private static String decode(int[] ids) {
    byte[] utf8 = new byte[ids.length];
    for (int i = 0; i < ids.length; i++) {
      utf8[i] = (byte) ids[i];
    }
    return new String(utf8, StandardCharsets.UTF_8);
  }

  private String drawn() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** A step after which the answer reads so; _ is a mask, $ an end token. */
  private static Step step(String answer, int... revealed) {
    byte[] utf8 = ("P" + answer).getBytes(StandardCharsets.UTF_8);
    int[] row = new int[utf8.length];
    for (int i = 0; i < row.length; i++) {
      row[i] = utf8[i] == '_' ? MASK : utf8[i] == '$' ? EOS : utf8[i] & 0xff;
    }
    return new Step(
        0, 0, 4, new int[][] {row}, new int[][] {revealed}, new double[1][0], new int[1][0]);
  }

  @Test
  void piecesKnowTheirState() {
    Step step = step("ab_$", 2);
    assertThat(text.pieces(step.x()[0], 1, step.revealed()[0]))
        .extracting(piece -> piece.text() + " " + piece.state())
        .containsExactly("a KEPT", "b NEW", "░ MASKED", "· END");
  }

  @Test
  void tokensThatShareACharacterAreOnePiece() {
    Step step = step("é€😀x", 3);
    assertThat(text.pieces(step.x()[0], 1, step.revealed()[0]))
        .extracting(AnswerText.Piece::text)
        .containsExactly("é", "€", "😀", "x");
    int[] torn = {'P', 0xe2, MASK, 0xac};
    assertThat(text.pieces(torn, 1, new int[0]))
        .extracting(AnswerText.Piece::text)
        .containsExactly("\uFFFD", "░", "\uFFFD");
  }

  @Test
  void textCannotCommandTheTerminal() {
    assertThat(AnswerText.printable("a\u001b[2Jb\u0007\r\n\tc\u009b"))
        .isEqualTo("a\uFFFD[2Jb\uFFFD\n    c\uFFFD");
  }

  @Test
  void plainViewWritesALineForEveryStep() {
    try (StepView view = new PlainStepView(text, 1, out)) {
      view.step(step("_b__", 2));
      view.step(step("_b\n_", 3));
      view.finished();
    }
    assertThat(drawn()).isEqualTo("step 1/4  ░b░░%nstep 2/4  ░b⏎░%n".formatted());
  }

  private AnsiStepView drawing(int columns, int rows, boolean colour) {
    return new AnsiStepView(text, 1, out, () -> new AnsiStepView.Size(columns, rows), colour);
  }

  @Test
  void drawingHighlightsNewTextAndEndsWithReset() {
    try (StepView view = drawing(40, 10, true)) {
      view.step(step("ab_", 2));
      assertThat(drawn())
          .startsWith("\u001b[?25l\r")
          .contains("a\u001b[1;32mb\u001b[0m\u001b[2m░\u001b[0m\u001b[K\n", " step 1/4");
    }
    assertThat(drawn()).endsWith("\n\u001b[?25h\u001b[0m");
  }

  @Test
  void nextFrameOverwritesTheLast() {
    try (StepView view = drawing(40, 10, false)) {
      view.step(step("a\nb_"));
      bytes.reset();
      view.step(step("a\nbc"));
      // Two rows of text and the bar: two rows up to the top.
      assertThat(drawn()).startsWith("\u001b[?25l\r\u001b[2Aa\u001b[K\nbc\u001b[K\n");
      bytes.reset();
      view.finished();
      assertThat(drawn()).isEqualTo("\r\u001b[2A\u001b[J\u001b[?25h\u001b[0m");
      bytes.reset();
    }
    assertThat(drawn()).as("nothing more once finished").isEmpty();
  }

  @Test
  void withoutColourThereIsNoStyle() {
    try (StepView view = drawing(40, 10, false)) {
      view.step(step("ab_", 2));
      assertThat(drawn()).doesNotContain("\u001b[1", "\u001b[2m", "\u001b[0m");
    }
  }

  @Test
  void stepsAfterCloseDrawNothing() {
    StepView view = drawing(40, 10, true);
    view.step(step("a_"));
    view.close();
    bytes.reset();
    view.step(step("ab"));
    view.close();
    assertThat(drawn()).isEmpty();
  }

  @Test
  void rowsWrapAtTheWidthAndStylesEndWithTheRow() {
    ScreenRows rows = new ScreenRows(4, true);
    rows.add(new AnswerText.Piece("abcdef", AnswerText.State.NEW));
    assertThat(rows.window(9))
        .containsExactly("\u001b[1;32mabcd\u001b[0m", "\u001b[1;32mef\u001b[0m");
    ScreenRows wide = new ScreenRows(3, false);
    wide.add(new AnswerText.Piece("漢字x", AnswerText.State.KEPT));
    assertThat(wide.window(9)).containsExactly("漢", "字x");
  }

  @Test
  void aTallAnswerIsShownAroundItsNewestText() {
    ScreenRows rows = new ScreenRows(10, false);
    for (int i = 0; i < 50; i++) {
      AnswerText.State state = i == 30 ? AnswerText.State.NEW : AnswerText.State.KEPT;
      rows.add(new AnswerText.Piece(i + "\n", state));
    }
    List<String> window = rows.window(5);
    assertThat(window).hasSize(5).contains("30");
    Step tall = step("x\n".repeat(50));
    try (StepView view = drawing(40, 10, false)) {
      view.step(tall);
      long lines = drawn().chars().filter(c -> c == '\n').count();
      assertThat(lines).as("leaves room for the bar and the prompt").isEqualTo(8);
    }
  }

  @Test
  void answerEndsAtTheFirstEndToken() {
    int[] row = step("ab$c").x()[0];
    llada.diffusion.Generation generation =
        new llada.diffusion.Generation(
            new int[][] {row}, 1, 4, 4, 20, 2_000_000_000, new double[1][row.length], new int[1][row.length]);
    Answer answer = Answer.of(generation, CONFIG, StepViewTest::decode);
    assertThat(answer.text()).isEqualTo("ab");
    assertThat(answer.useful()).isEqualTo(2);
    assertThat(answer.ids()).isEqualTo(Arrays.copyOfRange(row, 1, 5));
    assertThat(answer.summary())
        .isEqualTo(
            "4 steps in 2.00 s, 500.0 ms per step, 4 forward passes; 2.0 tokens/s, 1.0 useful (2 of"
                + " 4 tokens before the end)");
  }
}
