package llada.api;

import static llada.api.Request.given;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.zip.CRC32C;
import llada.backend.Backend;
import llada.checkpoint.Checkpoint;
import llada.diffusion.NonFiniteLogitsException;
import llada.format.FormatException;
import llada.model.BlockWeights;
import llada.model.LowRank;
import llada.tensor.RandomStreams;
import llada.tokenizer.Tokenizer;

/** The files of a model, what computes it and its engine, opened and closed together. */
record Opened(Checkpoint checkpoint, Tokenizer tokenizer, Backend backend, Engine engine)
    implements AutoCloseable {
  private static final long GLANCE = 1 << 20;

  static Opened open(Path path, Optional<Path> adapter, Supplier<Backend> start) {
    given(path, "the path");
    given(start, "what starts the backend");
    boolean interrupted = Thread.interrupted(); // else it would close the files being read
    try {
      return opened(path, adapter, start);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static Opened opened(Path path, Optional<Path> adapter, Supplier<Backend> start) {
    Backend backend = start.get();
    try {
      Checkpoint checkpoint = Checkpoint.open(path, adapter);
      try {
        return new Opened(
            checkpoint,
            checkpoint.tokenizer(),
            backend,
            new Engine(checkpoint.config(), checkpoint.weights(), backend.kernels()));
      } catch (Throwable e) {
        checkpoint.close();
        throw e;
      }
    } catch (Throwable e) {
      backend.close();
      throw e;
    }
  }

  /** What tells results of this model and these settings from others; of the weights, a glance. */
  String fingerprint(String settings) {
    CRC32C sum = new CRC32C();
    sum.update(
        (checkpoint.config() + settings + RandomStreams.VERSION).getBytes(StandardCharsets.UTF_8));
    sum.update(checkpoint.weights().finalNorm().data().asByteBuffer());
    MemorySegment head = checkpoint.weights().head().data();
    sum.update(head.asSlice(0, Math.min(GLANCE, head.byteSize())).asByteBuffer());
    for (BlockWeights block : checkpoint.weights().blocks()) {
      for (LowRank term : block.lowRanks().values()) {
        sum.update(term.a().data().asByteBuffer());
        sum.update(term.b().data().asByteBuffer());
      }
    }
    return HexFormat.of().toHexDigits((int) sum.getValue());
  }

  /** Runs a computation; logits that are no numbers are worth a look at all weights. */
  <R> R checked(Supplier<R> computation) {
    try {
      return computation.get();
    } catch (NonFiniteLogitsException e) {
      throw checkpoint
          .firstNonFinite()
          .<RuntimeException>map(
              culprit ->
                  new FormatException(
                      "%s: %s, so %s; download or convert the model again"
                          .formatted(checkpoint.path(), culprit, e.getMessage()),
                      e))
          .orElseGet(
              () ->
                  new RequestException(
                      "%s: %s, though all weights are finite: they overflow; a smaller cfg_scale or temperature may help"
                          .formatted(checkpoint.path(), e.getMessage())));
    }
  }

  @Override
  public void close() {
    engine.close();
    checkpoint.close();
    backend.close();
  }
}
