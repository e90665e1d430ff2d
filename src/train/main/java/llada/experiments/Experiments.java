package llada.experiments;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** All experiments there are. */
public final class Experiments {
  /** In the order of the page that has all of them. */
  public static final List<Experiment> ALL =
      List.of(
          new VariableMasking(),
          new FisherConsistency(),
          new InContextLearning(),
          new InstructionFollowing(),
          new ReversalCurse(),
          new Sampling(),
          new Scaling(),
          new Lineage());

  private Experiments() {}

  /**
   * Runs some of them and writes index.html, a page with all their reports, and summary.md beside
   * their folders.
   *
   * @return the page
   * @throws llada.format.FormatException if the folder holds another run's results, or cannot be
   *     written
   */
  public static Path runAll(Lab lab, List<Experiment> experiments) {
    List<Report> reports = new ArrayList<>();
    for (Experiment experiment : experiments) {
      Optional<String> lack = experiment.lacks(lab.size(), lab.inputs());
      if (lack.isPresent()) {
        lab.progress().accept(lack.get());
        continue;
      }
      reports.add(lab.run(experiment));
    }
    Path page = lab.folder().resolve("index.html");
    Report.write(page, Report.page(reports));
    Report.write(lab.folder().resolve("summary.md"), Report.summary(reports));
    return page;
  }
}
