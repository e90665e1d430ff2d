package llada.examples;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import llada.backend.Backend;
import llada.backend.Backends;
import llada.format.DiskLock;
import llada.train.AdamW;
import llada.train.Chats;
import llada.train.LearningRate;
import llada.train.Processes;
import llada.train.RunFolder;
import llada.train.Trainer;
import llada.train.TrainingConfig;
import llada.train.TrainingListener;
import llada.train.TrainingRun;

/** Fine-tuning: a model learns to answer as some chats do. Only answers are masked. */
public final class FineTune {
  private FineTune() {}

  /**
   * Trains.
   *
   * @param args a Hugging Face folder; a file of lines {@code {"prompt": ..., "response": ...}};
   *     the folder of the run; the number of steps
   */
  public static void main(String[] args) throws IOException {
    Path model =
        tune(Path.of(args[0]), Path.of(args[1]), Path.of(args[2]), Long.parseLong(args[3]));
    System.out.println(model);
  }

  /** Returns the folder of the new model. */
  static Path tune(Path model, Path chats, Path out, long steps) throws IOException {
    TrainingConfig config =
        new TrainingConfig(
            new TrainingConfig.Task.FineTuning(0, false, Chats.Turns.ALL),
            new TrainingConfig.Extent(steps, 4, 1, 32),
            TrainingConfig.Masking.LLADA,
            new TrainingConfig.Optimizer(
                new LearningRate.Constant(2e-3, 4), AdamW.Options.LLADA, 0),
            new TrainingConfig.HeldOut(0, 1),
            new TrainingConfig.Start.GivenModel(model),
            7);
    try (DiskLock _ = new RunFolder(out).open();
        Backend backend = Backends.choose("auto", Runtime.getRuntime().availableProcessors())) {
      return new TrainingRun(
              config,
              new TrainingRun.Places(List.of(chats), Optional.empty(), out),
              new TrainingRun.Conduct(Trainer.Schedule.usual(steps), "", false, false),
              backend,
              Processes.ALONE,
              Optional.empty(),
              new TrainingListener() {})
          .train()
          .orElseThrow()
          .model();
    }
  }
}
