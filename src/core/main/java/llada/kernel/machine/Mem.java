package llada.kernel.machine;

/**
 * A memory operand.
 *
 * @param base holds the address
 * @param offset bytes added to it
 * @param broadcast whether one 32-bit number goes to every lane (EVEX only)
 */
record Mem(Gpr base, int offset, boolean broadcast) {
  @Override
  public String toString() {
    String sign = offset < 0 ? " - " : " + ";
    String at = offset == 0 ? "[" + base + "]" : "[" + base + sign + Math.abs(offset) + "]";
    return broadcast ? at + "{1to16}" : at;
  }
}
