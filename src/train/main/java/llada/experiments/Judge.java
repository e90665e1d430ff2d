package llada.experiments;

import java.util.EnumMap;
import java.util.Map;
import llada.backend.Backends;
import llada.diffusion.Objective;

/**
 * An autoregressive model that takes part in no comparison and says how likely a story is. Trained
 * once for all jobs of a process, always with the same weights.
 */
final class Judge {
  private static final Map<Size, Judge> JUDGES = new EnumMap<>(Size.class);
  private static final long SEED = 987_654_321;

  private final SmallModel model;

  private Judge(Size size) {
    model =
        new SmallModel(
            shape(),
            Fables.VOCABULARY,
            Objective.AR,
            Fables.LENGTH,
            64,
            SEED,
            Backends.choose("auto", 1)); // for as long as the process lives
    model.train(recipe(size), Fables::batch);
  }

  static SmallModel.Shape shape() {
    return new SmallModel.Shape(64, 2, 4);
  }

  static SmallModel.Recipe recipe(Size size) {
    return new SmallModel.Recipe(size.of(20, 1000, 5000), 32, 3e-3);
  }

  /** The judge; the first to ask trains it. */
  static Judge of(Size size) {
    synchronized (JUDGES) {
      return JUDGES.computeIfAbsent(size, Judge::new);
    }
  }

  /** Nats per word, BOS given. */
  synchronized double nats(int[][] stories) {
    return Measures.nats(model, stories, 1, 1, 0);
  }
}
