package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.List;
import java.util.Random;
import llada.Golden;
import llada.Seeded;
import llada.format.TokenizerJson;
import org.junit.jupiter.api.Test;

class TokenizerPropertyTest {
  private static final Tokenizer LLADA =
      TokenizerJson.read(Golden.resources().resolve("golden/tiny-llada/tokenizer.json"));
  private static final Tokenizer SHAKESPEARE =
      TokenizerJson.read(
          Golden.resources().resolve("checkpoints/shakespeare-llada/tokenizer.json"));

  /** Up to 60 code points: ASCII, the older planes, combining marks, and all the rest. */
  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int n = random.nextInt(61); n > 0; n--) {
      int[] range =
          Seeded.of(
              random,
              new int[] {0, 0x7f},
              new int[] {0x80, 0x2fff},
              new int[] {0x300, 0x36f},
              new int[] {0xe000, 0x10ffff});
      text.appendCodePoint(random.nextInt(range[0], range[1] + 1));
    }
    return text.toString();
  }

  @Test
  void decodingGivesTheNormalisedTextBack() {
    Seeded.cases(2000, random -> decodes(text(random)));
  }

  private static void decodes(String text) {
    String normalised = Normalizer.normalize(text, Normalizer.Form.NFC);
    assertThat(LLADA.decode(LLADA.encodeOrdinary(text))).isEqualTo(normalised);
    assertThat(LLADA.decode(LLADA.encode(text))).isEqualTo(normalised);
    assertThat(String.join("", LLADA.pieces(text))).isEqualTo(normalised);
    assertThat(SHAKESPEARE.decode(SHAKESPEARE.encode(text))).isEqualTo(text);
  }

  /** Also one with halves of surrogate pairs. */
  @Test
  void anyJavaStringCanBeEncoded() {
    Seeded.cases(
        500,
        random -> {
          StringBuilder text = new StringBuilder();
          for (int n = random.nextInt(256); n > 0; n--) {
            int high = random.nextInt(4) == 0 ? 0xd800 : 0;
            text.append((char) (high + random.nextInt(high == 0 ? 0x10000 : 0x800)));
          }
          assertThat(LLADA.decode(LLADA.encode(text.toString())))
              .isEqualTo(
                  Normalizer.normalize(Utf8.wellFormed(text.toString()), Normalizer.Form.NFC));
        });
  }

  @Test
  void theQueueMergesAsTheDefinitionDoes() {
    BytePairMerges merges = crowdedMerges();
    Seeded.cases(
        2000,
        random -> {
          byte[] bytes = new byte[random.nextInt(81)];
          for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) ('a' + random.nextInt(3));
          }
          assertThat(merges.encode(bytes)).containsExactly(merges.encodeByDefinition(bytes));
        });
  }

  private static BytePairMerges crowdedMerges() {
    Vocabulary.Builder builder = new Vocabulary.Builder();
    String[] merges = {
      "a b", "b a", "ab a", "a a", "aa aa", "b ba", "c c", "cc ab", "a ba", "aba b"
    };
    builder.add("a", 0).add("b", 1).add("c", 2);
    int id = 3;
    for (String merge : merges) {
      String token = merge.replace(" ", "");
      if (builder.id(token) < 0) {
        builder.add(token, id++);
      }
    }
    BytePairMerges pairs = new BytePairMerges(builder.build(), null, false);
    for (String merge : merges) {
      pairs.addSpelled(merge);
    }
    return pairs;
  }

  @Test
  void validUtf8IsDecodedAsJavaDoes() {
    Seeded.cases(
        1000,
        random -> {
          String text = text(random);
          byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
          assertThat(Utf8.decode(bytes, bytes.length)).isEqualTo(text);
        });
  }

  @Test
  void sortingMarksChangesNoNormalForm() {
    Seeded.cases(300, TokenizerPropertyTest::marks);
  }

  private static void marks(Random random) {
    StringBuilder text = new StringBuilder("a");
    int[] marks = {0x301, 0x327, 0x344, 0x334, 0x345, 0x5b0, 0x93e, 0x94d, 0x302a, 0x1d165, 0x20d0};
    for (int i = 0; i < 600; i++) {
      text.appendCodePoint(
          random.nextInt(20) > 0
              ? marks[random.nextInt(marks.length)]
              : 0x300 + random.nextInt(0x70));
    }
    text.append("e\u0327\u0301");
    for (Normalizer.Form form : Normalizer.Form.values()) {
      assertThat(Normalizer.normalize(MarkOrder.sortLongRuns(text.toString()), form))
          .isEqualTo(Normalizer.normalize(text, form));
    }
  }

  @Test
  void brokenUtf8IsReplacedAsRustDoes() {
    assertThat(lossy(0xED, 0xA0, 0x80)).isEqualTo("\ufffd\ufffd\ufffd");
    assertThat(lossy(0xF0, 0x9F, 0x98, 'a')).isEqualTo("\ufffda");
    assertThat(lossy(0xF0, 0x9F)).isEqualTo("\ufffd");
    assertThat(lossy(0xC0, 0x80, 0xE0, 0x80, 0xF5)).isEqualTo("\ufffd".repeat(5));
    assertThat(lossy(0xF4, 0x90, 0x80, 0x80)).isEqualTo("\ufffd".repeat(4));
    assertThat(lossy(0xF4, 0x8F, 0xBF, 0xBF)).isEqualTo("\udbff\udfff");
    assertThat(lossy(0xE1, 0x80, 0xE1, 0x80, 0x80)).isEqualTo("\ufffd\u1000");
  }

  private static String lossy(int... bytes) {
    byte[] raw = new byte[bytes.length];
    for (int i = 0; i < raw.length; i++) {
      raw[i] = (byte) bytes[i];
    }
    return Utf8.decode(raw, raw.length);
  }

  @Test
  void longTextsAreEncoded() {
    int million = 1_000_000;
    for (Tokenizer tokenizer : List.of(LLADA, SHAKESPEARE)) {
      for (String unit :
          List.of("a", " ", "\n", "!", "7", "\u00e9", "ab \n", "'s", "<|eot", "\u4f60")) {
        String text = unit.repeat(million / unit.length());
        assertThat(tokenizer.decode(tokenizer.encode(text))).isEqualTo(text);
      }
      int[] marks = tokenizer.encode("\u0301\u0327".repeat(million / 4));
      assertThat(tokenizer.decode(marks)).hasSize(million / 2);
      assertThat(tokenizer.encode("<|eot_id|>".repeat(100_000))).hasSize(100_000);
    }
  }

  @Test
  void idsOutOfRangeAreRefused() {
    for (int id : new int[] {-1, LLADA.size(), Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> LLADA.decode(new int[] {0, id}))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(String.valueOf(id))
          .hasMessageContaining(String.valueOf(LLADA.size() - 1));
      assertThatThrownBy(() -> LLADA.token(id)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> LLADA.isSpecial(id)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void tokensAndIdsCorrespond() {
    for (int id = 0; id < LLADA.size(); id++) {
      assertThat(LLADA.id(LLADA.token(id).orElseThrow())).hasValue(id);
    }
    assertThat(LLADA.id("no such token")).isEmpty();
    int mask = LLADA.id("<|mdm_mask|>").orElseThrow();
    assertThat(LLADA.isSpecial(mask)).isTrue();
    assertThat(LLADA.isSpecial(0)).isFalse();
    assertThat(LLADA.decodeBytes(mask)).isEqualTo("<|mdm_mask|>".getBytes(StandardCharsets.UTF_8));
    assertThat(LLADA.encodeOrdinary("<|mdm_mask|>")).doesNotContain(mask);
    assertThat(LLADA.decode(new int[] {mask}, true)).isEmpty();
  }
}
