package llada.format;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import llada.Golden;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
  @TempDir Path folder;

  /** A file of this header and this many bytes of data. */
  static byte[] file(String header, int dataBytes) {
    byte[] json = header.getBytes(UTF_8);
    return ByteBuffer.allocate(8 + json.length + dataBytes)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(json.length)
        .put(json)
        .array();
  }

  private Path saved(byte[] bytes) throws IOException {
    return Files.write(folder.resolve("bad.safetensors"), bytes);
  }

  private void assertRefused(byte[] bytes, String... parts) throws IOException {
    Path path = saved(bytes);
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> Safetensors.open(path, arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("bad.safetensors")
          .hasMessageContainingAll(parts);
    }
  }

  private void assertHeaderRefused(String header, int dataBytes, String... parts)
      throws IOException {
    assertRefused(file(header, dataBytes), parts);
  }

  @Test
  void readsEveryGoldenFile() throws IOException {
    try (Stream<Path> files = Files.walk(Golden.root());
        Arena arena = Arena.ofConfined()) {
      assertThat(files.filter(path -> path.toString().endsWith(".safetensors")))
          .isNotEmpty()
          .allSatisfy(
              path -> {
                Safetensors opened = Safetensors.open(path, arena);
                assertThat(opened.file()).isEqualTo(path);
                assertThat(opened.entries()).isNotEmpty();
              });
    }
  }

  @Test
  void readsShapesTypesValuesAndMetadata() throws IOException {
    String header =
        """
        {"__metadata__":{"format":"pt"},
         "b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},
         "empty":{"dtype":"F64","shape":[0,3],"data_offsets":[2,2]},
         "a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},
         "ids":{"dtype":"I64","shape":[1],"data_offsets":[10,18]}}"""
            .concat("   "); // a header may be padded
    byte[] bytes = file(header, 18);
    ByteBuffer data =
        ByteBuffer.wrap(bytes, bytes.length - 18, 18).slice().order(ByteOrder.LITTLE_ENDIAN);
    data.putShort(0, (short) 0x3FC0).putFloat(2, -2.5f).putFloat(6, 7);
    try (Arena arena = Arena.ofConfined()) {
      Safetensors opened = Safetensors.open(saved(bytes), arena);
      assertThat(opened.metadata()).containsExactly(Map.entry("format", "pt"));
      assertThat(opened.tensors().keySet()).containsExactly("b", "empty", "a");
      assertThat(opened.entries().keySet()).containsExactly("b", "empty", "a", "ids");
      assertThat(opened.tensor("a").toArray()).containsExactly(1.5f);
      assertThat(opened.tensor("b").toArray()).containsExactly(-2.5f, 7);
      assertThat(opened.tensor("b").shape()).isEqualTo(Shape.of(2, 1));
      assertThat(opened.tensor("empty").dtype()).isEqualTo(DType.F64);
      assertThat(opened.entries().get("ids").type()).isEqualTo("I64");
      assertThat(opened.entries().get("ids").dtype()).isEmpty();
      assertThatThrownBy(() -> opened.tensor("ids"))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll(
              "bad.safetensors", "\"ids\"", "I64", "F64, F32, F16, BF16", "convert");
      assertThatThrownBy(() -> opened.tensor("c"))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll("bad.safetensors", "\"c\"", "missing", "4 tensors", "\"b\"");
    }
  }

  @Test
  void refusesWhatIsNoReadableFile() {
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> Safetensors.open(folder.resolve("none"), arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll("none", "no such file", "check the path");
      assertThatThrownBy(() -> Safetensors.open(folder, arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContainingAll(folder.toString(), "is a folder");
    }
  }

  @Test
  void refusesBadHeaderLengths() throws IOException {
    assertRefused(new byte[0], "has 0 bytes");
    assertRefused(new byte[7], "has 7 bytes");
    assertRefused(new byte[8], "does not begin with '{'");
    ByteBuffer bytes = ByteBuffer.wrap(file("{}", 0)).order(ByteOrder.LITTLE_ENDIAN);
    assertRefused(bytes.putLong(0, 3).array(), "claims 3 bytes", "has 10", "cut short");
    assertRefused(bytes.putLong(0, 100_000_001).array(), "100000001", "at most 100000000");
    assertRefused(bytes.putLong(0, -1).array(), "18446744073709551615", "at most");
    assertRefused(bytes.putLong(0, 99_999_999).array(), "99999999", "cut short");
  }

  @Test
  void refusesHeadersThatAreNotUtf8JsonObjects() throws IOException {
    assertHeaderRefused(" {}", 0, "does not begin with '{'");
    assertHeaderRefused("{", 0, "not valid JSON");
    assertHeaderRefused("{}x", 0, "not valid JSON");
    assertHeaderRefused("{}{}", 0, "more text");
    byte[] notUtf8 = file("{\"?\":1}", 0);
    notUtf8[10] = (byte) 0xFF;
    assertRefused(notUtf8, "UTF-8");
    byte[] utf16 = "{}".getBytes(java.nio.charset.StandardCharsets.UTF_16LE);
    assertHeaderRefused(new String(utf16, UTF_8), 0, "not valid JSON");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`{'t':1}`|header: t|an object",
        "`{'t':{'shape':[1],'data_offsets':[0,4]}}`|dtype is missing|a string",
        "`{'t':{'dtype':'F32','data_offsets':[0,4]}}`|shape is missing|an array",
        "`{'t':{'dtype':'F32','shape':[1]}}`|data_offsets is missing|an array",
        "`{'t':{'dtype':'F99','shape':[1],'data_offsets':[0,4]}}`|F99|none of the format's types",
        "`{'t':{'dtype':'F32','shape':[-1],'data_offsets':[0,4]}}`|shape holds -1|not be negative",
        "`{'t':{'dtype':'F32','shape':[1.0],'data_offsets':[0,4]}}`|1.0|an integer",
        "`{'t':{'dtype':'F32','shape':[1],'data_offsets':[-4,4]}}`|-4|not be negative",
        "`{'t':{'dtype':'F32','shape':[1],'data_offsets':[4,0]}}`|[4, 0]|begin <= end",
        "`{'t':{'dtype':'F32','shape':[1],'data_offsets':[0]}}`|[0]|begin and an end",
        "`{'t':{'dtype':'F32','shape':[1],'data_offsets':[0,4,4]}}`|3 elements|at most 2",
        "`{'t':{'dtype':'F32','shape':[1],'data_offsets':[0,5]}}`|end at 5|4 bytes of data",
        "`{'t':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}}`|needs 8 bytes|4 bytes",
        "`{'t':{'dtype':'F16','shape':[1],'data_offsets':[0,4]}}`|needs 2 bytes|give 4",
        "`{'t':{'dtype':'F4','shape':[3],'data_offsets':[0,2]}}`|blocks of 2|3 of shape (3)",
        "`{'t':{'dtype':'F32','shape':[4294967296,4294967296],'data_offsets':[0,4]}}`|2^63|\"t\"",
        "`{'t':{'dtype':'F32','shape':[4611686018427387904],'data_offsets':[0,4]}}`|2^63|\"t\"",
        "`{'t':{'dtype':'F32','shape':[9223372036854775808],'data_offsets':[0,4]}}`|2^63|shape",
        "`{'t':{'dtype':'F32','shape':[1,1,1,1,1,1,1,1,1],'data_offsets':[0,4]}}`|9 elements|at"
            + " most 8",
        "`{'__metadata__':{'a':1}}`|__metadata__: a is 1|a string",
        "`{'__metadata__':[]}`|__metadata__|an object",
        "`{}`|bytes 0 to 4|without holes",
        "`{'t':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},'u':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}}`|bytes"
            + " 1 to 2|without holes",
        "`{'t':{'dtype':'U8','shape':[1],'data_offsets':[0,1]}}`|bytes 1 to 4|without holes",
        "`{'t':{'dtype':'U8','shape':[3],'data_offsets':[0,3]},'u':{'dtype':'U8','shape':[2],'data_offsets':[2,4]}}`|bytes"
            + " 2 to 4 overlap|\"t\"",
        "`{'t':{'dtype':'U8','shape':[1],'data_offsets':[0,1]},'t':{'dtype':'U8','shape':[3],'data_offsets':[1,4]}}`|uplicate|t",
      })
  void refusesHeadersThatBreakARule(String header, String value, String rule) throws IOException {
    assertHeaderRefused(header.replace('\'', '"'), 4, value, rule);
  }

  @ParameterizedTest
  @ValueSource(strings = {"F4", "F6_E2M3", "F8_E4M3", "BOOL", "C64"})
  void listsTypesThatCannotBeWeights(String type) throws IOException {
    int bytes = Map.of("F4", 2, "F6_E2M3", 3, "C64", 32).getOrDefault(type, 4);
    String header =
        "{\"t\":{\"dtype\":\"%s\",\"shape\":[2,2],\"data_offsets\":[0,%d]}}".formatted(type, bytes);
    try (Arena arena = Arena.ofConfined()) {
      Safetensors opened = Safetensors.open(saved(file(header, bytes)), arena);
      assertThat(opened.tensors()).isEmpty();
      assertThat(opened.entries().get("t").bytes()).isEqualTo(bytes);
      assertThatThrownBy(() -> opened.tensor("t"))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(type);
    }
  }

  @Test
  void quotesNamesSoThatTheyCannotRepaintATerminal() throws IOException {
    String name = "\\u001b[2J" + "x".repeat(500);
    String header =
        "{\"%s\":{\"dtype\":\"F99\",\"shape\":[],\"data_offsets\":[0,0]}}".formatted(name);
    Path path = saved(file(header, 0));
    try (Arena arena = Arena.ofConfined()) {
      assertThatThrownBy(() -> Safetensors.open(path, arena))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("\\u001b[2Jxxx")
          .hasMessageNotContaining("\u001b")
          .hasMessageNotContaining("x".repeat(100));
    }
  }

  @Test
  void aSharedArenaServesSeveralThreads() throws Exception {
    Path golden = Golden.checkpoints().getFirst().resolve("model.safetensors");
    try (Arena arena = Arena.ofShared()) {
      Map<String, Tensor> tensors = Safetensors.open(golden, arena).tensors();
      float[] sum = new float[1];
      Thread reader =
          Thread.ofPlatform().start(() -> sum[0] = tensors.values().iterator().next().get(0));
      reader.join();
      assertThat(sum[0]).isFinite();
    }
  }
}
