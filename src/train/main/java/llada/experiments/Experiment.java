package llada.experiments;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A claim of the paper and how it is tried. */
public interface Experiment {
  /** Name on the command line. */
  String name();

  /** Headline of the report. */
  String title();

  /** What is asked, and what the paper says about it. */
  String question();

  /** How it is tried, in three sentences. */
  String setUp();

  /** What the results do not show, whatever they are. */
  String limits();

  /** What is claimed, with the rules that decide; written before the results. */
  List<Claim> claims(Size size);

  /**
   * What the jobs compute, by name, for config.json; what is resumed must have the same.
   *
   * @param inputs files that were given
   */
  Map<String, String> config(Size size, Inputs inputs);

  /** Arms whose learning rate is tuned before the jobs run, each with a shorter training. */
  default Map<String, Tuning.Trial> trials(Size size, Inputs inputs) {
    return Map.of();
  }

  /** What has to be computed. */
  List<Job> jobs(Setup setup);

  /** Numbers that follow from those of several arms, by seed. */
  default List<Results.Row> derived(Size size, Results results) {
    return List.of();
  }

  /** What has to be given before it can run, in a line for the user; empty if nothing. */
  default Optional<String> lacks(Size size, Inputs inputs) {
    return Optional.empty();
  }

  /** Tables and charts from the rows of all jobs. */
  void report(Results results, Report report);

  /**
   * Files from outside.
   *
   * @param texts to learn, for experiments on real text; empty for generated ones
   */
  record Inputs(List<Path> texts) {
    /** None given. */
    public static final Inputs NONE = new Inputs(List.of());

    public Inputs {
      texts = List.copyOf(texts);
    }
  }

  /**
   * What jobs are made from.
   *
   * @param seeds of the arms' repetitions
   * @param rates tuned learning rates by arm
   */
  record Setup(Size size, List<Long> seeds, Inputs inputs, Map<String, Double> rates) {
    double rate(String arm) {
      return rates.get(arm);
    }
  }
}
