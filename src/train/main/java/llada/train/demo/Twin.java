package llada.train.demo;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import llada.api.Engine;
import llada.checkpoint.Checkpoint;
import llada.kernel.Kernels;
import llada.model.LladaConfig;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import llada.tokenizer.ChatTemplate.Message;

/**
 * The bundled model's twin, which was trained to write from left to right: it takes the likeliest
 * next token, again and again.
 */
public final class Twin implements Examination.Respondent, AutoCloseable {
  private final Checkpoint checkpoint;
  private final Engine engine;
  private final LladaConfig config;

  /**
   * Opens it.
   *
   * @param model the folder that {@code train --recipe demo-twin} has written
   * @param kernels that compute
   */
  public Twin(Path model, Kernels kernels) {
    checkpoint = Checkpoint.open(model);
    config = checkpoint.config();
    engine = new Engine(config, checkpoint.weights(), kernels, true);
  }

  @Override
  public List<String> answers(List<List<Message>> conversations, int tokens) {
    List<String> answers = new ArrayList<>();
    for (List<Message> conversation : conversations) {
      int[] ids = checkpoint.chatTemplate().encode(checkpoint.tokenizer(), conversation);
      int prompt = ids.length;
      int next = -1;
      while (ids.length < prompt + tokens && !ends(next)) {
        int[][] text = {ids};
        int[] last = {ids.length - 1};
        next =
            engine.with(
                prompt + tokens,
                predictor -> likeliest(predictor.forward(TokenBatch.of(text), last)));
        ids = Arrays.copyOf(ids, ids.length + 1);
        ids[ids.length - 1] = next;
      }
      answers.add(checkpoint.tokenizer().decode(Arrays.copyOfRange(ids, prompt, ids.length), true));
    }
    return answers;
  }

  private boolean ends(int token) {
    return token == config.eosTokenId() || token == config.eotTokenId().orElse(-1);
  }

  private int likeliest(Tensor logits) {
    int best = 0;
    for (int v = 1; v < logits.dim(1); v++) {
      best = v != config.maskTokenId() && logits.get(v) > logits.get(best) ? v : best;
    }
    return best;
  }

  @Override
  public void close() {
    engine.close();
    checkpoint.close();
  }
}
