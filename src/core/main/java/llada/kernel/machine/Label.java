package llada.kernel.machine;

import java.util.ArrayList;
import java.util.List;

/** A place in the code, which jumps may name before it is known. */
final class Label {
  final String name;
  int at = -1;
  final List<Integer> uses = new ArrayList<>();

  Label(String name) {
    this.name = name;
  }
}
