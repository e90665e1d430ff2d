package llada.evaluation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import llada.format.AtomicFile;

/**
 * The parts of a file of results that several processes write: the first one holds the file itself,
 * and every other has a part beside it, FILE.part-1 and so on. At the end the first takes the parts
 * in; or, if the run is cut off, the first process of the next run, in whatever number of processes
 * that is. A part is a {@link ResultsFile} like any other: what a power cut tears is cut off.
 */
final class Parts {
  private static final String PART = ".part-";

  private Parts() {}

  /** Opens the part of a process, whose number is not 0; see {@link ResultsFile#open}. */
  static ResultsFile open(Path file, int process, String settings) {
    Path target = AtomicFile.target(file);
    return ResultsFile.open(target.resolveSibling(target.getFileName() + PART + process), settings);
  }

  /**
   * Takes all parts in, and deletes them.
   *
   * @param results of the file, open
   * @throws llada.format.FormatException if a part is in use or damaged, or the file cannot be
   *     written
   */
  static void takeIn(Path file, ResultsFile results) {
    Path target = AtomicFile.target(file).toAbsolutePath();
    Pattern ours = Pattern.compile(Pattern.quote(target.getFileName() + PART) + "\\d+");
    try (Stream<Path> beside = Files.list(target.getParent())) {
      List<Path> parts =
          beside.filter(path -> ours.matcher(path.getFileName().toString()).matches()).toList();
      for (Path part : parts) {
        results.takeIn(part);
      }
    } catch (IOException e) {
      throw results.unwritten(e);
    }
  }
}
