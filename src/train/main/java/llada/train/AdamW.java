package llada.train;

import static llada.diffusion.SettingException.require;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.kernel.Kernels;
import llada.tensor.DType;
import llada.tensor.Tensor;

/**
 * AdamW (Loshchilov and Hutter 2019) with the norm of the gradients clipped.
 *
 * <pre>
 *   g = clip g, clip = min(1, max_norm / (|g| + 1e-6)), |g| the norm over all parameters
 *   w = w - lr decay w
 *   m = beta1 m + (1 - beta1) g
 *   v = beta2 v + (1 - beta2) g g
 *   w = w - lr (m / (1 - beta1^n)) / (sqrt(v / (1 - beta2^n)) + eps)
 * </pre>
 *
 * The loops over the weights are the kernels' (see {@link llada.kernel.scalar.AdamW}).
 */
public final class AdamW {
  private static final double CLIP_EPS = 1e-6; // torch.nn.utils.clip_grad_norm_

  private final Options options;
  private final Kernels kernels;
  private final List<Parameter> parameters;
  private final List<Tensor> first = new ArrayList<>();
  private final List<Tensor> second = new ArrayList<>();

  /**
   * How to step.
   *
   * @param beta1 memory of the mean
   * @param beta2 memory of the square
   * @param eps added to the root
   * @param weightDecay share of the weight that is taken off, times the learning rate
   * @param decayAll whether vectors (norms) decay too, not only matrices
   * @param clip largest norm of the gradients; 0 for no limit
   */
  public record Options(
      double beta1, double beta2, double eps, double weightDecay, boolean decayAll, double clip) {
    /** LLaDA's: 0.9, 0.95, 1e-8, 0.1 on matrices, clipped at 1. */
    public static final Options LLADA = new Options(0.9, 0.95, 1e-8, 0.1, false, 1);

    /**
     * Checks the numbers.
     *
     * @throws llada.diffusion.SettingException naming the one that is wrong
     */
    public Options {
      require(beta1 >= 0 && beta1 < 1, "beta1", " is %s; it must be at least 0 and below 1", beta1);
      require(beta2 >= 0 && beta2 < 1, "beta2", " is %s; it must be at least 0 and below 1", beta2);
      require(eps > 0, "Adam's eps", " is %s; it must be positive", eps);
      require(
          weightDecay >= 0 && weightDecay < 1,
          "weight decay",
          " is %s; it must be at least 0 and below 1",
          weightDecay);
      require(clip >= 0, "clip", " is %s; it must be 0 (off) or more", clip);
    }
  }

  /**
   * An optimizer that has made no step.
   *
   * @param arena owns its state, two float32 numbers a weight
   */
  public AdamW(List<Parameter> parameters, Options options, Kernels kernels, Arena arena) {
    this.options = options;
    this.kernels = kernels;
    this.parameters = List.copyOf(parameters);
    for (Parameter parameter : parameters) {
      long[] dims = parameter.value().shape().toArray();
      first.add(Tensor.allocate(arena, DType.F32, dims));
      second.add(Tensor.allocate(arena, DType.F32, dims));
    }
  }

  /** The state by name, for checkpoints: m and v of each parameter. */
  public Map<String, Tensor> state() {
    Map<String, Tensor> state = new LinkedHashMap<>();
    for (int p = 0; p < parameters.size(); p++) {
      state.put("m." + parameters.get(p).name(), first.get(p));
      state.put("v." + parameters.get(p).name(), second.get(p));
    }
    return state;
  }

  /** The norm of all gradients together, in double. */
  public double gradientNorm() {
    return Math.sqrt(kernels.sumOfSquares(parameters.stream().map(Parameter::gradient).toList()));
  }

  /** What gradients of this norm are multiplied by. */
  public double clipCoefficient(double norm) {
    return options.clip == 0 ? 1 : Math.min(1, options.clip / (norm + CLIP_EPS));
  }

  /**
   * One step.
   *
   * @param number of this step, from 1
   * @param learningRate of this step
   * @param clip see {@link #clipCoefficient}
   */
  public void step(long number, double learningRate, double clip) {
    float correct1 = (float) (1 / (1 - Math.pow(options.beta1, (double) number)));
    float correct2 = (float) (1 / (1 - Math.pow(options.beta2, (double) number)));
    for (int p = 0; p < parameters.size(); p++) {
      Parameter parameter = parameters.get(p);
      boolean decays = options.decayAll || parameter.matrix();
      kernels.adamW(
          parameter.value(),
          parameter.gradient(),
          first.get(p),
          second.get(p),
          new llada.kernel.scalar.AdamW.Step(
              (float) options.beta1,
              (float) options.beta2,
              (float) (1 - options.beta1),
              (float) (1 - options.beta2),
              (float) clip,
              (float) (1 - (decays ? learningRate * options.weightDecay : 0)),
              (float) learningRate,
              correct1,
              correct2,
              (float) options.eps));
    }
  }

  /** Sets all gradients to zero. */
  public void clearGradients() {
    parameters.forEach(parameter -> parameter.gradient().clear());
  }
}
