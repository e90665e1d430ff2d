package llada.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import llada.checkpoint.HuggingFaceFolder;
import llada.tensor.Tensor;

/** Which numbers the optimizer moves: all weights of a network, or a {@link Lora} beside them. */
public sealed interface Trained permits Trained.AllWeights, Lora {
  /** What the optimizer moves. */
  List<Parameter> parameters();

  /** Called when the network's gradients are complete: those of the parameters follow. */
  void gradientsReady();

  /** Called when the parameters have moved: the network's weights follow. */
  void moved();

  /** Sets the gradients to zero. */
  void clear();

  /** Every weight is trained for itself. */
  record AllWeights(List<Parameter> parameters) implements Trained {
    /** The weights of a network. */
    public static AllWeights of(Network network) {
      Map<String, Tensor> gradients = HuggingFaceFolder.byName(network.gradients());
      List<Parameter> parameters = new ArrayList<>();
      HuggingFaceFolder.byName(network.weights())
          .forEach(
              (name, value) -> parameters.add(new Parameter(name, value, gradients.get(name))));
      return new AllWeights(List.copyOf(parameters));
    }

    @Override
    public void gradientsReady() {}

    @Override
    public void moved() {}

    @Override
    public void clear() {
      for (Parameter parameter : parameters) {
        parameter.gradient().clear();
      }
    }
  }
}
