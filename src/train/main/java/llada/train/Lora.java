package llada.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import llada.checkpoint.HuggingFaceFolder;
import llada.format.AtomicFile;
import llada.format.Safetensors;
import llada.kernel.Parallel;
import llada.tensor.DType;
import llada.tensor.RandomStreams;
import llada.tensor.RandomStreams.Purpose;
import llada.tensor.Tensor;

/**
 * Low-rank adaptation (Hu et al. 2021): instead of a matrix W (N, K) two thin ones are trained,
 *
 * <pre>
 *   W = W0 + s B A,  A (r, K), B (N, r), s = alpha / r
 *   dB = s dW A^T,   dA = s B^T dW
 * </pre>
 *
 * B begins as zero, so training begins with the base model. W is kept merged at all times: the
 * network needs not know, and a checkpoint is an ordinary model. What LoRA saves is the optimizer's
 * memory and the size of what is learnt; gradients of W are still computed.
 */
public final class Lora implements Trained {
  /** Matrices that can be adapted, by the last part of their names. */
  public static final Set<String> TARGETS =
      Set.of("q_proj", "k_proj", "v_proj", "attn_out", "ff_proj", "up_proj", "ff_out");

  private final Network network;
  private final Parallel parallel;
  private final float scale;
  private final List<Adapter> adapters = new ArrayList<>();

  private record Adapter(
      Tensor weight, Tensor gradient, Tensor base, Parameter a, Parameter b, int rank) {}

  /**
   * Adapters on a network.
   *
   * @param rank r
   * @param alpha s times r
   * @param targets some of {@link #TARGETS}
   * @param seed of the first A
   * @param arena owns adapters and the copies of W0
   * @throws IllegalArgumentException if the rank or a target is impossible
   */
  public Lora(
      Network network,
      int rank,
      double alpha,
      Set<String> targets,
      long seed,
      Parallel parallel,
      Arena arena) {
    if (rank < 1) {
      throw new IllegalArgumentException("the rank is %d; it must be at least 1".formatted(rank));
    }
    for (String target : targets) {
      if (!TARGETS.contains(target)) {
        throw new IllegalArgumentException(
            "LoRA has no target '%s'; there are %s"
                .formatted(target, String.join(", ", TARGETS.stream().sorted().toList())));
      }
    }
    this.network = network;
    this.parallel = parallel;
    this.scale = (float) (alpha / rank);
    SplittableRandom seeds = RandomStreams.of(seed, Purpose.ADAPTERS);
    Map<String, Tensor> gradients = HuggingFaceFolder.byName(network.gradients());
    HuggingFaceFolder.byName(network.weights())
        .forEach(
            (name, weight) -> {
              if (name.contains(".blocks.") && targets.contains(target(name))) {
                adapters.add(
                    adapter(name, weight, gradients.get(name), rank, seeds.split(), arena));
              }
            });
  }

  private static String target(String name) {
    String[] parts = name.split("\\.");
    return parts[parts.length - 2];
  }

  private static Adapter adapter(
      String name, Tensor weight, Tensor gradient, int rank, SplittableRandom random, Arena arena) {
    int n = weight.dim(0);
    int k = weight.dim(1);
    Tensor base = Tensor.allocate(arena, DType.F32, n, k);
    Weights.copy(weight, base);
    Tensor a = Tensor.allocate(arena, DType.F32, rank, k);
    double range = 1 / Math.sqrt(k); // Kaiming uniform with a = sqrt(5), as PEFT
    for (long i = 0; i < a.shape().elements(); i++) {
      a.set(i, (float) (range * (2 * random.nextDouble() - 1)));
    }
    Tensor b = Tensor.allocate(arena, DType.F32, n, rank);
    String prefix = name.substring(0, name.length() - ".weight".length());
    return new Adapter(
        weight,
        gradient,
        base,
        new Parameter(prefix + ".lora_A.weight", a, Tensor.allocate(arena, DType.F32, rank, k)),
        new Parameter(prefix + ".lora_B.weight", b, Tensor.allocate(arena, DType.F32, n, rank)),
        rank);
  }

  @Override
  public List<Parameter> parameters() {
    List<Parameter> all = new ArrayList<>();
    adapters.forEach(
        adapter -> {
          all.add(adapter.a);
          all.add(adapter.b);
        });
    return all;
  }

  /** The adapters under the names that PEFT gives them. */
  public Map<String, Tensor> peft() {
    Map<String, Tensor> byName = new LinkedHashMap<>();
    parameters().forEach(p -> byName.put("base_model.model." + p.name(), p.value()));
    return byName;
  }

  /**
   * Writes {@code adapter_model.safetensors} and {@code adapter_config.json}, as PEFT has them. The
   * targets are a pattern of whole names: by its last part alone, ff_out would be the head too.
   *
   * @param adapted what the adapters belong to: a folder or a name
   * @throws IOException if the folder cannot be written
   */
  void write(Path folder, String adapted) throws IOException {
    Safetensors.write(folder.resolve("adapter_model.safetensors"), peft(), Map.of("format", "pt"));
    String targets =
        adapters.stream()
            .map(adapter -> target(adapter.b.name().replace(".lora_B", "")))
            .distinct()
            .sorted()
            .collect(Collectors.joining("|"));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      int rank = adapters.getFirst().rank;
      json.writeStartObject();
      json.writeStringField("base_model_name_or_path", adapted);
      json.writeStringField("bias", "none");
      json.writeBooleanField("inference_mode", true);
      json.writeNumberField("lora_alpha", scale * rank);
      json.writeNumberField("lora_dropout", 0.0);
      json.writeStringField("peft_type", "LORA");
      json.writeNumberField("r", rank);
      json.writeStringField("target_modules", ".*\\.blocks\\.\\d+\\.(" + targets + ")");
      json.writeStringField("task_type", "CAUSAL_LM");
      json.writeEndObject();
    }
    AtomicFile.write(folder.resolve("adapter_config.json"), bytes.toByteArray());
  }

  @Override
  public void gradientsReady() {
    for (Adapter adapter : adapters) {
      int n = adapter.weight.dim(0);
      int k = adapter.weight.dim(1);
      int r = adapter.rank;
      float[] a = adapter.a.value().toArray();
      float[] b = adapter.b.value().toArray();
      MemorySegment dw = adapter.gradient.data();
      MemorySegment db = adapter.b.gradient().data();
      parallel.forEach(
          n,
          (row, _) -> {
            float[] g = new float[k];
            MemorySegment.copy(dw, Tensor.F32, 4L * row * k, g, 0, k);
            for (int j = 0; j < r; j++) {
              float sum = 0;
              for (int i = 0; i < k; i++) {
                sum += g[i] * a[j * k + i];
              }
              db.set(Tensor.F32, 4L * (row * r + j), scale * sum);
            }
          });
      MemorySegment da = adapter.a.gradient().data();
      parallel.forEach(
          r,
          (j, _) -> {
            float[] sum = new float[k];
            float[] g = new float[k];
            for (int row = 0; row < n; row++) {
              MemorySegment.copy(dw, Tensor.F32, 4L * row * k, g, 0, k);
              float factor = scale * b[row * r + j];
              for (int i = 0; i < k; i++) {
                sum[i] += factor * g[i];
              }
            }
            MemorySegment.copy(sum, 0, da, Tensor.F32, 4L * j * k, k);
          });
    }
  }

  /** Merges: W = W0 + s B A. */
  @Override
  public void moved() {
    for (Adapter adapter : adapters) {
      int n = adapter.weight.dim(0);
      int k = adapter.weight.dim(1);
      int r = adapter.rank;
      float[] a = adapter.a.value().toArray();
      float[] b = adapter.b.value().toArray();
      parallel.forEach(
          n,
          (row, _) -> {
            float[] sum = new float[k];
            MemorySegment.copy(adapter.base.data(), Tensor.F32, 4L * row * k, sum, 0, k);
            for (int j = 0; j < r; j++) {
              float factor = scale * b[row * r + j];
              for (int i = 0; i < k; i++) {
                sum[i] += factor * a[j * k + i];
              }
            }
            MemorySegment.copy(sum, 0, adapter.weight.data(), Tensor.F32, 4L * row * k, k);
          });
    }
  }

  @Override
  public void clear() {
    HuggingFaceFolder.byName(network.gradients()).values().forEach(Tensor::clear);
  }
}
