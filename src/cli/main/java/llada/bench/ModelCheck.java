package llada.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.IntStream;
import llada.api.Answer;
import llada.api.Llada;
import llada.api.Request;
import llada.format.Sha256;
import llada.model.Architecture;
import llada.model.LladaConfig;
import llada.model.TokenBatch;
import llada.tensor.Tensor;
import llada.tokenizer.Tokenizer;

/**
 * What a model does with fixed texts, as short as can be compared from one machine to another: so
 * the owner of published weights can say whether they are read rightly here.
 */
public final class ModelCheck {
  private static final List<String> TEXTS =
      List.of(
          "The capital of France is Paris.",
          "  two spaces,\ttab\nand lines\r\n",
          "1234567890 3.14159",
          "Grüße, naïve café, Ελληνικά, русский, 日本語, 한국어",
          "emoji \uD83D\uDE00\uD83D\uDC4D\uD83C\uDFFD and e\u0301",
          "if (x != 0) { return y / x; } // code",
          "don't WON'T it'S we'll");

  private static final List<String> PROMPTS =
      List.of("The capital of France is", "2 + 2 =", "Once upon a time");

  private static final List<String> QUESTIONS =
      List.of("What is the capital of France?", "What is 12 + 7?", "Name three colors.");

  /** Masks behind a prompt whose logits are looked at. */
  private static final int MASKS = 4;

  private static final int ANSWER = 32;

  private ModelCheck() {}

  /**
   * A text through the tokenizer.
   *
   * @param ids how many tokens it is
   * @param digest of the ids
   * @param same whether they decode to the text again, composed (NFC) where the tokenizer does that
   */
  public record Encoded(String text, int ids, String digest, boolean same) {}

  /**
   * Logits behind a prompt: of masks, or of the token that follows where the model has no mask.
   *
   * @param best the ids with the largest logit, row after row
   * @param largest those logits
   * @param digest of all bits, which are equal only on the same kind of processor
   * @param finite whether all are numbers
   */
  public record Logits(String prompt, int[] best, float[] largest, String digest, boolean finite) {}

  /**
   * A question answered with the model's defaults.
   *
   * @param tokens of the answer
   */
  public record Asked(String question, String text, int tokens, Answer.Figures figures) {}

  /** What the tokenizer does with all texts. */
  public static List<Encoded> tokenizer(Tokenizer tokenizer) {
    return TEXTS.stream()
        .map(
            text -> {
              int[] ids = tokenizer.encode(text);
              String back = tokenizer.decode(ids);
              boolean same =
                  back.equals(text) || back.equals(Normalizer.normalize(text, Normalizer.Form.NFC));
              return new Encoded(text, ids.length, digest(ids), same);
            })
        .toList();
  }

  /** The logits behind all prompts. */
  public static List<Logits> logits(Llada llada) {
    return PROMPTS.stream().map(prompt -> logits(llada, prompt)).toList();
  }

  private static Logits logits(Llada llada, String prompt) {
    LladaConfig config = llada.config();
    int[] ids = llada.tokenize(prompt);
    boolean masks = config.architecture().decoding() != Architecture.Decoding.LEFT_TO_RIGHT;
    int[] asked = Arrays.copyOf(ids, masks ? ids.length + MASKS : ids.length);
    if (masks) {
      Arrays.fill(asked, ids.length, asked.length, config.maskTokenId());
    }
    int[] rows = IntStream.range(masks ? ids.length : ids.length - 1, asked.length).toArray();
    return llada
        .engine()
        .with(
            asked.length,
            predictor -> logits(prompt, predictor.forward(TokenBatch.of(asked), rows)));
  }

  private static Logits logits(String prompt, Tensor logits) {
    int vocabulary = logits.dim(1);
    float[] all = logits.toArray();
    int[] best = new int[logits.dim(0)];
    float[] largest = new float[best.length];
    boolean finite = true;
    ByteBuffer bytes = ByteBuffer.allocate(all.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (float value : all) {
      bytes.putFloat(value);
      finite &= Float.isFinite(value);
    }
    for (int row = 0; row < best.length; row++) {
      int from = row * vocabulary;
      int at = from;
      for (int i = from; i < from + vocabulary; i++) {
        at = all[i] > all[at] ? i : at;
      }
      best[row] = at - from;
      largest[row] = all[at];
    }
    return new Logits(prompt, best, largest, digest(bytes.array()), finite);
  }

  /** A few questions; without a chat template a few texts to go on with. */
  public static List<Asked> questions(Llada llada) {
    boolean chat = llada.hasChatTemplate();
    List<Asked> all = new ArrayList<>();
    for (String question : chat ? QUESTIONS : PROMPTS) {
      Request request = Request.of(question).length(ANSWER).seed(0);
      Answer answer = llada.generate(chat ? request.chat() : request.raw());
      all.add(new Asked(question, answer.text(), answer.useful(), answer.figures()));
    }
    return all;
  }

  private static String digest(int[] ids) {
    return digest(Arrays.toString(ids).getBytes(StandardCharsets.UTF_8));
  }

  private static String digest(byte[] bytes) {
    return HexFormat.of().formatHex(Sha256.digest().digest(bytes), 0, 8);
  }
}
