package llada.diffusion;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import llada.diffusion.cache.AdaptiveCache;
import llada.diffusion.cache.CachePolicy;
import llada.diffusion.cache.DelayedCache;
import llada.diffusion.cache.DualCache;
import llada.diffusion.cache.PrefixCache;
import llada.diffusion.cache.Recompute;
import llada.diffusion.commit.CommitRule;
import llada.diffusion.commit.EntropyBounded;
import llada.diffusion.commit.Factor;
import llada.diffusion.commit.Klass;
import llada.diffusion.commit.Prophet;
import llada.diffusion.commit.Quota;
import llada.diffusion.commit.Remdm;
import llada.diffusion.commit.Threshold;

/**
 * Caches and rules as people write them: a name, and after an equals sign numbers in place of the
 * defaults, such as {@code dual}, {@code dkv=8} or {@code threshold=0.9}.
 */
public final class DecoderText {
  /** What {@link #cache} takes. */
  public static final String CACHES =
      "none, prefix[=REFRESH], dual[=REFRESH], dkv[=REFRESH], dkv-pd[=REFRESH],"
          + " dllm[=PROMPT,ANSWER,RATIO]";

  /** What {@link #commit} takes. */
  public static final String RULES =
      "quota, threshold[=TAU], factor[=F], eb[=GAMMA], klass[=TAU,EPSILON,N],"
          + " remdm-cap[=ETA], remdm-rescale[=ETA], remdm-conf[=ETA], remdm-loop[=ETA]";

  private DecoderText() {}

  /** A name and numbers. */
  private record Parts(String text, String name, double[] numbers) {
    static Parts of(String text, String all) {
      String[] halves = text.split("=", 2);
      try {
        return new Parts(
            text,
            halves[0],
            halves.length < 2
                ? new double[0]
                : Arrays.stream(halves[1].split(",", -1))
                    .mapToDouble(Double::parseDouble)
                    .toArray());
      } catch (NumberFormatException _) {
        throw new IllegalArgumentException(
            "'%s': what follows the = must be numbers; choose from %s".formatted(text, all));
      }
    }

    double number(int i, double otherwise) {
      return i < numbers.length ? numbers[i] : otherwise;
    }

    int whole(int i, int otherwise) {
      double number = number(i, otherwise);
      if (number != Math.rint(number)) {
        throw new IllegalArgumentException(
            "'%s': %s must be a whole number".formatted(text, number));
      }
      return (int) number;
    }

    Parts most(int count) {
      if (numbers.length > count) {
        throw new IllegalArgumentException(
            "'%s' has %d numbers; %s takes %d at most"
                .formatted(text, numbers.length, name, count));
      }
      return this;
    }
  }

  /**
   * The cache that is meant.
   *
   * @throws IllegalArgumentException naming all that there are, or the number that is wrong
   */
  public static CachePolicy cache(String text) {
    Parts parts = Parts.of(text, CACHES);
    return switch (parts.name) {
      case "none" -> {
        parts.most(0);
        yield new Recompute();
      }
      case "prefix" -> new PrefixCache(parts.most(1).whole(0, 0));
      case "dual" -> new DualCache(parts.most(1).whole(0, 0));
      case "dkv" -> new DelayedCache(parts.most(1).whole(0, DelayedCache.REFRESH), false);
      case "dkv-pd" -> new DelayedCache(parts.most(1).whole(0, DelayedCache.REFRESH), true);
      case "dllm" -> {
        AdaptiveCache usual = new AdaptiveCache();
        yield new AdaptiveCache(
            parts.most(3).whole(0, usual.promptInterval()),
            parts.whole(1, usual.genInterval()),
            parts.number(2, usual.ratio()));
      }
      default ->
          throw new IllegalArgumentException(
              "'%s' is no cache; choose from %s".formatted(text, CACHES));
    };
  }

  /**
   * The rule that is meant.
   *
   * @throws IllegalArgumentException naming all that there are, or the number that is wrong
   */
  public static CommitRule commit(String text) {
    Parts parts = Parts.of(text, RULES);
    return switch (parts.name) {
      case "quota" -> {
        parts.most(0);
        yield new Quota();
      }
      case "threshold" -> new Threshold(parts.most(1).number(0, Threshold.TAU));
      case "factor" -> new Factor(parts.most(1).number(0, Factor.F));
      case "eb" -> new EntropyBounded(parts.most(1).number(0, EntropyBounded.GAMMA));
      case "klass" -> {
        Klass usual = new Klass();
        yield new Klass(
            parts.most(3).number(0, usual.tau()),
            parts.number(1, usual.epsilon()),
            parts.whole(2, usual.n()));
      }
      case "remdm-cap", "remdm-rescale", "remdm-conf", "remdm-loop" -> {
        Remdm.Strategy strategy =
            Remdm.Strategy.valueOf(parts.name.substring(6).toUpperCase(Locale.ROOT));
        yield new Remdm(strategy, parts.most(1).number(0, new Remdm(strategy).eta()));
      }
      default ->
          throw new IllegalArgumentException(
              "'%s' is no rule; choose from %s".formatted(text, RULES));
    };
  }

  /** As {@link #cache} reads it. */
  public static String of(CachePolicy cache) {
    return switch (cache) {
      case Recompute() -> "none";
      case PrefixCache(int refresh) -> refresh == 0 ? "prefix" : "prefix=" + refresh;
      case DualCache(int refresh) -> refresh == 0 ? "dual" : "dual=" + refresh;
      case DelayedCache(int refresh, boolean keepsPrompt) ->
          (keepsPrompt ? "dkv-pd=" : "dkv=") + refresh;
      case AdaptiveCache(int prompt, int gen, double ratio) ->
          "dllm=" + numbers(prompt, gen, ratio);
      default -> cache.toString();
    };
  }

  /** As {@link #commit} reads it; of Prophet, the rule inside it. */
  public static String of(CommitRule rule) {
    return switch (rule) {
      case Quota() -> "quota";
      case Threshold(double tau) -> "threshold=" + numbers(tau);
      case Factor(double f) -> "factor=" + numbers(f);
      case EntropyBounded(double gamma) -> "eb=" + numbers(gamma);
      case Klass(double tau, double epsilon, int n) -> "klass=" + numbers(tau, epsilon, n);
      case Remdm(Remdm.Strategy strategy, double eta) ->
          "remdm-" + strategy.name().toLowerCase(Locale.ROOT) + "=" + numbers(eta);
      case Prophet prophet -> of(prophet.rule());
      default -> rule.toString();
    };
  }

  private static String numbers(double... numbers) {
    return DoubleStream.of(numbers)
        .mapToObj(n -> n == Math.rint(n) ? Long.toString((long) n) : Double.toString(n))
        .collect(Collectors.joining(","));
  }
}
