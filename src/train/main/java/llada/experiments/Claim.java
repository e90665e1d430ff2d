package llada.experiments;

import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * What is claimed, what is expected, and the rule that decides, all written down before the
 * results.
 *
 * @param text the claim
 * @param prediction what is expected to be seen, and how much of it
 * @param rule decides
 * @param date when the rule was written
 */
public record Claim(String text, String prediction, Rule rule, LocalDate date) {
  /** The day on which the rules of the experiments were written. */
  static final LocalDate WRITTEN = LocalDate.of(2026, 11, 29);

  /** With the day of all rules. */
  Claim(String text, String prediction, Rule rule) {
    this(text, prediction, rule, WRITTEN);
  }

  /** What a rule says about a claim. */
  public enum Outcome {
    SHOWN,
    NOT_SHOWN,
    CONTRADICTED;

    @Override
    public String toString() {
      return switch (this) {
        case SHOWN -> "shown";
        case NOT_SHOWN -> "not shown";
        case CONTRADICTED -> "contradicted";
      };
    }
  }

  /**
   * A claim decided.
   *
   * @param experiment its name
   * @param seen the figures that decide
   */
  public record Verdict(String experiment, Claim claim, String seen, Outcome outcome) {}

  /**
   * A number for each seed: a measurement, times a factor.
   *
   * @param arm empty for the constant {@code factor}
   */
  public record Term(String arm, String measure, String x, double factor) {
    static Term of(String arm, String measure, Object x) {
      return new Term(arm, measure, x.toString(), 1);
    }

    static Term of(String arm, String measure) {
      return of(arm, measure, "");
    }

    static Term constant(double value) {
      return new Term("", "", "", value);
    }

    Term times(double by) {
      return new Term(arm, measure, x, factor * by);
    }

    /** Its values by seed; of a constant for every seed in question. */
    private Map<Long, Double> values(Results results) {
      return results.bySeed(arm, measure, x);
    }

    private double at(Map<Long, Double> values, long seed) {
      return arm.isEmpty() ? factor : factor * values.get(seed);
    }
  }

  /** How a claim is decided. */
  public sealed interface Rule {
    /** The first is larger: the interval of the paired differences lies above 0. */
    static Rule superior(Term left, Term right) {
      return new Paired(Test.SUPERIORITY, left, right, 0);
    }

    /** The first is smaller by no more than a margin. */
    static Rule notInferior(Term left, Term right, double margin) {
      return new Paired(Test.NON_INFERIORITY, left, right, margin);
    }

    /** They differ by less than a margin either way. */
    static Rule equivalent(Term left, Term right, double margin) {
      return new Paired(Test.EQUIVALENCE, left, right, margin);
    }

    /** All of several. */
    static Rule all(Rule... rules) {
      return new All(List.of(rules));
    }
  }

  enum Test {
    SUPERIORITY,
    NON_INFERIORITY,
    EQUIVALENCE
  }

  /** A rule over the 95 % interval of the differences left - right, paired by seed. */
  record Paired(Test test, Term left, Term right, double margin) implements Rule {
    Interval difference(Results results) {
      Map<Long, Double> a = left.values(results);
      Map<Long, Double> b = right.values(results);
      SortedSet<Long> seeds = new TreeSet<>(left.arm.isEmpty() ? b.keySet() : a.keySet());
      if (!right.arm.isEmpty()) {
        seeds.retainAll(b.keySet());
      }
      return Interval.of(seeds.stream().mapToDouble(s -> left.at(a, s) - right.at(b, s)).toArray());
    }

    /** Of an interval; a single seed has none and shows nothing. */
    Outcome decide(Interval difference) {
      if (difference.count() < 2) {
        return Outcome.NOT_SHOWN;
      }
      double low = difference.low();
      double high = difference.high();
      boolean shown = test == Test.EQUIVALENCE ? low > -margin && high < margin : low > -margin;
      boolean contradicted = high < -margin || test == Test.EQUIVALENCE && low > margin;
      return shown ? Outcome.SHOWN : contradicted ? Outcome.CONTRADICTED : Outcome.NOT_SHOWN;
    }

    @Override
    public String toString() {
      return switch (test) {
        case SUPERIORITY -> "interval of the paired difference above 0";
        case NON_INFERIORITY -> "interval of the paired difference above -" + margin;
        case EQUIVALENCE -> "interval of the paired difference within ±" + margin;
      };
    }
  }

  /** In every seed the value is above a bound. */
  record EverySeed(Term term, double bound) implements Rule {
    @Override
    public String toString() {
      return "above " + bound + " in every seed";
    }
  }

  /** Shown if all are, contradicted if any is. */
  record All(List<Rule> rules) implements Rule {
    @Override
    public String toString() {
      return String.join("; and ", rules.stream().map(Rule::toString).distinct().toList());
    }
  }

  /**
   * Decides.
   *
   * @throws IllegalArgumentException if something that the rule needs was not measured
   */
  Verdict decide(String experiment, Results results) {
    return new Verdict(experiment, this, seen(rule, results), outcome(rule, results));
  }

  private static Outcome outcome(Rule rule, Results results) {
    return switch (rule) {
      case Paired paired -> paired.decide(paired.difference(results));
      case EverySeed every -> {
        Map<Long, Double> values = every.term.values(results);
        yield values.size() < 2
            ? Outcome.NOT_SHOWN
            : values.keySet().stream().allMatch(s -> every.term.at(values, s) > every.bound)
                ? Outcome.SHOWN
                : Outcome.CONTRADICTED;
      }
      case All all -> {
        List<Outcome> parts = all.rules.stream().map(part -> outcome(part, results)).toList();
        yield parts.contains(Outcome.CONTRADICTED)
            ? Outcome.CONTRADICTED
            : parts.contains(Outcome.NOT_SHOWN) ? Outcome.NOT_SHOWN : Outcome.SHOWN;
      }
    };
  }

  private static String seen(Rule rule, Results results) {
    return switch (rule) {
      case Paired p ->
          "%s against %s: difference %s"
              .formatted(seen(p.left, results), seen(p.right, results), p.difference(results));
      case EverySeed every -> seen(every.term, results);
      case All all ->
          String.join("; ", all.rules.stream().map(part -> seen(part, results)).toList());
    };
  }

  private static String seen(Term term, Results results) {
    if (term.arm.isEmpty()) {
      return Double.toString(term.factor);
    }
    String value = results.of(term.arm, term.measure, term.x).toString();
    return "%s%s (%s, %s%s)"
        .formatted(
            term.factor == 1 ? "" : term.factor + " times ",
            value,
            term.arm,
            term.measure,
            term.x.isEmpty() ? "" : " at " + term.x);
  }
}
