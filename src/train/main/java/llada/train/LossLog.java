package llada.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.plot.Series.Point;

/**
 * {@code loss.csv}: a row a step, with the validation bound where it was measured, and the
 * cross-entropy by {@link LossByNoise}, empty where there is none. A run that goes on from a
 * checkpoint drops the rows of steps that are made again; rows of earlier versions, which had no
 * ranges of noise, get empty ones.
 */
public final class LossLog {
  private static final String EARLIER =
      "step,loss,learning_rate,gradient_norm,tokens,seconds,validation";
  private static final String HEAD = EARLIER + ",t0.0-0.2,t0.2-0.4,t0.4-0.6,t0.6-0.8,t0.8-1.0";
  static final int LOSS = 1;
  static final int RATE = 2;
  static final int NORM = 3;
  static final int VALIDATION = 6;
  static final int BY_NOISE = 7; // and those behind it
  private static final int COLUMNS = BY_NOISE + LossByNoise.RANGES;

  private final Path file;
  private final StringBuilder pending = new StringBuilder();
  private final List<double[]> rows = new ArrayList<>(); // NaN where there is no number
  private TrainingListener.Step last;

  /**
   * Goes on after step {@code step} of the log, or begins one.
   *
   * @throws FormatException if the file cannot be read or written
   */
  public LossLog(Path file, long step) {
    this.file = file;
    StringBuilder kept = new StringBuilder(HEAD + "\n");
    if (step > 0 && Files.exists(file)) {
      try {
        List<String> lines = Files.readAllLines(file);
        boolean earlier = !lines.isEmpty() && lines.getFirst().equals(EARLIER);
        for (String line : lines) {
          keep(earlier ? line + ",".repeat(LossByNoise.RANGES) : line, step, kept);
        }
      } catch (IOException e) {
        throw new FormatException(file + ": cannot be read: " + e.getMessage(), e);
      }
    }
    byte[] bytes = kept.toString().getBytes(StandardCharsets.UTF_8);
    AtomicFile.write(file, bytes);
  }

  /** Takes a row over if it is whole and not of a later step; a kill may have cut the last one. */
  private void keep(String line, long step, StringBuilder kept) {
    String[] cells = line.split(",", -1);
    try {
      if (cells.length == COLUMNS && Long.parseLong(cells[0]) <= step) {
        double[] row = new double[COLUMNS];
        for (int c = 0; c < COLUMNS; c++) {
          boolean none = c >= VALIDATION && cells[c].isEmpty();
          row[c] = none ? Double.NaN : Double.parseDouble(cells[c]);
        }
        rows.add(row);
        kept.append(line).append('\n');
      }
    } catch (NumberFormatException e) {
      // The heading, or a damaged row.
    }
  }

  /** Notes a step; it is written with the next one, when its validation is known. */
  public void step(TrainingListener.Step step) {
    flush();
    last = step;
    double[] row = {
      step.step(),
      step.loss(),
      step.learningRate(),
      step.gradientNorm(),
      step.tokens(),
      step.seconds(),
      Double.NaN
    };
    double[] whole = Arrays.copyOf(row, COLUMNS);
    System.arraycopy(step.byNoise(), 0, whole, BY_NOISE, LossByNoise.RANGES);
    rows.add(whole);
  }

  /** Notes the validation bound after the last step, in nats a token. */
  public void validated(double nats) {
    if (last != null) {
      rows.getLast()[VALIDATION] = nats;
      row();
    }
  }

  private void row() {
    if (last != null) {
      double[] row = rows.getLast();
      pending.append(
          String.format(
              Locale.ROOT,
              "%d,%.6f,%.6g,%.6g,%d,%.3f",
              last.step(),
              last.loss(),
              last.learningRate(),
              last.gradientNorm(),
              last.tokens(),
              last.seconds()));
      for (int c = VALIDATION; c < COLUMNS; c++) {
        pending.append(Double.isNaN(row[c]) ? "," : String.format(Locale.ROOT, ",%.6f", row[c]));
      }
      pending.append(System.lineSeparator());
      last = null;
    }
  }

  /**
   * Writes what is noted.
   *
   * @throws FormatException if the file cannot be written
   */
  public void flush() {
    row();
    if (pending.isEmpty()) {
      return;
    }
    try {
      AtomicFile.append(file, pending.toString().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new FormatException(
          file + ": cannot be written: " + e.getMessage() + "; is there room on the disk?", e);
    }
    pending.setLength(0);
  }

  /** A column over the steps, where it has numbers. */
  List<Point> column(int column) {
    return rows.stream()
        .filter(row -> !Double.isNaN(row[column]))
        .map(row -> new Point(row[0], row[column]))
        .toList();
  }
}
