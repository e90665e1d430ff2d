package llada.converter;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.model.Probe;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * Sums of squares of what each weight is multiplied with, gathered while a model runs. Weights that
 * read the same input have the same sums.
 */
final class InputStatistics implements Probe {
  private final Map<String, double[]> sums = new LinkedHashMap<>();
  private final Map<String, Long> counts = new LinkedHashMap<>();
  private float[] row = new float[0];

  /** The weights of a block that read a value of the forward pass. */
  private static List<String> readers(int layer, String value) {
    return switch (value) {
      case "attn_norm" -> block(layer, "attn_q", "attn_k", "attn_v");
      case "attn_ctx" -> block(layer, "attn_output");
      case "ff_norm" -> block(layer, "ffn_gate", "ffn_up");
      case "ff_act" -> block(layer, "ffn_down");
      case "final_norm" -> List.of("output.weight");
      default -> List.of();
    };
  }

  private static List<String> block(int layer, String... names) {
    return Arrays.stream(names).map(name -> "blk.%d.%s.weight".formatted(layer, name)).toList();
  }

  @Override
  public void see(int layer, String name, Tensor value) {
    List<String> readers = readers(layer, name);
    if (readers.isEmpty()) {
      return;
    }
    int channels = value.dim(1);
    double[] squares = new double[channels];
    row = row.length < channels ? new float[channels] : row;
    for (int t = 0; t < value.dim(0); t++) {
      DType.F32.decode(value.data(), (long) t * channels, row, 0, channels);
      for (int c = 0; c < channels; c++) {
        squares[c] += (double) row[c] * row[c];
      }
    }
    for (String reader : readers) {
      double[] sum = sums.computeIfAbsent(reader, _ -> new double[channels]);
      for (int c = 0; c < channels; c++) {
        sum[c] += squares[c];
      }
      counts.merge(reader, (long) value.dim(0), Long::sum);
    }
  }

  /** Sums in float32, as files hold them, by the GGUF name of the weight. */
  Map<String, Importance.Sums> sums() {
    Map<String, Importance.Sums> all = new LinkedHashMap<>();
    sums.forEach(
        (name, squares) -> {
          float[] rounded = new float[squares.length];
          for (int i = 0; i < rounded.length; i++) {
            rounded[i] = (float) squares[i];
          }
          all.put(name, new Importance.Sums(rounded, counts.get(name)));
        });
    return all;
  }
}
