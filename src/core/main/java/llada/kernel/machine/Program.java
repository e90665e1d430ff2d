package llada.kernel.machine;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import llada.tensor.DType;

/**
 * The kernels of one machine, by name. Each is assembled and mapped when first asked for: a model
 * needs few of them, and the first token should not wait for the rest.
 */
final class Program {
  /** The types that an 8-bit product reads. The vector tier takes what is in neither list. */
  static final List<DType> QUANTISED =
      List.of(
          DType.Q8_0,
          DType.Q4_0,
          DType.Q4_1,
          DType.Q5_0,
          DType.Q5_1,
          DType.Q2_K,
          DType.Q3_K,
          DType.Q4_K,
          DType.Q5_K,
          DType.Q6_K);

  /** The types that a float product reads. */
  static final List<DType> FLOATS = List.of(DType.F32, DType.F16, DType.BF16);

  static final String SOFTMAX_BACKWARD = "softmax backward";
  static final String SWIGLU_BACKWARD = "swiglu backward";
  static final String TRANSPOSE = "transpose";
  static final String TRANSPOSE_EVEN = "transpose, rows evenly spaced";
  static final String SOFTMAX = "softmax";
  static final String NORMALIZE = "softmax, sums over totals";
  static final String SWIGLU = "swiglu";
  static final String READ = "peak of reading";

  private static final Map<CpuFeatures, Program> PROGRAMS = new ConcurrentHashMap<>();

  private final int bits;
  private final boolean vnni;
  private final boolean bf16;
  private final Map<String, Supplier<Assembler>> sources = new LinkedHashMap<>();
  private final Map<String, CodePage.Code> code = new ConcurrentHashMap<>();

  /**
   * The kernels that these features allow, one program for all of the process: its code stays
   * mapped to the end, however often backends come and go.
   *
   * @throws MachineException if there are none
   */
  static Program of(CpuFeatures features) {
    return PROGRAMS.computeIfAbsent(features, Program::new);
  }

  private Program(CpuFeatures features) {
    if (!features.avx2()) {
      throw new MachineException("the processor has no AVX2");
    }
    boolean wide = features.avx512();
    bits = wide ? 512 : 256;
    vnni = wide ? features.avx512Vnni() : features.avxVnni();
    bf16 = features.avx512Bf16();
    Geometry one = new Geometry(bits, 1);
    sources.put(TRANSPOSE, () -> TransposeCode.assemble(one, false));
    sources.put(TRANSPOSE_EVEN, () -> TransposeCode.assemble(one, true));
    for (int vectors = 1; vectors <= 2; vectors++) {
      Geometry g = new Geometry(bits, vectors);
      sources.put(
          dot(false, vectors),
          () -> DotCode.assemble(g, g.floatRows(), Op.VFMADD231PS, stride(false), true));
      if (bf16) {
        sources.put(
            dot(true, vectors),
            () -> DotCode.assemble(g, g.floatRows(), Op.VDPBF16PS, stride(true), true));
        sources.put(pairs(vectors), () -> PairCode.assemble(g));
      }
      for (DType dtype : QUANTISED) {
        WeightForm form = WeightForm.of(dtype);
        sources.put(int8(form, vectors), () -> int8(g, form));
      }
      sources.put(quantize(vectors), () -> QuantizeCode.assemble(g, !vnni));
    }
    Geometry two = new Geometry(bits, 2);
    for (boolean on : new boolean[] {false, true}) {
      sources.put(store(on), () -> StoreCode.assemble(two, on));
      if (!on || bf16) {
        sources.put(panel(on), () -> PanelCode.assemble(two, on));
      }
    }
    sources.put(SOFTMAX, () -> SoftmaxCode.assemble(two));
    sources.put(NORMALIZE, () -> SoftmaxCode.normalize(two));
    sources.put(SWIGLU, () -> SwiGluCode.assemble(bits));
    sources.put(SOFTMAX_BACKWARD, () -> SoftmaxBackwardCode.assemble(two));
    sources.put(SWIGLU_BACKWARD, () -> SwiGluBackwardCode.assemble(bits));
    for (DType dtype : FLOATS) {
      sources.put(expand(dtype, false), () -> ExpandCode.floats(dtype, false, wide));
      if (bf16) {
        sources.put(expand(dtype, true), () -> ExpandCode.floats(dtype, true, wide));
      }
    }
    for (DType dtype : QUANTISED) {
      sources.put(expand(dtype, false), () -> ExpandCode.quantised(dtype, !vnni));
    }
    if (vnni) {
      sources.put(peak(Op.VPDPBUSD, bits), () -> PeakCode.assemble(Op.VPDPBUSD, bits));
    }
    if (bf16) {
      sources.put(peak(Op.VDPBF16PS, bits), () -> PeakCode.assemble(Op.VDPBF16PS, bits));
    }
    for (int width = 256; width <= bits; width *= 2) {
      int at = width;
      sources.put(peak(Op.VFMADD231PS, at), () -> PeakCode.assemble(Op.VFMADD231PS, at));
    }
    sources.put(peak(Op.VPMADDUBSW, bits), () -> PeakCode.assemble(Op.VPMADDUBSW, bits));
    sources.put(READ, () -> PeakCode.read(bits));
  }

  private Assembler int8(Geometry g, WeightForm form) {
    return vnni
        ? Int8Code.assemble(g, form)
        : form.bits() < 8 ? MaddCode.assemble(g, form) : WordCode.assemble(g, form);
  }

  private static int stride(boolean bf16) {
    return Geometry.FLOAT_DEPTH * (bf16 ? 2 : 4);
  }

  static String dot(boolean bf16, int vectors) {
    return (bf16 ? "dot bf16 x" : "dot f32 x") + vectors;
  }

  static String pairs(int vectors) {
    return "pairs x" + vectors;
  }

  static String panel(boolean bf16) {
    return bf16 ? "panel bf16" : "panel f32";
  }

  static String store(boolean accumulate) {
    return accumulate ? "store, adding" : "store";
  }

  static String quantize(int vectors) {
    return "quantize x" + vectors;
  }

  String int8(WeightForm form, int vectors) {
    String kind = form.minimums() ? "minimums" : "offset " + (1 << form.offsetShift());
    String bits = vnni ? "" : " of %d bits without VNNI".formatted(form.bits());
    return "int8%s by %d, %s x%d".formatted(bits, form.group(), kind, vectors);
  }

  static String peak(Op op, int bits) {
    return "peak %s at %d bits".formatted(op.mnemonic(false), bits);
  }

  /** Expansion to float32 or bytes, or to bfloat16. */
  static String expand(DType dtype, boolean bf16) {
    return "expand " + dtype + (bf16 ? " to bf16" : "");
  }

  /** Width of the vectors, 256 or 512. */
  int bits() {
    return bits;
  }

  /** Whether 8-bit products are vpdpbusd's; else they are vpmaddubsw's. */
  boolean vnni() {
    return vnni;
  }

  /** Weight rows of a tile. */
  int tileRows(Geometry g, Matmul.Arithmetic arithmetic) {
    return arithmetic == Matmul.Arithmetic.INT8 && vnni ? g.int8Rows() : g.floatRows();
  }

  /** Whether bfloat16 products can be had. */
  boolean bf16() {
    return bf16;
  }

  /** A kernel that these features allow. */
  CodePage.Code code(String name) {
    return code.computeIfAbsent(name, wanted -> CodePage.map(sources.get(wanted).get()));
  }

  /** The float32 product of attention; see {@link DotCode#assemble}. */
  CodePage.Code attentionDot(int rows, int stride, boolean accumulates) {
    Geometry g = new Geometry(bits, 2);
    return code.computeIfAbsent(
        "dot f32 of %d rows at %d bytes %b".formatted(rows, stride, accumulates),
        name -> CodePage.map(DotCode.assemble(g, rows, Op.VFMADD231PS, stride, accumulates)));
  }

  /** The product of rows of so many channels with few tokens, which {@link FewCode} takes. */
  CodePage.Code few(DType dtype, Matmul.Arithmetic arithmetic, int channels) {
    return code.computeIfAbsent(
        "few tokens, %s in %s, %d channels".formatted(dtype, arithmetic, channels),
        name -> CodePage.map(FewCode.assemble(bits, vnni, dtype, arithmetic, channels)));
  }

  /** The listing of every kernel, by name. */
  Map<String, String> listings() {
    Map<String, String> listings = new LinkedHashMap<>();
    sources.forEach((name, source) -> listings.put(name, source.get().listing()));
    return listings;
  }
}
