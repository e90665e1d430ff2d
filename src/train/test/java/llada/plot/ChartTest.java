package llada.plot;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;

final class ChartTest {
  private static final Chart LINES =
      Chart.lines(
          "a < b & c",
          "x",
          "y",
          true,
          List.of(
              Series.line(
                  "first",
                  List.of(new Series.Point(1, 0.5, 0.25, 0.75), new Series.Point(4, 1, 1, 1)))));

  private static Document parse(Chart chart) throws Exception {
    return DocumentBuilderFactory.newDefaultInstance()
        .newDocumentBuilder()
        .parse(
            new ByteArrayInputStream(
                chart.svg().getBytes(java.nio.charset.StandardCharsets.UTF_8)));
  }

  @Test
  void svgIsXmlWithPointsWhereTheyBelong() throws Exception {
    Document svg = parse(LINES);
    NodeList texts = svg.getElementsByTagName("text");
    assertThat(texts.item(0).getTextContent()).isEqualTo("a < b & c");
    List<String> shown =
        IntStream.range(0, texts.getLength())
            .mapToObj(i -> texts.item(i).getTextContent())
            .toList();
    assertThat(shown).contains("first", "x", "y", "1", "2", "4", "0", "0.2", "0.8");
    NodeList dots = svg.getElementsByTagName("circle");
    assertThat(dots.getLength()).isEqualTo(2);
    double firstX = number(dots, 0, "cx");
    double secondX = number(dots, 1, "cx");
    double firstY = number(dots, 0, "cy");
    double secondY = number(dots, 1, "cy");
    assertThat(firstX).isLessThan(secondX);
    // y runs from 0, at the bottom, 352, to 1.05, at the top, 66
    assertThat(firstY).isCloseTo(352 - 0.5 / 1.05 * 286, org.assertj.core.data.Offset.offset(0.1));
    assertThat(secondY).isCloseTo(352 - 1 / 1.05 * 286, org.assertj.core.data.Offset.offset(0.1));
  }

  private static double number(NodeList nodes, int i, String attribute) {
    return Double.parseDouble(nodes.item(i).getAttributes().getNamedItem(attribute).getNodeValue());
  }

  @Test
  void barsHaveTheHeightOfTheirValue() throws Exception {
    Chart chart =
        Chart.bars(
            "t",
            "y",
            List.of("one", "two"),
            List.of(Series.line("s", List.of(new Series.Point(0, 2), new Series.Point(1, 1)))));
    NodeList bars = parse(chart).getElementsByTagName("rect"); // paper, two bars, legend
    assertThat(number(bars, 1, "height"))
        .isCloseTo(2 * number(bars, 2, "height"), org.assertj.core.data.Offset.offset(0.2));
  }

  @Test
  void oddDataDoesNotBreakIt() throws Exception {
    Chart empty = Chart.lines("", "", "", false, List.of(Series.line("", List.of())));
    assertThat(parse(empty).getElementsByTagName("circle").getLength()).isZero();
    Chart one =
        Chart.lines(
            "", "", "", true, List.of(Series.line("", List.of(new Series.Point(3, -1, -2, 0)))));
    assertThat(parse(one).getElementsByTagName("circle").getLength()).isEqualTo(1);
  }

  @Test
  void pngIsAnImageOfTwiceTheSize() throws Exception {
    BufferedImage image = ImageIO.read(new ByteArrayInputStream(LINES.png()));
    assertThat(image.getWidth()).isEqualTo(1440);
    assertThat(image.getHeight()).isEqualTo(800);
    int coloured = 0;
    for (int x = 0; x < image.getWidth(); x++) {
      for (int y = 0; y < image.getHeight(); y++) {
        coloured += (image.getRGB(x, y) & 0xffffff) == 0x0072b2 ? 1 : 0;
      }
    }
    assertThat(coloured).isGreaterThan(500); // the line
  }
}
