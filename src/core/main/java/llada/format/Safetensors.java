package llada.format;

import static llada.format.FormatException.quote;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import llada.tensor.DType;
import llada.tensor.Shape;
import llada.tensor.Tensor;

/**
 * One safetensors file, mapped into memory: {@link #open} reads, {@link #write} writes.
 *
 * <pre>
 *   8 bytes   N, the length of the header, unsigned little-endian
 *   N bytes   JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [BEGIN, END]}, ...,
 *             "__metadata__": {"key": "text"}}, may end in spaces
 *   the rest  the tensors, row-major, little-endian; offsets count from here
 * </pre>
 *
 * <p>The format section of the safetensors documentation gives the rules that are checked: the
 * header begins with a brace and has at most 100 MB, keys are unique, and the tensors cover the
 * data without overlap and without holes. The limit of 8 dimensions is ours.
 */
public final class Safetensors {
  /** The format's limit on the header. */
  public static final int MAX_HEADER_BYTES = 100_000_000;

  /** Our limit on dimensions; a transformer's weights have one or two. */
  public static final int MAX_RANK = 8;

  static final String METADATA = "__metadata__";
  static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /** The types that can serve as weights. */
  static final List<DType> SUPPORTED = List.of(DType.F64, DType.F32, DType.F16, DType.BF16);

  private static final String REMEDY =
      "convert it, for example with PyTorch's .to(torch.bfloat16), and save the file again";

  private static final Map<String, StoredType> TYPES =
      Stream.concat(
              SUPPORTED.stream().map(StoredType::of),
              Stream.of(
                  StoredType.undecoded("C64", 1, 8),
                  StoredType.undecoded("I64", 1, 8),
                  StoredType.undecoded("U64", 1, 8),
                  StoredType.undecoded("I32", 1, 4),
                  StoredType.undecoded("U32", 1, 4),
                  StoredType.undecoded("I16", 1, 2),
                  StoredType.undecoded("U16", 1, 2),
                  StoredType.undecoded("I8", 1, 1),
                  StoredType.undecoded("U8", 1, 1),
                  StoredType.undecoded("BOOL", 1, 1),
                  StoredType.undecoded("F8_E4M3", 1, 1),
                  StoredType.undecoded("F8_E5M2", 1, 1),
                  StoredType.undecoded("F8_E8M0", 1, 1),
                  StoredType.undecoded("F8_E4M3FNUZ", 1, 1),
                  StoredType.undecoded("F8_E5M2FNUZ", 1, 1),
                  StoredType.undecoded("F6_E2M3", 4, 3),
                  StoredType.undecoded("F6_E3M2", 4, 3),
                  StoredType.undecoded("F4", 2, 1)))
          .collect(Collectors.toUnmodifiableMap(StoredType::name, Function.identity()));

  private final Path file;
  private final TensorTable table;
  private final Map<String, String> metadata;

  private Safetensors(Path file, TensorTable table, Map<String, String> metadata) {
    this.file = file;
    this.table = table;
    this.metadata = Collections.unmodifiableMap(metadata);
  }

  /**
   * Maps a file and checks all of its header. The tensors are views of the mapping.
   *
   * @param arena owns the mapping: the tensors end with it, and a confined one binds them to this
   *     thread
   * @throws FormatException if the file cannot be read or breaks any rule of the format
   */
  public static Safetensors open(Path file, Arena arena) {
    MemorySegment bytes = MappedFile.map(file, arena);
    Safetensors opened = parse(file, bytes);
    MappedFile.watch(bytes, opened.tensors().values());
    return opened;
  }

  /** Reads a file that is in memory already. */
  static Safetensors parse(Path file, MemorySegment bytes) {
    if (bytes.byteSize() < Long.BYTES) {
      throw new FormatException(
          "%s: has %d bytes; a safetensors file begins with the 8-byte length of its header"
              .formatted(file, bytes.byteSize()));
    }
    long length = bytes.get(U64, 0);
    if (length < 0 || length > MAX_HEADER_BYTES) {
      throw new FormatException(
          "%s: the header claims %s bytes; at most %d are allowed. Is it a safetensors file?"
              .formatted(file, Long.toUnsignedString(length), MAX_HEADER_BYTES));
    }
    if (length > bytes.byteSize() - Long.BYTES) {
      throw new FormatException(
          "%s: the header claims %d bytes, but the file has %d; it is cut short: download it again"
              .formatted(file, length, bytes.byteSize()));
    }
    byte[] header = bytes.asSlice(Long.BYTES, length).toArray(ValueLayout.JAVA_BYTE);
    if (header.length == 0 || header[0] != '{') {
      throw new FormatException(file + ": the header does not begin with '{'");
    }
    TensorTable table = new TensorTable(file.toString(), bytes.asSlice(Long.BYTES + length));
    Map<String, String> metadata = new LinkedHashMap<>();
    Json json = Json.parse(header, file + ": header");
    for (String name : json.map().keySet()) {
      if (name.equals(METADATA)) {
        Json texts = json.get(name);
        texts
            .or(Map.of())
            .map()
            .keySet()
            .forEach(key -> metadata.put(key, texts.get(key).string()));
      } else {
        addTensor(table, name, json.get(name));
      }
    }
    table.finish(true);
    return new Safetensors(file, table, metadata);
  }

  private static void addTensor(TensorTable table, String name, Json info) {
    String typeName = info.get("dtype").string();
    StoredType type = TYPES.get(typeName);
    if (type == null) {
      throw new FormatException(
          "%s: dtype %s is none of the format's types (%s)"
              .formatted(
                  table.where(name),
                  quote(typeName),
                  TYPES.keySet().stream().sorted().collect(Collectors.joining(", "))));
    }
    long[] dims = integers(table, name, info, "shape", MAX_RANK);
    long[] offsets = integers(table, name, info, "data_offsets", 2);
    if (offsets.length != 2 || offsets[0] > offsets[1]) {
      throw new FormatException(
          "%s: data_offsets are %s; a begin and an end are needed, begin <= end"
              .formatted(table.where(name), info.get("data_offsets").value()));
    }
    if (offsets[1] > table.dataBytes()) {
      throw new FormatException(
          "%s: data_offsets end at %d, but the file has only %d bytes of data; it is damaged or cut short: download it again"
              .formatted(table.where(name), offsets[1], table.dataBytes()));
    }
    Shape shape = TensorTable.shape(table.where(name), dims);
    TensorEntry entry = table.add(name, type, shape, offsets[0]);
    if (entry.bytes() != offsets[1] - offsets[0]) {
      throw new FormatException(
          "%s: %s %s needs %d bytes, but data_offsets %s give %d"
              .formatted(
                  table.where(name),
                  typeName,
                  shape,
                  entry.bytes(),
                  info.get("data_offsets").value(),
                  offsets[1] - offsets[0]));
    }
  }

  private static long[] integers(
      TensorTable table, String name, Json info, String key, int atMost) {
    Json list = info.get(key);
    if (list.size() > atMost) {
      throw new FormatException(
          "%s: %s has %d elements; at most %d are allowed"
              .formatted(table.where(name), key, list.size(), atMost));
    }
    long[] values = new long[list.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = list.get(i).integer();
      if (values[i] < 0) {
        throw new FormatException(
            "%s: %s holds %d; it must not be negative"
                .formatted(table.where(name), key, values[i]));
      }
    }
    return values;
  }

  /** The file that was opened. */
  public Path file() {
    return file;
  }

  /** The free texts of {@code __metadata__}; empty if there are none. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** All tensors in the header's order, also those of types that cannot serve as weights. */
  public Map<String, TensorEntry> entries() {
    return table.entries();
  }

  /** The tensors of types F64, F32, F16 and BF16, in the header's order. */
  public Map<String, Tensor> tensors() {
    return table.tensors();
  }

  /**
   * The tensor of this name.
   *
   * @throws FormatException if it is missing or of a type that cannot serve as weights
   */
  public Tensor tensor(String name) {
    return table.tensor(name, SUPPORTED, REMEDY);
  }

  /**
   * Writes a file that takes the place of {@code file} only once it is complete: see {@link
   * AtomicFile}. Tensors of wide types come first, as the reference implementation has them, so
   * that each is aligned to its type; otherwise the order stays. The data begins at a multiple of
   * 64 bytes.
   *
   * @throws IllegalArgumentException if a tensor is quantised, which the format cannot hold
   * @throws FormatException if the file cannot be written; what was there before is untouched
   */
  public static void write(Path file, Map<String, Tensor> tensors, Map<String, String> metadata) {
    SafetensorsWriter.write(file, tensors, metadata);
  }
}
