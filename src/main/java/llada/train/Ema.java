package llada.train;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.kernel.Parallel;
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
  private final Parallel parallel;

  /**
   * Starts from the weights as they are.
   *
   * @param decay from 0 to 1, 1 excluded
   * @throws IllegalArgumentException if it is not
   */
  public Ema(List<Parameter> parameters, double decay, Parallel parallel, Arena arena) {
    if (!(decay >= 0 && decay < 1)) {
      throw new IllegalArgumentException(
          "the average's decay is %s; it must be at least 0 and below 1".formatted(decay));
    }
    this.parameters = List.copyOf(parameters);
    this.decay = decay;
    this.parallel = parallel;
    for (Parameter parameter : parameters) {
      Tensor average = Tensor.allocate(arena, DType.F32, parameter.value().shape().toArray());
      average.data().copyFrom(parameter.value().data());
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
    parallel.forEach(
        averages.size(),
        (p, _) -> {
          Tensor average = averages.get(p);
          Tensor value = parameters.get(p).value();
          for (long i = 0; i < average.shape().elements(); i++) {
            float old = average.data().get(Tensor.F32, 4 * i);
            float now = value.data().get(Tensor.F32, 4 * i);
            average.data().set(Tensor.F32, 4 * i, old + share * (now - old));
          }
        });
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
    parallel.forEach(
        averages.size(),
        (p, _) -> {
          Tensor average = averages.get(p);
          Tensor value = parameters.get(p).value();
          byte[] kept = average.data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
          average.data().copyFrom(value.data());
          value.data().copyFrom(java.lang.foreign.MemorySegment.ofArray(kept));
        });
  }
}
