package llada.format;

import static java.util.Map.entry;
import static llada.format.FormatException.quote;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import llada.tensor.DType;
import llada.tensor.Shape;

/**
 * Reads all that a GGUF file says before its data, for {@link Gguf#open}.
 *
 * @param version 2 or 3, which differ only in that 3 may be big-endian
 * @param metadata the values by key, as {@link GgufValueType} reads them
 * @param table the tensors
 */
record GgufHeader(int version, Map<String, Object> metadata, TensorTable table) {
  /** The types that can serve as weights, by GGUF's numbers. */
  private static final Map<Integer, DType> DECODED =
      Map.ofEntries(
          entry(0, DType.F32),
          entry(1, DType.F16),
          entry(2, DType.Q4_0),
          entry(3, DType.Q4_1),
          entry(6, DType.Q5_0),
          entry(7, DType.Q5_1),
          entry(8, DType.Q8_0),
          entry(10, DType.Q2_K),
          entry(11, DType.Q3_K),
          entry(12, DType.Q4_K),
          entry(13, DType.Q5_K),
          entry(14, DType.Q6_K),
          entry(20, DType.IQ4_NL),
          entry(23, DType.IQ4_XS),
          entry(28, DType.F64),
          entry(30, DType.BF16),
          entry(39, DType.MXFP4));

  static final List<DType> SUPPORTED = DECODED.values().stream().sorted().toList();

  private static final Map<Integer, StoredType> TYPES = types();

  private static final int MIN_KEY_VALUE_BYTES = 8 + 4 + 1;
  private static final int MIN_TENSOR_BYTES = 8 + 4 + 4 + 8;
  static final int MAX_KEY = 0xFFFF;
  static final int MAX_NAME = 64;
  static final int MAX_RANK = 4;
  static final long DEFAULT_ALIGNMENT = 32;
  private static final long MAX_ALIGNMENT = 1 << 20;
  private static final int TENSOR_HEAP = 512;

  /** GGUF's number of a type that can serve as weights. */
  static int number(DType dtype) {
    return DECODED.entrySet().stream()
        .filter(entry -> entry.getValue() == dtype)
        .findFirst()
        .orElseThrow()
        .getKey();
  }

  private record Located(String name, StoredType type, Shape shape, long offset) {}

  private static Map<Integer, StoredType> types() {
    Map<Integer, StoredType> types = new HashMap<>();
    DECODED.forEach((number, dtype) -> types.put(number, StoredType.of(dtype)));
    // Number, name, numbers in a block, bytes of a block: enum ggml_type and its block structures.
    Stream.of(
            "9 Q8_1 32 40",
            "15 Q8_K 256 292",
            "16 IQ2_XXS 256 66",
            "17 IQ2_XS 256 74",
            "18 IQ3_XXS 256 98",
            "19 IQ1_S 256 50",
            "21 IQ3_S 256 110",
            "22 IQ2_S 256 82",
            "24 I8 1 1",
            "25 I16 1 2",
            "26 I32 1 4",
            "27 I64 1 8",
            "29 IQ1_M 256 56",
            "34 TQ1_0 256 54",
            "35 TQ2_0 256 66",
            "40 NVFP4 64 36",
            "41 Q1_0 128 18")
        .map(line -> line.split(" "))
        .forEach(
            word ->
                types.put(
                    Integer.valueOf(word[0]),
                    StoredType.undecoded(
                        word[1], Integer.parseInt(word[2]), Integer.parseInt(word[3]))));
    return types;
  }

  /**
   * Reads and checks the header.
   *
   * @throws FormatException if any rule of the specification is broken
   */
  static GgufHeader read(String file, MemorySegment bytes) {
    GgufCursor in = new GgufCursor(file, bytes);
    int version = readVersion(in);
    long tensorCount = in.count("tensors", MIN_TENSOR_BYTES);
    long valueCount = in.count("metadata values", MIN_KEY_VALUE_BYTES);
    Map<String, Object> metadata = new LinkedHashMap<>();
    for (long i = 0; i < valueCount; i++) {
      String key = in.string("metadata key number " + i, MAX_KEY);
      if (metadata.putIfAbsent(key, GgufValueType.read(in, key)) != null) {
        throw in.error("metadata key " + quote(key) + " occurs twice; keys must be unique");
      }
    }
    refuseParts(in, metadata);
    long alignment = alignment(in, metadata);
    List<Located> tensors = new ArrayList<>();
    for (long i = 0; i < tensorCount; i++) {
      tensors.add(readTensor(in, file, i, alignment));
    }
    long dataBegin = Math.ceilDiv(in.position(), alignment) * alignment;
    if (dataBegin > bytes.byteSize() && !tensors.isEmpty()) {
      throw in.error(
          "tensor data should begin at byte %d, but the file has %d; it is cut short: download it again"
              .formatted(dataBegin, bytes.byteSize()));
    }
    TensorTable table = new TensorTable(file, bytes.asSlice(Math.min(dataBegin, bytes.byteSize())));
    for (Located tensor : tensors) {
      table.add(tensor.name(), tensor.type(), tensor.shape(), tensor.offset());
    }
    table.finish(false);
    return new GgufHeader(version, metadata, table);
  }

  private static int readVersion(GgufCursor in) {
    StringBuilder magic = new StringBuilder();
    for (int i = 0; i < 4; i++) {
      magic.append((char) in.u8("the magic \"GGUF\""));
    }
    if (!magic.toString().equals("GGUF")) {
      throw in.error(
          "begins with %s; a GGUF file begins with \"GGUF\"".formatted(quote(magic.toString())));
    }
    long version = in.u32("the version");
    if (version == 2 || version == 3) {
      return (int) version;
    }
    int swapped = Integer.reverseBytes((int) version);
    if (swapped > 0 && swapped <= 0xFFFF) {
      throw in.error(
          "is a big-endian GGUF file (version %d); only little-endian ones are read: convert the model again"
              .formatted(swapped));
    }
    throw in.error(
        "has GGUF version %d; versions 2 and 3 are read: convert the model again"
            .formatted(version));
  }

  private static void refuseParts(GgufCursor in, Map<String, Object> metadata) {
    if (metadata.get("split.count") instanceof Long parts && parts > 1) {
      throw in.error(
          "is one of %d parts of a split model (split.count); merge them into one file first"
              .formatted(parts));
    }
  }

  private static long alignment(GgufCursor in, Map<String, Object> metadata) {
    Object value = metadata.getOrDefault("general.alignment", DEFAULT_ALIGNMENT);
    if (value instanceof Long alignment
        && alignment >= 8
        && alignment <= MAX_ALIGNMENT
        && Long.bitCount(alignment) == 1) {
      return alignment;
    }
    throw in.error(
        "general.alignment is %s; it must be a power of two from 8 to %d"
            .formatted(shown(value), MAX_ALIGNMENT));
  }

  /** A metadata value, fit for a message. */
  static String shown(Object value) {
    return value instanceof List<?> list
        ? "an array of " + list.size()
        : value instanceof String text ? quote(text) : String.valueOf(value);
  }

  private static Located readTensor(GgufCursor in, String file, long number, long alignment) {
    in.charge(TENSOR_HEAP, "tensor number " + number);
    String name = in.string("the name of tensor number " + number, MAX_NAME);
    String what = "tensor " + quote(name);
    long rank = in.u32("the number of dimensions of " + what);
    if (rank > MAX_RANK) {
      throw in.error(
          "%s has %d dimensions; at most %d are allowed".formatted(what, rank, MAX_RANK));
    }
    long[] dims = new long[(int) rank];
    for (int i = dims.length - 1; i >= 0; i--) { // the file has the innermost first
      dims[i] = in.u64("the shape of " + what);
      if (dims[i] < 0) {
        throw in.error(
            "%s has a dimension of %s; the limit is 2^63 - 1"
                .formatted(what, Long.toUnsignedString(dims[i])));
      }
    }
    Shape shape = TensorTable.shape(file + ": " + what, dims);
    long type = in.u32("the type of " + what);
    StoredType stored = type > Integer.MAX_VALUE ? null : TYPES.get((int) type);
    if (stored == null) {
      throw in.error(
          "%s has type number %d, which is not known; weights can be %s"
              .formatted(
                  what,
                  type,
                  SUPPORTED.stream().map(DType::name).collect(Collectors.joining(", "))));
    }
    long offset = in.u64("the offset of " + what);
    if (offset % alignment != 0) {
      throw in.error(
          "%s begins at offset %s, which is no multiple of general.alignment, %d"
              .formatted(what, Long.toUnsignedString(offset), alignment));
    }
    return new Located(name, stored, shape, offset);
  }
}
