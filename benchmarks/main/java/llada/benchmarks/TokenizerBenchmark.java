package llada.benchmarks;

import java.nio.file.Path;
import java.util.List;
import llada.format.TokenizerJson;
import llada.tokenizer.Tokenizer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** A play's worth of text, 60 kB, through the byte-level BPE of the small checkpoint. */
public class TokenizerBenchmark extends OpBenchmark {
  private static final String TEXT =
      "ROMEO:\nBut, soft! what light through yonder window breaks? It is the east.\n".repeat(800);

  private Tokenizer tokenizer;

  /** Reads the tokenizer and checks that it gives the text back. */
  @Setup
  public void setup() {
    Path file = Path.of("src/core/test/resources/checkpoints/shakespeare-llada/tokenizer.json");
    for (Path base : List.of(Path.of(""), Path.of(".."))) {
      if (base.resolve(file).toFile().exists()) {
        tokenizer = TokenizerJson.read(base.resolve(file));
      }
    }
    if (tokenizer == null) {
      throw new IllegalStateException(file + " is not there: run from the project's folder");
    }
    if (!tokenizer.decode(encode()).equals(TEXT)) {
      throw new IllegalStateException("the tokenizer does not give the text back");
    }
  }

  @Benchmark
  public int[] encode() {
    return tokenizer.encode(TEXT);
  }
}
