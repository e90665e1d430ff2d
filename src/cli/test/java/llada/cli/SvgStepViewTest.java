package llada.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import llada.api.Step;
import llada.api.Step.Piece;
import llada.api.Step.State;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class SvgStepViewTest {
  @TempDir Path folder;

  private static Document parse(Path file) throws Exception {
    return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file.toFile());
  }

  /** The rows of text in a frame, pieces one after the other. */
  private static String text(Element frame) {
    StringBuilder text = new StringBuilder();
    NodeList pieces = frame.getElementsByTagName("text");
    for (int i = 0; i < pieces.getLength(); i++) {
      text.append(i == 0 ? "" : "|").append(pieces.item(i).getTextContent());
    }
    return text.toString();
  }

  @Test
  void everyStepIsAFrameAndTheLastOneIsTheAnswer() throws Exception {
    Path file = folder.resolve("a.svg");
    try (SvgStepView view = new SvgStepView(StepView.none(), file)) {
      view.step(
          new Step(
              1,
              2,
              List.of(
                  new Piece("<b>", State.NEW, 0.9),
                  new Piece("░", State.MASKED, 0),
                  new Piece("░", State.MASKED, 0))));
      view.step(
          new Step(
              2,
              2,
              List.of(
                  new Piece("<b>", State.KEPT, 0.9),
                  new Piece(" & \n  so", State.NEW, 0.8),
                  new Piece("<|eot|>", State.END, 1),
                  new Piece("░", State.MASKED, 0))));
      assertThat(file).doesNotExist(); // it may be stopped yet
      view.finished();
    }
    Document svg = parse(file);
    NodeList frames = svg.getElementsByTagName("g");
    assertThat(frames.getLength()).isEqualTo(3);
    assertThat(text((Element) frames.item(0))).isEqualTo("<b>|░░");
    assertThat(text((Element) frames.item(1))).isEqualTo("<b>|&|so");
    assertThat(text((Element) frames.item(2))).isEqualTo("<b> &|so");
    assertThat(svg.getElementsByTagName("title").item(0).getTextContent())
        .isEqualTo("<b> & \n  so");
    Element fresh = (Element) ((Element) frames.item(0)).getElementsByTagName("text").item(0);
    assertThat(fresh.getAttribute("class")).isEqualTo("new");
  }

  @Test
  void longAnswersAreWrapped() throws Exception {
    Path file = folder.resolve("b.svg");
    try (SvgStepView view = new SvgStepView(StepView.none(), file)) {
      List<Piece> pieces = java.util.Collections.nCopies(40, new Piece(" word", State.KEPT, 1));
      view.step(new Step(1, 1, pieces));
      view.finished();
    }
    NodeList rows =
        ((Element) parse(file).getElementsByTagName("g").item(1)).getElementsByTagName("text");
    assertThat(rows.getLength()).isEqualTo(3);
    for (int i = 0; i < rows.getLength(); i++) {
      assertThat(rows.item(i).getTextContent()).hasSizeLessThanOrEqualTo(72).startsWith("word");
    }
  }

  @Test
  void aGenerationIsDrawn() throws Exception {
    Path file = folder.resolve("c.svg");
    CliRun run =
        CliRun.onModel(
            "generate", "--gen-length", "8", "--steps", "4", "--svg", file.toString(), "A");
    assertThat(run.code()).as(run.err()).isEqualTo(ExitCodes.OK);
    Document svg = parse(file);
    assertThat(svg.getElementsByTagName("g").getLength()).isBetween(2, 5);
    assertThat(svg.getElementsByTagName("title").item(0).getTextContent().strip())
        .isEqualTo(run.out().strip());
  }

  @Test
  void manyPromptsHaveNoPicture() {
    CliRun run = CliRun.onModel("generate", "--input", "x.jsonl", "--svg", "x.svg");
    assertThat(run.code()).isEqualTo(ExitCodes.USAGE);
    assertThat(run.err()).contains("leave the text and --svg out");
  }
}
