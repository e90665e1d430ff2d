package llada.train;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import llada.format.AtomicFile;
import llada.format.FormatException;

/**
 * {@code loss.csv}: a row a step, and the validation bound where it was measured. A run that goes
 * on from a checkpoint drops the rows of steps that are made again.
 */
public final class LossLog {
  private static final String HEAD =
      "step,loss,learning_rate,gradient_norm,tokens,seconds,validation\n";

  private final Path file;
  private final StringBuilder pending = new StringBuilder();
  private final List<double[]> losses = new ArrayList<>();
  private final List<double[]> validations = new ArrayList<>();
  private TrainingListener.Step last;

  /**
   * Goes on after step {@code step} of the log, or begins one.
   *
   * @throws FormatException if the file cannot be read or written
   */
  public LossLog(Path file, long step) {
    this.file = file;
    StringBuilder kept = new StringBuilder(HEAD);
    if (step > 0 && Files.exists(file)) {
      try {
        for (String line : Files.readAllLines(file)) {
          keep(line, step, kept);
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
      if (cells.length == 7 && Long.parseLong(cells[0]) <= step) {
        double number = Double.parseDouble(cells[0]);
        losses.add(new double[] {number, Double.parseDouble(cells[1])});
        if (!cells[6].isEmpty()) {
          validations.add(new double[] {number, Double.parseDouble(cells[6])});
        }
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
    losses.add(new double[] {step.step(), step.loss()});
  }

  /** Notes the validation bound after the last step, in nats a token. */
  public void validated(double nats) {
    if (last != null) {
      validations.add(new double[] {last.step(), nats});
      row(String.format(Locale.ROOT, "%.6f", nats));
    }
  }

  private void row(String validation) {
    if (last != null) {
      pending.append(
          String.format(
              Locale.ROOT,
              "%d,%.6f,%.6g,%.6g,%d,%.3f,%s%n",
              last.step(),
              last.loss(),
              last.learningRate(),
              last.gradientNorm(),
              last.tokens(),
              last.seconds(),
              validation));
      last = null;
    }
  }

  /**
   * Writes what is noted.
   *
   * @throws FormatException if the file cannot be written
   */
  public void flush() {
    row("");
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

  /** Steps and losses. */
  List<double[]> losses() {
    return losses;
  }

  /** Steps and validation bounds. */
  List<double[]> validations() {
    return validations;
  }
}
