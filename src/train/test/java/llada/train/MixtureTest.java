package llada.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import llada.Golden;
import llada.checkpoint.Checkpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Chats and texts together: batches of similar lengths, each sequence once an epoch. */
class MixtureTest {
  private static final int TOGETHER = 4;

  @TempDir Path folder;

  @Test
  void batchesHaveSimilarLengthsAndEachSequenceComesOnce() throws Exception {
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 200; i++) {
      String words = "word ".repeat(1 + i * 7 % 40) + i;
      lines.append(
          i % 3 == 0
              ? "{\"text\": \"%s\"}\n".formatted(words)
              : "{\"prompt\": \"say it\", \"response\": \"%s\"}\n".formatted(words));
    }
    Path data = Files.writeString(folder.resolve("mixed.jsonl"), lines);
    try (Arena arena = Arena.ofShared();
        Checkpoint model = Checkpoint.open(Golden.resources().resolve("golden/tiny-llada"))) {
      int eos = model.config().eosTokenId();
      TokenCache cache =
          Chats.cache(
              folder.resolve("cache"),
              Corpus.of(List.of(data)),
              model.tokenizer(),
              new byte[0],
              model.chatTemplate(),
              eos,
              new Chats.Rules(500, true, true, Chats.Turns.ALL),
              arena);
      assertThat(cache.documents()).isEqualTo(200);
      assertThat(cache.promptLength(0)).isZero();
      assertThat(cache.promptLength(1)).isPositive();
      Chats sorted = new Chats(cache, eos, new Chats.Batches(500, 0, 0, TOGETHER, true), 0.01, 1);
      Chats loose = new Chats(cache, eos, new Chats.Batches(500, 0, 0, 0, true), 0.01, 1);
      assertThat(sorted.sequences() % TOGETHER).isZero();
      Set<String> seen = new HashSet<>();
      int tight = 0;
      int wide = 0;
      for (int i = 0; i + TOGETHER <= sorted.sequences(); i += TOGETHER) {
        TrainingData.Batch batch = sorted.batch(i, TOGETHER, new SplittableRandom(i));
        seen.addAll(List.of(batch.names()));
        tight += batch.x0()[0].length;
        wide += loose.batch(i, TOGETHER, new SplittableRandom(i)).x0()[0].length;
      }
      assertThat(seen).hasSize(sorted.sequences());
      assertThat(tight).isLessThan(wide * 4 / 5);
      Chats padded = new Chats(cache, eos, new Chats.Batches(500, 0, 9, TOGETHER, true), 0.01, 1);
      Set<Integer> extra = new HashSet<>();
      for (int i = 0; i < 60; i++) {
        int plain = sorted.batch(0, TOGETHER, new SplittableRandom(i)).x0()[0].length;
        extra.add(padded.batch(0, TOGETHER, new SplittableRandom(i)).x0()[0].length - plain);
      }
      assertThat(extra).containsExactlyInAnyOrder(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
      Chats.Batches anyRoom = new Chats.Batches(500, 1, 0, TOGETHER, false);
      TrainingData.Batch full =
          new Chats(cache, eos, anyRoom, 0.01, 1).batch(0, TOGETHER, new SplittableRandom(1));
      TrainingData.Batch narrow = sorted.batch(0, TOGETHER, new SplittableRandom(1));
      int needed = narrow.x0()[0].length;
      assertThat(narrow.weights()).containsOnly(1);
      for (int b = 0; b < TOGETHER; b++) {
        assertThat(full.x0()[b]).hasSize(500).startsWith(narrow.x0()[b]).endsWith(eos, eos);
        int prompt = full.promptLengths()[b];
        assertThat(full.weights()[b] / (500 - prompt)) // what a token counts
            .isEqualTo(1.0 / (needed - prompt), within(1e-12));
      }
    }
  }

  @Test
  void settingsAreKeptAsText() {
    TrainingConfig.Task task = new TrainingConfig.Task.Mixture(0.05, 24, false);
    TrainingConfig before = Runs.config(10, 0.5);
    TrainingConfig config =
        new TrainingConfig(
            task,
            before.extent(),
            before.masking(),
            before.optimizer(),
            before.heldOut(),
            before.start(),
            7);
    assertThat(TrainingConfig.of(config.settings()).task()).isEqualTo(task);
  }
}
