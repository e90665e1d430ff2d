package llada.tokenizer;

import it.unimi.dsi.fastutil.ints.IntArrayList;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import llada.tokenizer.Regex.Op;

/** Writes the program of a {@link Regex}. The size is limited: repetitions copy their bodies. */
final class RegexCompiler {
  private static final int MAX_PROGRAM = 20_000;
  private static final int MAX_WORK = 200_000;
  private static final int MAX_SETS = 400; // each takes up to 136 KiB

  final List<Op> ops = new ArrayList<>();
  final IntArrayList x = new IntArrayList();
  final IntArrayList y = new IntArrayList();
  final IntArrayList z = new IntArrayList();
  final List<CharSet> sets = new ArrayList<>();
  final List<RegexNode.Place> places = new ArrayList<>();
  int registers;

  private final Map<BitSet, Integer> setIndex = new HashMap<>();
  private final String pattern;
  private int work;

  RegexCompiler(String pattern, RegexNode node) {
    this.pattern = pattern;
    compile(node);
    emit(Op.MATCH, 0, 0, 0);
  }

  private int emit(Op op, int x, int y, int z) {
    if (ops.size() >= MAX_PROGRAM) {
      throw tooLarge();
    }
    ops.add(op);
    this.x.add(x);
    this.y.add(y);
    this.z.add(z);
    return ops.size() - 1;
  }

  private TokenizerException tooLarge() {
    return new TokenizerException(
        "pattern %s repeats too much: it makes a program of more than %d steps"
            .formatted(TokenizerException.shown(pattern), MAX_PROGRAM));
  }

  private int here() {
    return ops.size();
  }

  private int set(BitSet members) {
    return setIndex.computeIfAbsent(
        members,
        m -> {
          if (sets.size() == MAX_SETS) {
            throw new TokenizerException(
                "pattern %s uses more than %d sets of characters"
                    .formatted(TokenizerException.shown(pattern), MAX_SETS));
          }
          sets.add(new CharSet(m));
          return sets.size() - 1;
        });
  }

  private void compile(RegexNode node) {
    if (++work > MAX_WORK) { // empty bodies repeated a million times emit nothing
      throw tooLarge();
    }
    switch (node) {
      case RegexNode.Set s -> emit(Op.SET, set(s.members()), 0, 0);
      case RegexNode.Sequence s -> s.parts().forEach(this::compile);
      case RegexNode.Choice c -> choice(c);
      case RegexNode.Repeat r -> repeat(r);
      case RegexNode.Atomic(RegexNode.Repeat(RegexNode.Set s, int min, int max, boolean g)) ->
          emit(Op.RUN_ATOMIC, set(s.members()), min, max);
      case RegexNode.Atomic a -> {
        int start = emit(Op.ATOMIC, 0, 0, 0);
        compile(a.body());
        emit(Op.MATCH, 0, 0, 0);
        x.set(start, here());
      }
      case RegexNode.LookAhead l -> {
        int start = emit(Op.LOOK_AHEAD, 0, l.wanted() ? 1 : 0, 0);
        compile(l.body());
        emit(Op.MATCH, 0, 0, 0);
        x.set(start, here());
      }
      case RegexNode.Anchor a -> {
        emit(Op.ANCHOR, places.size(), 0, 0);
        places.add(a.place());
      }
    }
  }

  private void choice(RegexNode.Choice choice) {
    IntArrayList exits = new IntArrayList();
    int last = choice.options().size() - 1;
    for (int i = 0; i < last; i++) {
      RegexNode option = choice.options().get(i);
      int split =
          option.nullable()
              ? emit(Op.SPLIT, 0, 0, 0)
              : emit(Op.SPLIT_FIRST, 0, set(option.first()), 0);
      compile(option);
      exits.add(emit(Op.JUMP, 0, 0, 0));
      x.set(split, here());
    }
    compile(choice.options().get(last));
    exits.forEach((int exit) -> x.set(exit, here()));
  }

  private void repeat(RegexNode.Repeat repeat) {
    RegexNode body = repeat.body();
    if (body instanceof RegexNode.Set s && repeat.greedy()) {
      emit(Op.RUN, set(s.members()), repeat.min(), repeat.max());
      return;
    }
    for (int i = 0; i < repeat.min(); i++) {
      compile(body);
    }
    Op split = repeat.greedy() ? Op.SPLIT : Op.SPLIT_LAZY;
    if (repeat.max() == RegexNode.MANY) {
      int loop = emit(split, 0, 0, 0);
      int register = body.nullable() ? registers++ : -1;
      int check = -1;
      if (register >= 0) {
        emit(Op.MARK, register, 0, 0);
      }
      compile(body);
      if (register >= 0) {
        check = emit(Op.CHECK, 0, register, 0);
      }
      emit(Op.JUMP, loop, 0, 0);
      x.set(loop, here());
      if (check >= 0) {
        x.set(check, here());
      }
      return;
    }
    IntArrayList exits = new IntArrayList();
    for (int i = repeat.min(); i < repeat.max(); i++) {
      exits.add(emit(split, 0, 0, 0));
      compile(body);
    }
    exits.forEach((int exit) -> x.set(exit, here()));
  }
}
