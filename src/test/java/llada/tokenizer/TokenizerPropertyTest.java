package llada.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.List;
import java.util.Random;
import llada.Golden;
import llada.format.TokenizerJson;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class TokenizerPropertyTest {
  private static final Tokenizer LLADA =
      TokenizerJson.read(Golden.resources().resolve("golden/tiny-llada/tokenizer.json"));
  private static final Tokenizer SHAKESPEARE =
      TokenizerJson.read(
          Golden.resources().resolve("checkpoints/shakespeare-llada/tokenizer.json"));

  @Provide
  Arbitrary<String> texts() {
    Arbitrary<Integer> codePoints =
        Arbitraries.oneOf(
            Arbitraries.integers().between(0, 0x7f),
            Arbitraries.integers().between(0x80, 0x2fff),
            Arbitraries.integers().between(0x300, 0x36f),
            Arbitraries.integers().between(0xe000, 0x10ffff));
    return codePoints.list().ofMaxSize(60).map(TokenizerPropertyTest::text);
  }

  private static String text(List<Integer> codePoints) {
    StringBuilder text = new StringBuilder();
    codePoints.forEach(text::appendCodePoint);
    return text.toString();
  }

  @Property(tries = 2000)
  void decodingGivesTheNormalisedTextBack(@ForAll("texts") String text) {
    String normalised = Normalizer.normalize(text, Normalizer.Form.NFC);
    assertThat(LLADA.decode(LLADA.encodeOrdinary(text))).isEqualTo(normalised);
    assertThat(LLADA.decode(LLADA.encode(text))).isEqualTo(normalised);
    assertThat(String.join("", LLADA.pieces(text))).isEqualTo(normalised);
    assertThat(SHAKESPEARE.decode(SHAKESPEARE.encode(text))).isEqualTo(text);
  }

  @Property(tries = 500)
  void anyJavaStringCanBeEncoded(@ForAll String text) {
    assertThat(LLADA.decode(LLADA.encode(text)))
        .isEqualTo(Normalizer.normalize(Utf8.wellFormed(text), Normalizer.Form.NFC));
  }

  @Property(tries = 2000)
  void theQueueMergesAsTheDefinitionDoes(
      @ForAll("merging") String text, @ForAll("merging") String more) {
    byte[] bytes = (text + more).getBytes(StandardCharsets.UTF_8);
    BytePairMerges merges = crowdedMerges();
    assertThat(merges.encode(bytes)).containsExactly(merges.encodeByDefinition(bytes));
  }

  @Provide
  Arbitrary<String> merging() {
    return Arbitraries.strings().withChars('a', 'b', 'c').ofMaxLength(40);
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

  @Property(tries = 1000)
  void validUtf8IsDecodedAsJavaDoes(@ForAll("texts") String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    assertThat(Utf8.decode(bytes, bytes.length)).isEqualTo(text);
  }

  @Property(tries = 300)
  void sortingMarksChangesNoNormalForm(@ForAll long seed) {
    Random random = new Random(seed);
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

  @Example
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

  @Example
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

  @Example
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

  @Example
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
