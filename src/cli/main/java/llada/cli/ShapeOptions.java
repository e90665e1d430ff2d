package llada.cli;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import llada.checkpoint.PublishedShape;
import llada.checkpoint.QuantizationMix;
import llada.checkpoint.SyntheticModel;
import llada.tensor.DType;
import picocli.CommandLine.Option;

/** The shape and the types of a model with random weights. */
final class ShapeOptions {
  private static final String CUSTOM = "custom";

  @Option(
      names = "--shape",
      paramLabel = "NAME",
      description =
          "llada-8b, illada-8b, llada-1b, llada2-mini, llada-moe, llama3-8b, or custom, which needs"
              + " --dim, --heads, --ffn, --vocab and --layers.")
  private String shape;

  @Option(
      names = "--layers",
      paramLabel = "N",
      description = "Blocks. Default: as many as the model of that name has.")
  private Integer layers;

  @Option(
      names = "--type",
      paramLabel = "TYPE",
      description =
          "Of the weights: f32, f16, bf16, q8_0, q4_0, q4_k, q4_k_m, q5_k, q5_k_m or q6_k. Default:"
              + " q8_0.")
  private String type;

  @Option(
      names = "--head",
      paramLabel = "TYPE",
      description =
          "Of the head (and of the embedding where they are one). Default: as llama.cpp's quantiser"
              + " makes it, q6_k for all quantised types but q8_0.")
  private String head;

  @Option(names = "--dim", paramLabel = "N", description = "Custom: channels.")
  private Integer dim;

  @Option(names = "--heads", paramLabel = "N", description = "Custom: query heads.")
  private Integer heads;

  @Option(
      names = "--kv-heads",
      paramLabel = "N",
      description = "Custom: key-value heads. Default: as many as query heads.")
  private Integer kvHeads;

  @Option(names = "--ffn", paramLabel = "N", description = "Custom: feed-forward channels.")
  private Integer ffn;

  @Option(names = "--vocab", paramLabel = "N", description = "Custom: tokens, at least 262.")
  private Integer vocab;

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "Custom: the longest sequence. Default: 4096.")
  private Integer context;

  /** Whether a shape was given. */
  boolean given() {
    return shape != null;
  }

  /** The first option that makes no sense without {@code --shape}, if one was given. */
  Optional<String> stray() {
    Map<String, Object> all = custom();
    all.put("--layers", layers);
    all.put("--type", type);
    all.put("--head", head);
    return all.keySet().stream().filter(name -> all.get(name) != null).findFirst();
  }

  private Map<String, Object> custom() {
    Map<String, Object> custom = new LinkedHashMap<>();
    custom.put("--dim", dim);
    custom.put("--heads", heads);
    custom.put("--ffn", ffn);
    custom.put("--vocab", vocab);
    custom.put("--kv-heads", kvHeads);
    custom.put("--context", context);
    return custom;
  }

  /**
   * The model.
   *
   * @param seed of its weights
   * @throws UsageException if the options do not make one
   */
  SyntheticModel model(long seed) {
    if (shape == null) {
      throw new UsageException(
          "--shape is missing; pass %s or custom".formatted(names(PublishedShape.values())));
    }
    QuantizationMix mix = mix();
    Optional<DType> headType = headType();
    atLeastOne("--layers", layers);
    if (shape.equals(CUSTOM)) {
      return custom(mix, headType, seed);
    }
    PublishedShape published =
        Arrays.stream(PublishedShape.values())
            .filter(known -> known.toString().equals(shape))
            .findFirst()
            .orElseThrow(
                () ->
                    new UsageException(
                        "--shape is '%s'; it must be one of %s, custom"
                            .formatted(shape, names(PublishedShape.values()))));
    custom()
        .forEach(
            (name, value) -> {
              if (value != null) {
                throw new UsageException(
                    "%s needs --shape custom; the sizes of %s are fixed".formatted(name, shape));
              }
            });
    return SyntheticModel.of(
        published, layers == null ? published.layers() : layers, mix, headType, seed);
  }

  private SyntheticModel custom(QuantizationMix mix, Optional<DType> headType, long seed) {
    Map<String, Object> needed = custom();
    needed.put("--layers", layers);
    needed.put("--kv-heads", kvHeads == null ? heads : kvHeads);
    needed.put("--context", context == null ? Integer.valueOf(4096) : context);
    needed.forEach(
        (name, value) -> {
          if (value == null) {
            throw new UsageException(
                "%s is missing; --shape custom needs --dim, --heads, --ffn, --vocab and --layers"
                    .formatted(name));
          }
          atLeastOne(name, (Integer) value);
        });
    try {
      return SyntheticModel.of(
          new SyntheticModel.Sizes(
              dim,
              layers,
              heads,
              (Integer) needed.get("--kv-heads"),
              ffn,
              vocab,
              (Integer) needed.get("--context")),
          mix,
          headType,
          seed);
    } catch (IllegalArgumentException e) {
      throw new UsageException("--shape custom: " + e.getMessage());
    }
  }

  private static void atLeastOne(String name, Integer value) {
    if (value != null && value < 1) {
      throw new UsageException("%s is %d; it must be at least 1".formatted(name, value));
    }
  }

  private QuantizationMix mix() {
    if (type == null) {
      return QuantizationMix.Q8_0;
    }
    return Arrays.stream(QuantizationMix.values())
        .filter(mix -> mix.toString().equals(type.toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () ->
                new UsageException(
                    "--type is '%s'; it must be one of %s"
                        .formatted(type, names(QuantizationMix.values()))));
  }

  private Optional<DType> headType() {
    if (head == null) {
      return Optional.empty();
    }
    Optional<DType> found =
        DType.written().stream().filter(known -> known.name().equalsIgnoreCase(head)).findFirst();
    if (found.isEmpty()) {
      throw new UsageException(
          "--head is '%s'; it must be one of f32, f16, bf16, q8_0, q4_0, q4_k, q5_k, q6_k"
              .formatted(head));
    }
    return found;
  }

  private static String names(Object[] values) {
    return Arrays.stream(values).map(Object::toString).collect(Collectors.joining(", "));
  }
}
