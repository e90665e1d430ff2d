package llada.train;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.kernel.Kernels;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * An exponential moving average of the weights: average = d average + (1 - d) weight after each
 * step, starting from the first weights. At step n, d = min(decay, (1 + n) / (10 + n)): a young
 * average forgets faster, so that the random beginning does not weigh on short runs. Often a better
 * model than the last weights.
 */
public final class Ema {
  private final List<Parameter> parameters;
  private final List<Tensor> averages = new ArrayList<>();
  private final double decay;
  private final Kernels kernels;

  /**
   * Starts from the weights as they are.
   *
   * @param decay from 0 to 1, 1 excluded
   * @throws IllegalArgumentException if it is not
   */
  public Ema(List<Parameter> parameters, double decay, Kernels kernels, Arena arena) {
    if (!(decay >= 0 && decay < 1)) {
      throw new IllegalArgumentException(
          "the average's decay is %s; it must be at least 0 and below 1".formatted(decay));
    }
    this.parameters = List.copyOf(parameters);
    this.decay = decay;
    this.kernels = kernels;
    for (Parameter parameter : parameters) {
      Tensor average = Tensor.allocate(arena, DType.F32, parameter.value().shape().toArray());
      average.data().copyFrom(parameter.value().reading());
      averages.add(average);
    }
  }

  /**
   * Takes the weights of another step in.
   *
   * @param step its number, from 1
   */
  public void update(long step) {
    float share = (float) (1 - Math.min(decay, (1.0 + step) / (10.0 + step)));
    for (int p = 0; p < averages.size(); p++) {
      kernels.average(averages.get(p), parameters.get(p).value(), share);
    }
  }

  /** The averages by the parameters' names. */
  public Map<String, Tensor> averages() {
    Map<String, Tensor> byName = new LinkedHashMap<>();
    for (int p = 0; p < averages.size(); p++) {
      byName.put(parameters.get(p).name(), averages.get(p));
    }
    return byName;
  }

  /** Puts the averages in the weights' place, or back: they are exchanged. */
  public void swap() {
    for (int p = 0; p < averages.size(); p++) {
      MemorySegment average = averages.get(p).data();
      MemorySegment value = parameters.get(p).value().data();
      byte[] kept = average.toArray(ValueLayout.JAVA_BYTE);
      average.copyFrom(value);
      value.copyFrom(MemorySegment.ofArray(kept));
    }
  }
}
