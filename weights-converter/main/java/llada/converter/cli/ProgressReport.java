package llada.converter.cli;

import llada.cli.ProgressLine;
import llada.converter.Progress;
import picocli.CommandLine.Model.CommandSpec;

/** Shows a command's job as a {@link ProgressLine}. */
final class ProgressReport implements Progress {
  private final CommandSpec command;
  private ProgressLine line; // made when the work begins
  private long shown;

  ProgressReport(CommandSpec command) {
    this.command = command;
  }

  @Override
  public void at(long done, long total) {
    if (line == null) {
      line = ProgressLine.of(command, total);
    }
    line.add(done - shown);
    shown = done;
  }

  /** Takes the line away, if there is one. Returns what was done at which rate. */
  String finish() {
    return line == null ? "" : line.finish();
  }
}
