package llada.cuda;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Bodies of kernel calls as CUDA graphs. The first run of a body makes everything that it needs,
 * the second is written down, the third and later ones are one call of the driver.
 */
final class Recordings implements AutoCloseable {
  private static final int MAX_BODIES = 16;
  private static final int MAX_ATTEMPTS = 3;

  private final DeviceTensors tensors;
  private final CudaStream compute;
  private final Map<Object, Body> bodies = new LinkedHashMap<>();
  private int played;

  private static final class Body {
    private CudaGraph graph;
    private DeviceTensors.Touched touched;
    private int attempts;
  }

  Recordings(DeviceTensors tensors, CudaStream compute) {
    this.tensors = tensors;
    this.compute = compute;
  }

  /** How often a graph was launched. */
  int played() {
    return played;
  }

  /** See {@link llada.kernel.Kernels#repeat}. */
  void repeat(Object key, Runnable body) {
    Body known = bodies.get(key);
    if (known == null) {
      makeRoom();
      bodies.put(key, new Body());
      body.run();
    } else if (known.graph != null) {
      play(known);
    } else if (known.attempts == MAX_ATTEMPTS || !record(known, body)) {
      body.run();
    }
  }

  private void play(Body body) {
    body.touched.refresh();
    body.graph.launch(compute);
    body.touched.markWritten();
    played++;
  }

  /** Whether it could be written down; then it has run, too. */
  private boolean record(Body known, Runnable body) {
    known.attempts++;
    compute.beginCapture();
    known.touched = tensors.startRecording();
    try {
      body.run();
    } catch (DeviceTensors.NotRecordable e) {
      compute.abandonCapture();
      return false;
    } catch (Throwable e) {
      compute.abandonCapture();
      throw e;
    } finally {
      tensors.stopRecording();
    }
    known.graph = compute.endCapture();
    play(known);
    return true;
  }

  private void makeRoom() {
    if (bodies.size() == MAX_BODIES) {
      Object oldest = bodies.keySet().iterator().next();
      close(bodies.remove(oldest));
    }
  }

  /** Forgets everything: memory that a graph names is about to be freed. */
  void forget() {
    bodies.values().forEach(Recordings::close);
    bodies.clear();
  }

  private static void close(Body body) {
    if (body.graph != null) {
      body.graph.close();
    }
  }

  @Override
  public void close() {
    forget();
  }
}
