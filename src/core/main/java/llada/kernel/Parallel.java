package llada.kernel;

/**
 * A way to run independent pieces of one operation at the same time. Which worker takes which piece
 * must never show in a result.
 */
public interface Parallel {
  /** Runs everything on the calling thread. */
  Parallel SERIAL =
      new Parallel() {
        @Override
        public int workers() {
          return 1;
        }

        @Override
        public void forEach(int tasks, Task task) {
          for (int i = 0; i < tasks; i++) {
            task.run(i, 0);
          }
        }
      };

  /** One piece of work. */
  @FunctionalInterface
  interface Task {
    /**
     * @param index which piece, from 0
     * @param worker who runs it, from 0 to {@link Parallel#workers} - 1; for scratch memory
     */
    void run(int index, int worker);
  }

  /** How many pieces can run at the same time. */
  int workers();

  /**
   * Runs pieces 0 to {@code tasks} - 1 and returns when all are done, or throws what a piece threw.
   * Several threads may call it, and a piece may: each caller is worker 0 of its own call, so
   * memory by worker belongs to one caller.
   */
  void forEach(int tasks, Task task);
}
