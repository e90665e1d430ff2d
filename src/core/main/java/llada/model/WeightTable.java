package llada.model;

import java.util.List;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import llada.tensor.Shape;

/**
 * Every weight of a model, one row each: what readers, writers, gradients, optimisers,
 * quantisation, synthetic models and counts all walk. What a configuration lacks (biases, experts,
 * a head of its own) has no row.
 */
public final class WeightTable {
  private WeightTable() {}

  /**
   * One weight, or one for each expert of a layer.
   *
   * @param layer from 0; -1 outside the layers
   * @param huggingFace its name in Hugging Face folders, with the expert to fill in if it is
   *     stacked
   * @param gguf its name in GGUF files
   * @param shape of the weight, or of one expert's
   * @param experts how many there are; 0 where it is one weight
   * @param ropeHeads how many heads its rows belong to whose order differs between the formats; 0
   *     where rows stay
   */
  public record Row(
      Part part,
      int layer,
      String huggingFace,
      String gguf,
      Shape shape,
      int experts,
      int ropeHeads) {
    /** Its name in Hugging Face folders, of one expert if it is stacked. */
    public String huggingFace(int expert) {
      return experts == 0 ? huggingFace : huggingFace.replace("%e", Integer.toString(expert));
    }

    /** How many tensors it is: one for each expert. */
    public int count() {
      return Math.max(1, experts);
    }

    /** Its shape in a GGUF file, where experts are stacked. */
    public Shape stackedShape() {
      return experts == 0 ? shape : Shape.of(experts, shape.dim(0), shape.dim(1));
    }
  }

  /** All rows in the order of the forward pass. */
  public static List<Row> of(LladaConfig config) {
    return IntStream.rangeClosed(-1, config.nLayers())
        .boxed()
        .flatMap(layer -> rows(config, layer))
        .toList();
  }

  /**
   * The rows of one layer.
   *
   * @param layer from 0; -1 for what comes before the layers, L for what comes after them
   */
  public static Stream<Row> rows(LladaConfig config, int layer) {
    if (layer < 0) {
      return row(config, Part.EMBEDDING, -1);
    }
    if (layer == config.nLayers()) {
      Stream<Row> head = config.weightTying() ? Stream.empty() : row(config, Part.HEAD, -1);
      return Stream.concat(row(config, Part.FINAL_NORM, -1), head);
    }
    return config.architecture().names().keySet().stream()
        .filter(Part::inLayers)
        .flatMap(part -> row(config, part, layer));
  }

  /** Number of weights, the head counted only if it is its own. */
  public static long parameters(LladaConfig config) {
    return sum(config, Row::count);
  }

  /** Number of weights that a token is multiplied by: of the experts, those it is sent to. */
  public static long activeParameters(LladaConfig config) {
    int perToken = config.experts().map(FeedForwardConfig.Experts::perToken).orElse(0);
    long embedding = config.weightTying() ? 0 : (long) config.embeddingSize() * config.dModel();
    return sum(config, row -> row.experts() > 0 ? perToken : 1) - embedding;
  }

  private static long sum(LladaConfig config, ToIntFunction<Row> count) {
    long sum = 0;
    for (int layer = -1; layer <= config.nLayers(); layer++) {
      sum += rows(config, layer).mapToLong(r -> r.shape().elements() * count.applyAsInt(r)).sum();
    }
    return sum;
  }

  private static Stream<Row> row(LladaConfig config, Part part, int layer) {
    Architecture.Names names = config.architecture().names().get(part);
    long[] dims = dims(config, part, layer);
    if (dims.length == 0) {
      return Stream.empty();
    }
    AttentionConfig attention = config.attention();
    boolean rotated = part == Part.Q_PROJ || part == Part.K_PROJ;
    int heads = part == Part.Q_PROJ ? attention.heads() : attention.kvHeads();
    int experts =
        part.stacked() && config.feedForward(layer) instanceof FeedForwardConfig.Experts e
            ? e.count()
            : 0;
    return Stream.of(
        new Row(
            part,
            layer,
            named(names.huggingFace(), layer, "%e"),
            named(names.gguf(), layer, ""),
            Shape.of(dims),
            experts,
            rotated ? heads : 0));
  }

  private static String named(String pattern, int layer, String expert) {
    return pattern.replaceFirst("%d", Integer.toString(layer)).replace("%d", expert);
  }

  /** The sizes of a part, of one expert's if it is stacked; none if the model has no such part. */
  private static long[] dims(LladaConfig config, Part part, int layer) {
    AttentionConfig a = config.attention();
    long c = config.dModel();
    long q = a.channels();
    long kv = a.kvChannels();
    long v = config.embeddingSize();
    return switch (part) {
      case EMBEDDING, HEAD -> dims(v, c);
      case ATTN_NORM, FF_NORM, FINAL_NORM -> dims(c);
      case Q_PROJ -> dims(q, c);
      case K_PROJ, V_PROJ -> dims(kv, c);
      case QKV_PROJ -> dims(q + 2 * kv, c);
      case ATTN_OUT -> dims(c, q);
      case Q_NORM, K_NORM -> a.qkNorm() ? dims(a.headDim()) : dims();
      case Q_BIAS -> a.qkvBias() ? dims(q) : dims();
      case K_BIAS, V_BIAS -> a.qkvBias() ? dims(kv) : dims();
      case QKV_BIAS -> a.qkvBias() ? dims(q + 2 * kv) : dims();
      case ATTN_OUT_BIAS -> a.outBias() ? dims(c) : dims();
      default -> feedForwardDims(config.feedForward(layer), part, c);
    };
  }

  private static long[] feedForwardDims(FeedForwardConfig feedForward, Part part, long c) {
    return switch (feedForward) {
      case FeedForwardConfig.Dense(int f) ->
          switch (part) {
            case FF_PROJ, UP_PROJ -> dims(f, c);
            case FF_OUT -> dims(c, f);
            default -> dims();
          };
      case FeedForwardConfig.Experts e ->
          switch (part) {
            case ROUTER -> dims(e.count(), c);
            case ROUTER_BIAS -> e.hasBias() ? dims(e.count()) : dims();
            case EXPERT_GATE, EXPERT_UP -> dims(e.hidden(), c);
            case EXPERT_OUT -> dims(c, e.hidden());
            case SHARED_GATE, SHARED_UP ->
                e.sharedHidden() > 0 ? dims(e.sharedHidden(), c) : dims();
            case SHARED_OUT -> e.sharedHidden() > 0 ? dims(c, e.sharedHidden()) : dims();
            default -> dims();
          };
    };
  }

  private static long[] dims(long... dims) {
    return dims;
  }
}
