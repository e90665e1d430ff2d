package llada.evaluation;

import java.util.List;
import java.util.Map;
import llada.format.JsonLine;

/** Many items with an id each, that are worked through one after the other or in batches. */
public interface ItemTask {
  /** What was found for an item. */
  public record Result(JsonLine.Members members, Map<String, Boolean> right) {
    /** A result that is neither right nor wrong. */
    public static Result of(JsonLine.Members members) {
      return new Result(members, Map.of());
    }
  }

  /** How many there are. */
  int size();

  /** The id of an item, in results. */
  String id(int item);

  /** Works on some items; a result each, in order. */
  List<Result> work(List<Integer> items);
}
