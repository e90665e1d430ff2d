package llada.bench;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import llada.diffusion.Daedal;
import llada.diffusion.Decoder;
import llada.diffusion.DecoderText;
import llada.diffusion.Repetition;
import llada.diffusion.SamplerOptions;
import llada.diffusion.cache.CachePolicy;
import llada.diffusion.cache.Recompute;
import llada.diffusion.commit.CommitRule;
import llada.diffusion.commit.Prophet;
import llada.diffusion.commit.Quota;
import llada.tensor.DType;

/**
 * A way to decode, written as parts joined by a plus: {@code dual+threshold=0.9+eos}. Parts are
 * caches and rules as {@link DecoderText} has them, and {@code exact}, {@code eos} (stop there),
 * {@code prophet}, {@code daedal} (variable length), {@code bf16} or {@code q8_0} (the cache's
 * type), {@code steps=N} and {@code block=N}.
 *
 * @param name as written
 * @param decoder what it means
 * @param stopAtEos whether it ends where the answer does
 * @param steps of the whole answer; 0 for as many as tokens
 * @param block length; 0 for the benchmark's
 */
public record DecodeSetting(String name, Decoder decoder, boolean stopAtEos, int steps, int block) {

  /** What is compared when nothing is named; the first is what others are compared with. */
  public static List<String> all(int genLength) {
    return List.of(
        "exact",
        "exact+eos",
        "steps=" + genLength / 2,
        "steps=" + genLength / 4,
        "threshold=0.9",
        "threshold=0.7",
        "factor=1",
        "eb=0.01",
        "eb=0.1",
        "klass=0.6,0.015,2",
        "exact+prophet",
        "prefix",
        "dual",
        "dkv=8",
        "dkv-pd=8",
        "dllm=100,7,0.25",
        "prefix+threshold=0.9+eos",
        "dual+threshold=0.9+eos",
        "dual+threshold=0.95+eos",
        "dual+threshold=0.7+eos",
        "dual+factor=1+eos",
        "dual+eb=0.01+eos",
        "dual+threshold=0.9+eos+bf16",
        "dual+threshold=0.9+eos+q8_0",
        "dkv=8+threshold=0.9+eos",
        "dllm=100,7,0.25+threshold=0.9+eos",
        "dual+threshold=0.9+prophet+eos",
        "dual+threshold=0.9+daedal+eos",
        "remdm-cap+steps=" + 2 * genLength);
  }

  /**
   * Reads the parts.
   *
   * @throws IllegalArgumentException if there is no such part, or they do not go together
   */
  public static DecodeSetting parse(String text) {
    CachePolicy cache = new Recompute();
    CommitRule commit = new Quota();
    DType type = DType.F32;
    boolean eos = false;
    boolean prophet = false;
    Optional<Daedal> length = Optional.empty();
    int steps = 0;
    int block = 0;
    try {
      for (String part : text.split("\\+", -1)) {
        String name = part.split("=", 2)[0];
        switch (name) {
          case "exact" -> {}
          case "eos" -> eos = true;
          case "prophet" -> prophet = true;
          case "daedal" -> length = Optional.of(new Daedal());
          case "f32", "bf16", "q8_0" -> type = DType.valueOf(name.toUpperCase(Locale.ROOT));
          case "steps" -> steps = number(part);
          case "block" -> block = number(part);
          case "none", "prefix", "dual", "dkv", "dkv-pd", "dllm" -> cache = DecoderText.cache(part);
          default -> commit = DecoderText.commit(part);
        }
      }
      commit = prophet ? new Prophet(commit) : commit;
      Decoder decoder = new Decoder(cache, type, commit, Repetition.NONE, length);
      return new DecodeSetting(text, decoder, eos, steps, block);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("'%s': %s".formatted(text, e.getMessage()), e);
    }
  }

  private static int number(String part) {
    try {
      return Integer.parseInt(part.substring(part.indexOf('=') + 1));
    } catch (NumberFormatException _) {
      throw new IllegalArgumentException("'%s' needs a whole number".formatted(part));
    }
  }

  /**
   * The options of a generation.
   *
   * @throws IllegalArgumentException if the lengths do not go together
   */
  public SamplerOptions options(int genLength, int blockLength) {
    try {
      return SamplerOptions.defaults().toBuilder()
          .lengths(steps == 0 ? genLength : steps, genLength, block == 0 ? blockLength : block)
          .stopAtEos(stopAtEos)
          .decoder(decoder)
          .build();
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("'%s': %s".formatted(name, e.getMessage()), e);
    }
  }
}
