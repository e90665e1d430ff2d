package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import llada.api.Answer;
import llada.api.AnswerText;
import llada.api.Step;
import llada.diffusion.Generation;
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
  private int steps;
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
  private final AnswerText text =
      new AnswerText(CONFIG, StepViewTest::decode, StepViewTest::decode);

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

  /** An answer that reads so; _ is a mask, $ an end token. */
  private static Generation generation(String answer) {
    byte[] utf8 = ("P" + answer).getBytes(StandardCharsets.UTF_8);
    int[] row = new int[utf8.length];
    for (int i = 0; i < row.length; i++) {
      row[i] = utf8[i] == '_' ? MASK : utf8[i] == '$' ? EOS : utf8[i] & 0xff;
    }
    return generation(row);
  }

  private static Generation generation(int[] row) {
    double[] confidence = new double[row.length];
    Arrays.setAll(confidence, i -> 1 - 0.1 * i);
    return new Generation(
        new int[][] {row},
        1,
        4,
        4,
        20,
        2_000_000_000,
        new double[][] {confidence},
        new int[1][row.length]);
  }

  /** The next step of four, after which the answer reads so. */
  private Step step(String answer, int... revealed) {
    return new Step(++steps, 4, text.pieces(generation(answer), revealed));
  }

  @Test
  void piecesKnowTheirState() {
    assertThat(text.pieces(generation("ab_$"), new int[] {2}))
        .extracting(piece -> piece.text() + " " + piece.state() + " " + piece.confidence())
        .containsExactly("a KEPT 0.9", "b NEW 0.8", "░ MASKED 0.0", "· END 0.6");
  }

  @Test
  void tokensThatShareACharacterAreOnePiece() {
    assertThat(text.pieces(generation("é€😀x"), new int[] {3}))
        .extracting(Step.Piece::text)
        .containsExactly("é", "€", "😀", "x");
    int[] torn = {'P', 0xe2, MASK, 0xac};
    assertThat(text.pieces(generation(torn), new int[0]))
        .extracting(Step.Piece::text)
        .containsExactly("\uFFFD", "░", "\uFFFD");
  }

  @Test
  void textCannotCommandTheTerminal() {
    assertThat(AnswerText.printable("a\u001b[2Jb\u0007\r\n\tc\u009b"))
        .isEqualTo("a\uFFFD[2Jb\uFFFD\n    c\uFFFD");
  }

  @Test
  void plainViewWritesALineForEveryStep() {
    try (StepView view = new PlainStepView(out)) {
      view.step(step("_b__", 2));
      view.step(step("_b\n_", 3));
      view.finished();
    }
    assertThat(drawn()).isEqualTo("step 1/4  ░b░░%nstep 2/4  ░b⏎░%n".formatted());
  }

  private AnsiStepView drawing(int columns, int rows, boolean colour) {
    return new AnsiStepView(out, () -> new AnsiStepView.Size(columns, rows), colour);
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
    rows.add(new Step.Piece("abcdef", Step.State.NEW, 1));
    assertThat(rows.window(9))
        .containsExactly("\u001b[1;32mabcd\u001b[0m", "\u001b[1;32mef\u001b[0m");
    ScreenRows wide = new ScreenRows(3, false);
    wide.add(new Step.Piece("漢字x", Step.State.KEPT, 1));
    assertThat(wide.window(9)).containsExactly("漢", "字x");
  }

  @Test
  void aTallAnswerIsShownAroundItsNewestText() {
    ScreenRows rows = new ScreenRows(10, false);
    for (int i = 0; i < 50; i++) {
      Step.State state = i == 30 ? Step.State.NEW : Step.State.KEPT;
      rows.add(new Step.Piece(i + "\n", state, 1));
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
  void figuresAreOneLine() {
    Answer.Figures figures = new Answer.Figures(1, 4, 4, 20, 2_000_000_000);
    Answer answer =
        new Answer("ab", new int[4], 2, new double[4], new int[4], Answer.End.END_TOKEN, figures);
    assertThat(answer.summary())
        .isEqualTo(
            "4 steps in 2.00 s, 500.0 ms per step, 4 forward passes; 2.0 tokens/s, 1.0 useful (2 of"
                + " 4 tokens before the end)");
  }

  @Test
  void whereTheTextDecidesNobodyCountsToAnEnd() {
    try (StepView view = new PlainStepView(out)) {
      view.step(new Step(1, 0, text.pieces(generation("_b__"), new int[] {2})));
    }
    assertThat(drawn()).isEqualTo("step 1  ░b░░%n".formatted());
  }
}
