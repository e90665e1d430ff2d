package llada.kernel.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Encodings as GNU as makes them, but for VEX prefixes of two bytes, which are written as three.
 */
final class AssemblerTest {
  private static Arguments of(String text, String bytes, Consumer<Assembler> code) {
    return Arguments.of(text, bytes, code);
  }

  static Stream<Arguments> encodings() {
    Vec z = Vec.zmm(20);
    return Stream.of(
        of(
            "vpdpbusd zmm5, zmm30, zmm29",
            "62920d4050ed",
            a -> a.op(Op.VPDPBUSD, Vec.zmm(5), Vec.zmm(30), Vec.zmm(29))),
        of(
            "vpdpbusd ymm5, ymm14, ymm9",
            "c4c20d50e9",
            a -> a.op(Op.VPDPBUSD, Vec.ymm(5), Vec.ymm(14), Vec.ymm(9))),
        of(
            "vdpbf16ps zmm1, zmm27, zmm31",
            "6292264052cf",
            a -> a.op(Op.VDPBF16PS, Vec.zmm(1), Vec.zmm(27), Vec.zmm(31))),
        of(
            "vfmadd231ps zmm20, zmm3, [rax + 128]{1to16}",
            "62e26558b86020",
            a -> a.op(Op.VFMADD231PS, z, Vec.zmm(3), Gpr.RAX.all(128))),
        of(
            "vfmadd231ps zmm20, zmm3, [r9 + 512]",
            "62c26548b86108",
            a -> a.op(Op.VFMADD231PS, z, Vec.zmm(3), Gpr.R9.at(512))),
        of(
            "vfmadd231ps ymm2, ymm3, [r12 + 40]",
            "c4c265b8542428",
            a -> a.op(Op.VFMADD231PS, Vec.ymm(2), Vec.ymm(3), Gpr.R12.at(40))),
        of(
            "vpbroadcastd zmm30, [r9 + 3588]",
            "62427d4858b1040e0000",
            a -> a.op(Op.VPBROADCASTD, Vec.zmm(30), Gpr.R9.at(3588))),
        of(
            "vbroadcastss ymm1, [r13]",
            "c4c27d184d00",
            a -> a.op(Op.VBROADCASTSS, Vec.ymm(1), Gpr.R13.at(0))),
        of(
            "vmovups [rsp + 64], zmm17",
            "62e17c48114c2401",
            a -> a.store(Op.VMOVUPS_STORE, Gpr.RSP.at(64), Vec.zmm(17))),
        of(
            "vmovups zmm8, [rbp]",
            "62717c48104500",
            a -> a.op(Op.VMOVUPS, Vec.zmm(8), Gpr.RBP.at(0))),
        of(
            "vpslld zmm28, zmm28, 16",
            "62911d4072f410",
            a -> a.shift(Op.VPSLLD, Vec.zmm(28), Vec.zmm(28), 16)),
        of(
            "vpsrlw xmm2, xmm1, 4",
            "c4e16971d104",
            a -> a.shift(Op.VPSRLW, Vec.xmm(2), Vec.xmm(1), 4)),
        of(
            "vshuff32x4 zmm3, zmm18, zmm26, 238",
            "62936d4023daee",
            a -> a.op(Op.VSHUFF32X4, Vec.zmm(3), Vec.zmm(18), Vec.zmm(26), 238)),
        of(
            "vcvtph2ps zmm4, [r9 + 32]",
            "62d27d48136101",
            a -> a.op(Op.VCVTPH2PS, Vec.zmm(4), Gpr.R9.at(32))),
        of(
            "vpmovzxwd zmm6, ymm22",
            "62b27d4833f6",
            a -> a.op(Op.VPMOVZXWD, Vec.zmm(6), Vec.ymm(22))),
        of("vmovd xmm15, eax", "c461796ef8", a -> a.vmovd(Vec.xmm(15), Gpr.RAX)),
        of("vmovq xmm0, rbx", "c4e1f96ec3", a -> a.vmovq(Vec.xmm(0), Gpr.RBX)),
        of("mov rax, r12", "4c89e0", a -> a.mov(Gpr.RAX, Gpr.R12)),
        of("mov r12, [rdi + 8]", "4c8b6708", a -> a.mov(Gpr.R12, Gpr.RDI.at(8))),
        of("add r10, 1000", "4981c2e8030000", a -> a.add(Gpr.R10, 1000)),
        of("sub rcx, 1", "4883e901", a -> a.sub(Gpr.RCX, 1)),
        of("prefetcht1 [r14]", "410f1816", a -> a.prefetch(Gpr.R14.at(0), 2)),
        of(
            "vpmulld ymm2, ymm2, ymm11",
            "c4c26d40d3",
            a -> a.op(Op.VPMULLD, Vec.ymm(2), Vec.ymm(2), Vec.ymm(11))),
        of(
            "vpsrlvd ymm2, ymm2, ymm13",
            "c4c26d45d5",
            a -> a.op(Op.VPSRLVD, Vec.ymm(2), Vec.ymm(2), Vec.ymm(13))),
        of(
            "vinserti32x4 zmm3, zmm3, [r9 + 2320], 2",
            "62d365483899" + "10090000" + "02",
            a -> a.op(Op.VINSERTI128, Vec.zmm(3), Vec.zmm(3), Gpr.R9.at(2320), 2)),
        of(
            "vpmovdw [r11 + 64], zmm17",
            "62c27e48334b02",
            a -> a.store(Op.VPMOVDW, Gpr.R11.at(64), Vec.zmm(17))),
        of(
            "vpsrad zmm8, zmm8, 24",
            "62d13d4872e018",
            a -> a.shift(Op.VPSRAD, Vec.zmm(8), Vec.zmm(8), 24)),
        of(
            "vpmaddubsw ymm15, ymm14, ymm12",
            "c4420d04fc",
            a -> a.op(Op.VPMADDUBSW, Vec.ymm(15), Vec.ymm(14), Vec.ymm(12))),
        of(
            "vpmaddubsw zmm31, zmm30, zmm28",
            "62020d4004fc",
            a -> a.op(Op.VPMADDUBSW, Vec.zmm(31), Vec.zmm(30), Vec.zmm(28))),
        of(
            "vpmaddwd ymm0, ymm0, [rdi + 128]",
            "c4e17df58780000000",
            a -> a.op(Op.VPMADDWD, Vec.ymm(0), Vec.ymm(0), Gpr.RDI.at(128))),
        of(
            "vpmaddwd zmm5, zmm5, zmm31",
            "62915548f5ef",
            a -> a.op(Op.VPMADDWD, Vec.zmm(5), Vec.zmm(5), Vec.zmm(31))),
        of(
            "vpaddw ymm3, ymm3, ymm15",
            "c4c165fddf",
            a -> a.op(Op.VPADDW, Vec.ymm(3), Vec.ymm(3), Vec.ymm(15))),
        of(
            "vpsubw zmm27, zmm27, zmm29",
            "62012540f9dd",
            a -> a.op(Op.VPSUBW, Vec.zmm(27), Vec.zmm(27), Vec.zmm(29))),
        of(
            "vpsraw zmm1, zmm17, 8",
            "62b1754871e108",
            a -> a.shift(Op.VPSRAW, Vec.zmm(1), Vec.zmm(17), 8)),
        of(
            "vfnmadd213ps ymm15, ymm12, [rdi + 448]",
            "c4621dacbfc0010000",
            a -> a.op(Op.VFNMADD213PS, Vec.ymm(15), Vec.ymm(12), Gpr.RDI.at(448))),
        of(
            "vpsignb ymm12, ymm13, ymm2",
            "c4621508e2",
            a -> a.op(Op.VPSIGNB, Vec.ymm(12), Vec.ymm(13), Vec.ymm(2))),
        of("vpabsb ymm14, ymm3", "c4627d1cf3", a -> a.op(Op.VPABSB, Vec.ymm(14), Vec.ymm(3))),
        of(
            "vpinsrw xmm9, xmm9, [r9 + 4096], 7",
            "c44131c4890010000007",
            a -> a.op(Op.VPINSRW, Vec.xmm(9), Vec.xmm(9), Gpr.R9.at(4096), 7)),
        of(
            "vinserti128 ymm1, ymm1, ymm2, 1",
            "c4e37538ca01",
            a -> a.op(Op.VINSERTI128, Vec.ymm(1), Vec.ymm(1), Vec.ymm(2), 1)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("encodings")
  void bytesAndTextAreThoseOfTheManual(String text, String bytes, Consumer<Assembler> code) {
    Assembler a = new Assembler();
    code.accept(a);
    assertThat(HexFormat.of().formatHex(a.toBytes())).isEqualTo(bytes);
    assertThat(a.listing().strip()).endsWith(text);
  }

  @Test
  void jumpsGoForthAndBack() {
    Assembler a = new Assembler();
    Label start = new Label("start");
    Label end = new Label("end");
    a.bind(start);
    a.jump(end);
    a.jump(Assembler.Condition.NOT_EQUAL, start);
    a.bind(end);
    a.ret();
    // The distance counts from the end of the jump: 6 on, 11 back.
    assertThat(HexFormat.of().formatHex(a.toBytes()))
        .isEqualTo("e906000000" + "0f85f5ffffff" + "c3");
  }

  @Test
  void whatCannotBeEncodedIsRefused() {
    Assembler a = new Assembler();
    assertThatThrownBy(() -> a.op(Op.VADDPS, Vec.ymm(16), Vec.ymm(0), Vec.ymm(0)))
        .hasMessage("VEX reaches registers 0 to 15 only");
    assertThatThrownBy(() -> a.op(Op.VADDPS, Vec.ymm(1), Vec.ymm(0), Gpr.RAX.all(0)))
        .hasMessage("VADDPS at 256 bits has no broadcast operand");
    a.jump(new Label("nowhere"));
    assertThatThrownBy(a::toBytes).hasMessage("label nowhere was never bound");
  }
}
