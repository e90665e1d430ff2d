package llada.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import llada.format.AtomicFile;
import llada.format.FormatException;
import llada.format.Json;
import llada.format.Safetensors;
import llada.kernel.scalar.RopeLayout;
import llada.model.LladaWeights;
import llada.model.LowRank;
import llada.model.WeightTable;
import llada.tensor.Tensor;

/**
 * A LoRA adapter as the Python library PEFT keeps it: a folder with {@code adapter_config.json} and
 * {@code adapter_model.safetensors}, in which each adapted matrix has A (r, K) and B (N, r) under
 * its Hugging Face name. Rows of q and k are in half-split order there, whatever the base's file
 * has.
 */
public final class PeftAdapter {
  /** The file that says what it is. */
  public static final String CONFIG = "adapter_config.json";

  /** The file with A and B. */
  public static final String WEIGHTS = "adapter_model.safetensors";

  // What makes the term another one, or changes more than it, when it is set.
  private static final List<String> FLAGS =
      List.of("use_dora", "use_qalora", "use_bdlora", "lora_bias", "fan_in_fan_out");
  private static final List<String> MORE =
      List.of(
          "modules_to_save",
          "alora_invocation_tokens",
          "trainable_token_indices",
          "target_parameters",
          "layer_replication");

  private static final int MAX_CONFIG_BYTES = 1 << 20;
  private static final String PREFIX = "base_model.model.";
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";

  private PeftAdapter() {}

  /** The name of A or B of a weight, as PEFT has it. */
  private static String name(WeightTable.Row row, String matrix) {
    return PREFIX + module(row) + matrix;
  }

  /** What PEFT calls the module of a weight. */
  public static String module(WeightTable.Row row) {
    return row.huggingFace().replaceFirst("\\.weight$", "");
  }

  /**
   * The model that an adapter says it belongs to: a folder, a file or the name of a repository.
   *
   * @throws FormatException if the folder holds no adapter
   */
  public static String base(Path folder) {
    return config(folder).get("base_model_name_or_path").or("").string();
  }

  private static Json config(Path folder) {
    Path file = folder.resolve(CONFIG);
    if (Files.notExists(file)) {
      throw new FormatException(
          "%s: cannot be read; an adapter is a folder with %s and %s"
              .formatted(file, CONFIG, WEIGHTS));
    }
    return Json.read(file, MAX_CONFIG_BYTES);
  }

  /**
   * Reads an adapter beside the weights of its base.
   *
   * @param weights that it is for; they stay as they are
   * @param arena owns A and B, in float32, B times the scale
   * @return the same weights with low-rank terms
   * @throws FormatException if the folder holds none that can be used with these weights
   */
  public static LladaWeights read(Path folder, LladaWeights weights, Arena arena) {
    Json config = config(folder);
    refuseOthers(config, folder);
    try (Arena file = Arena.ofShared()) {
      Path path = folder.resolve(WEIGHTS);
      Map<String, Tensor> stored = new TreeMap<>(Safetensors.open(path, file).tensors());
      NonFinite.first(stored)
          .ifPresent(
              bad -> {
                throw new FormatException(path + ": " + bad);
              });
      Map<WeightTable.Row, LowRank> terms = new LinkedHashMap<>();
      for (WeightTable.Row row : weights.table()) {
        Tensor a = stored.remove(name(row, A));
        Tensor b = stored.remove(name(row, B));
        if (a != null || b != null) {
          require(
              row.layer() >= 0 && row.experts() == 0,
              path,
              row,
              "is adapted, which only whole matrices within layers can be");
          require(a != null && b != null, path, row, "has only one of lora_A and lora_B");
          require(
              fits(a, b, row),
              path,
              row,
              "has lora_A %s and lora_B %s, but is %s here; is the adapter of this model?"
                  .formatted(a == null ? "" : a.shape(), b == null ? "" : b.shape(), row.shape()));
          float scale = scale(config, module(row), a.dim(0));
          float[] values = b.toArray();
          for (int i = 0; i < values.length; i++) {
            values[i] *= scale;
          }
          values = moved(values, row, RopeLayout.HALF_SPLIT, weights.ropeLayout());
          terms.put(
              row,
              new LowRank(
                  Tensor.of(arena, a.toArray(), a.shape().toArray()),
                  Tensor.of(arena, values, b.shape().toArray())));
        }
      }
      if (!stored.isEmpty() || terms.isEmpty()) {
        throw new FormatException(
            "%s: %s; is the adapter of this model?"
                .formatted(
                    path,
                    terms.isEmpty() && stored.isEmpty()
                        ? "holds no tensors"
                        : "adapts what the model does not have, or not as LoRA: "
                            + new TreeSet<>(stored.keySet()).first()));
      }
      return weights.with(terms);
    }
  }

  private static void require(boolean holds, Path path, WeightTable.Row row, String otherwise) {
    if (!holds) {
      throw new FormatException("%s: %s %s".formatted(path, module(row), otherwise));
    }
  }

  private static boolean fits(Tensor a, Tensor b, WeightTable.Row row) {
    return a.shape().rank() == 2
        && b.shape().rank() == 2
        && a.shape().dim(0) > 0
        && a.shape().dim(0) == b.shape().dim(1)
        && a.shape().dim(1) == row.shape().dim(1)
        && b.shape().dim(0) == row.shape().dim(0);
  }

  /** Kinds of adapters that compute something else than W + s B A. */
  private static void refuseOthers(Json config, Path folder) {
    String type = config.get("peft_type").or("LORA").string();
    Map<String, Boolean> wrong = new LinkedHashMap<>();
    wrong.put("peft_type " + type, !type.equals("LORA"));
    for (String key : FLAGS) {
      wrong.put(key, config.get(key).or(false).bool());
    }
    for (String key : MORE) {
      wrong.put(key, !config.get(key).isNull());
    }
    wrong.put("bias", !config.get("bias").or("none").string().equals("none"));
    for (Map.Entry<String, Boolean> entry : wrong.entrySet()) {
      if (entry.getValue()) {
        throw new FormatException(
            "%s: has %s, which is not supported; plain LoRA is, so merge this adapter with PEFT and convert the result"
                .formatted(folder.resolve(CONFIG), entry.getKey()));
      }
    }
  }

  /**
   * alpha / r, or alpha / sqrt(r) with use_rslora; alpha_pattern may give a module its own alpha.
   */
  private static float scale(Json config, String module, int rank) {
    double alpha = config.get("lora_alpha").number();
    Json own = config.get("alpha_pattern").or(Map.of());
    for (String pattern : own.map().keySet()) {
      try {
        if (Pattern.compile("(.*\\.)?(" + pattern + ")").matcher(module).matches()) {
          alpha = own.get(pattern).number();
          break;
        }
      } catch (PatternSyntaxException e) {
        throw new FormatException("%s: '%s' is no pattern".formatted(own.where(), pattern), e);
      }
    }
    boolean root = config.get("use_rslora").or(false).bool();
    return (float) (root ? alpha / Math.sqrt(rank) : alpha / rank);
  }

  /** The rows of B of q or k in another order. */
  private static float[] moved(float[] b, WeightTable.Row row, RopeLayout from, RopeLayout to) {
    if (row.ropeHeads() == 0 || from == to) {
      return b;
    }
    int rows = Math.toIntExact(row.shape().dim(0));
    int rank = b.length / rows;
    float[] moved = new float[b.length];
    for (int i = 0; i < rows; i++) {
      int at = Math.toIntExact(RopeRows.move(i, rows / row.ropeHeads(), from, to));
      System.arraycopy(b, i * rank, moved, at * rank, rank);
    }
    return moved;
  }

  /**
   * A and B under the names and in the order that PEFT has.
   *
   * @param terms by row; B without the scale
   * @param layout of the rows of q and k
   * @param arena owns what is moved
   */
  public static Map<String, Tensor> tensors(
      Map<WeightTable.Row, LowRank> terms, RopeLayout layout, Arena arena) {
    Map<String, Tensor> all = new LinkedHashMap<>();
    terms.forEach(
        (row, term) -> {
          all.put(name(row, A), term.a());
          Tensor b = term.b();
          boolean moves = row.ropeHeads() > 0 && layout != RopeLayout.HALF_SPLIT;
          all.put(
              name(row, B),
              moves
                  ? Tensor.of(
                      arena,
                      moved(b.toArray(), row, layout, RopeLayout.HALF_SPLIT),
                      b.shape().toArray())
                  : b);
        });
    return all;
  }

  /**
   * Writes an adapter. The targets are a pattern of whole names: by its last part alone, a matrix
   * within layers may be called like one outside.
   *
   * @param terms by row, all of one rank; B without the scale
   * @param layout of the rows of q and k
   * @param alpha the scale times the rank
   * @param base what the adapter belongs to: a folder or a name
   * @throws IOException if the folder cannot be written
   */
  public static void write(
      Path folder,
      Map<WeightTable.Row, LowRank> terms,
      RopeLayout layout,
      double alpha,
      String base)
      throws IOException {
    try (Arena arena = Arena.ofShared()) {
      Safetensors.write(
          folder.resolve(WEIGHTS), tensors(terms, layout, arena), Map.of("format", "pt"));
    }
    String targets =
        terms.keySet().stream()
            .map(row -> module(row).replace(".", "\\.").replaceFirst("\\d+", "\\\\d+"))
            .distinct()
            .sorted()
            .collect(Collectors.joining("|"));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes).useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeStringField("base_model_name_or_path", base);
      json.writeStringField("bias", "none");
      json.writeBooleanField("inference_mode", true);
      json.writeNumberField("lora_alpha", alpha);
      json.writeNumberField("lora_dropout", 0.0);
      json.writeStringField("peft_type", "LORA");
      json.writeNumberField("r", terms.values().iterator().next().rank());
      json.writeStringField("target_modules", "(" + targets + ")");
      json.writeStringField("task_type", "CAUSAL_LM");
      json.writeEndObject();
    }
    AtomicFile.write(folder.resolve(CONFIG), bytes.toByteArray());
  }
}
