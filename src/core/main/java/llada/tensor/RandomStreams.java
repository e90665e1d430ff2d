package llada.tensor;

import java.util.List;
import java.util.SplittableRandom;

/**
 * Every random number of the project, addressed by what it is for:
 *
 * <pre>
 *   h = mix(seed);  for each c of purpose, counters:  h = mix(rotate(h, 32) + c)
 * </pre>
 *
 * <p>The purpose tells who draws, the counters which step, batch or item it is for. Streams of
 * neighbouring seeds, steps and purposes share nothing, so experiments over seeds are independent.
 * That does not hold for seeds that are added or multiplied: {@link SplittableRandom} advances by
 * 0x9E3779B97F4A7C15, and a seed that differs by it gives the same numbers, shifted by one draw.
 * Therefore nobody else makes a generator or does arithmetic with a seed.
 *
 * <p>All methods may be called by any number of threads; a generator belongs to one of them.
 */
public final class RandomStreams {
  /**
   * Which numbers a seed gives. Version 1 (up to November 2026) added and multiplied seeds; since
   * version 2 the same seed gives other text, masks and weights. What must go on with the numbers
   * that it began with records the version: checkpoints of a training run, result files.
   */
  public static final int VERSION = 2;

  private RandomStreams() {}

  /** What numbers are for. The name is part of the hash: a new one gives new numbers. */
  public enum Purpose {
    SAMPLING, // Gumbel noise and scores of the sampler, by step and sequence
    LIKELIHOOD, // masks of a likelihood estimate, by batch and copy
    ITEM, // a seed of its own for each prompt, question, window or piece of a list, by number
    TURN, // a seed of its own for each turn of a chat, by number
    TRAINING, // what a training step draws: lengths, t and masks; by number of the batch
    EPOCH, // the order of the sequences, by epoch
    VALIDATION, // masks of a validation, by sequence
    WEIGHTS, // fresh weights
    ADAPTERS, // the first A of adapters
    SYNTHETIC, // weights of a synthetic model, by tensor and piece
    CORPUS_CHATS, // the bundled model's lessons
    CORPUS_QUESTIONS, // questions about them that are held out
    EXPERIMENT_STEP, // a training step of an experiment, by number
    EXPERIMENT_TRUTH, // the true distribution of an experiment
    EXPERIMENT_DATA, // data that an experiment trains on again and again
    EXPERIMENT_HELD_OUT, // data of an experiment that is never trained on
    EXPERIMENT_MEASURE, // masks and estimates of an experiment's measurements
    BENCHMARK, // inputs of speed measurements
    SELF_CHECK // inputs of a backend's check of itself
  }

  /** The generator of a stream. */
  public static SplittableRandom of(long seed, Purpose purpose, long... counters) {
    return new SplittableRandom(hash(seed, purpose, counters));
  }

  /**
   * A seed that follows from another one, as {@code --seed} takes it: from 0 to 2^53 - 1, so that
   * any JSON reader keeps it whole.
   */
  public static long seed(long seed, Purpose purpose, long... counters) {
    return hash(seed, purpose, counters) >>> 11;
  }

  /** The seeds of several numbered items. */
  public static long[] seeds(long seed, Purpose purpose, List<Integer> numbers) {
    return numbers.stream().mapToLong(number -> seed(seed, purpose, number)).toArray();
  }

  /** The 64 bits that a stream begins with. */
  public static long hash(long seed, Purpose purpose, long... counters) {
    long h = next(mix(seed), purpose.name().hashCode());
    for (long counter : counters) {
      h = next(h, counter);
    }
    return h;
  }

  // Without the rotation a counter would pick a number of the stream that the hash so far begins.
  private static long next(long h, long counter) {
    return mix(Long.rotateLeft(h, 32) + counter);
  }

  /** The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit depends on all others. */
  public static long mix(long key) {
    long z = key + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
