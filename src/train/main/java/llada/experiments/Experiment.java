package llada.experiments;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A claim of the paper and how it is tried. */
public interface Experiment {
  /** Name on the command line. */
  String name();

  /** Headline of the report. */
  String title();

  /** What the paper says, in a few sentences. */
  String claim();

  /**
   * What the jobs compute, by name, for config.json; what is resumed must have the same.
   *
   * @param inputs files that were given
   */
  Map<String, String> config(Size size, Inputs inputs);

  /**
   * What has to be computed.
   *
   * @param seeds of the arms' repetitions
   */
  List<Job> jobs(Size size, List<Long> seeds, Inputs inputs);

  /** Tables, charts and findings from the rows of all jobs. */
  void report(Results results, Report report);

  /**
   * Files from outside.
   *
   * @param poems couplets, JSON; null if there are none
   */
  record Inputs(Path poems) {}
}
