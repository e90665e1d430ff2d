package llada.kernel.machine;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import llada.tensor.DType;

/** All kernels of one machine, assembled and mapped once. */
final class Program {
  static final List<DType> QUANTISED =
      List.of(DType.Q8_0, DType.Q4_0, DType.Q4_K, DType.Q5_K, DType.Q6_K);

  /** The types that a float product reads. */
  static final List<DType> FLOATS = List.of(DType.F32, DType.F16, DType.BF16);

  private final int bits;
  private final Map<String, Assembler> sources;
  private final Map<String, CodePage.Code> code;

  private Program(int bits, Map<String, Assembler> sources) {
    this.bits = bits;
    this.sources = sources;
    this.code = CodePage.map(sources);
  }

  /**
   * The kernels that these features allow.
   *
   * @throws MachineException if there are none, or none can be mapped
   */
  static Program assemble(CpuFeatures features) {
    if (!features.avx2()) {
      throw new MachineException("the processor has no AVX2");
    }
    boolean wide = features.avx512();
    int bits = wide ? 512 : 256;
    Map<String, Assembler> kernels = new LinkedHashMap<>();
    boolean int8 = wide ? features.avx512Vnni() : features.avxVnni();
    boolean bf16 = features.avx512Bf16();
    for (int vectors = 1; vectors <= 2; vectors++) {
      Geometry g = new Geometry(bits, vectors);
      kernels.put("transpose", TransposeCode.assemble(g));
      kernels.put(dot(false, vectors), DotCode.assemble(g, Op.VFMADD231PS, stride(false)));
      if (bf16) {
        kernels.put(dot(true, vectors), DotCode.assemble(g, Op.VDPBF16PS, stride(true)));
        kernels.put(pairs(vectors), PairCode.assemble(g));
      }
      if (int8) {
        for (DType dtype : QUANTISED) {
          WeightForm form = WeightForm.of(dtype);
          kernels.computeIfAbsent(int8(form, vectors), name -> Int8Code.assemble(g, form));
        }
        kernels.put(quantize(vectors), QuantizeCode.assemble(g));
      }
    }
    for (DType dtype : FLOATS) {
      kernels.put(expand(dtype, false), ExpandCode.floats(dtype, false, wide));
      if (bf16) {
        kernels.put(expand(dtype, true), ExpandCode.floats(dtype, true, wide));
      }
    }
    if (int8) {
      for (DType dtype : QUANTISED) {
        kernels.put(expand(dtype, false), ExpandCode.quantised(dtype));
      }
      kernels.put("peak vpdpbusd", PeakCode.assemble(Op.VPDPBUSD, bits));
    }
    if (bf16) {
      kernels.put("peak vdpbf16ps", PeakCode.assemble(Op.VDPBF16PS, bits));
    }
    kernels.put("peak vfmadd231ps", PeakCode.assemble(Op.VFMADD231PS, bits));
    return new Program(bits, kernels);
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

  static String quantize(int vectors) {
    return "quantize x" + vectors;
  }

  static String int8(WeightForm form, int vectors) {
    String kind = form.minimums() ? "minimums" : "offset " + (1 << form.offsetShift());
    return "int8 " + kind + " x" + vectors;
  }

  /** Expansion to float32 or bytes, or to bfloat16. */
  static String expand(DType dtype, boolean bf16) {
    return "expand " + dtype + (bf16 ? " to bf16" : "");
  }

  /** Width of the vectors, 256 or 512. */
  int bits() {
    return bits;
  }

  boolean has(String name) {
    return code.containsKey(name);
  }

  CodePage.Code code(String name) {
    return code.get(name);
  }

  /** The listing of every kernel, by name. */
  Map<String, String> listings() {
    Map<String, String> listings = new LinkedHashMap<>();
    sources.forEach((name, assembler) -> listings.put(name, assembler.listing()));
    return listings;
  }
}
