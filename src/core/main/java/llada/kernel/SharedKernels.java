package llada.kernel;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import llada.tensor.NativeMemory;
import llada.tensor.Tensor;

/**
 * Kernels for any number of threads: their calls are served in turn, each of them whole, in the
 * order in which they come. So what a tier keeps between and during calls (scratch memory, packed
 * inputs, a stream of a device) has one user at a time. A proxy, so that an op that is new in
 * {@link Kernels} takes its turn like the others.
 */
public final class SharedKernels implements InvocationHandler {
  private final Kernels kernels;
  private final Optional<Object> device;
  private final ReentrantLock turn = new ReentrantLock(true);
  private boolean closed;

  private SharedKernels(Kernels kernels, Optional<Object> device) {
    this.kernels = kernels;
    this.device = device;
  }

  /**
   * Shares kernels that nobody else calls from now on.
   *
   * @return kernels that can be closed as well; closing waits for the call that is being served
   */
  public static Kernels of(Kernels kernels) {
    return proxy(new SharedKernels(kernels, Optional.empty()));
  }

  /**
   * Shares the kernels of a device. What they write down in {@link Kernels#repeat} is one turn.
   *
   * @param monitor held during each call, against threads that look at a tensor meanwhile
   */
  public static Kernels ofDevice(Kernels kernels, Object monitor) {
    return proxy(new SharedKernels(kernels, Optional.of(monitor)));
  }

  /** The kernels that are shared, to look at what they are; only this class may call them. */
  public static Kernels inside(Kernels shared) {
    return Proxy.isProxyClass(shared.getClass())
            && Proxy.getInvocationHandler(shared) instanceof SharedKernels turns
        ? turns.kernels
        : shared;
  }

  private static Kernels proxy(SharedKernels shared) {
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class, AutoCloseable.class},
            shared);
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] args) throws Throwable {
    boolean oneByOne = device.isEmpty() && method.getName().equals("repeat");
    if (method.getDeclaringClass() == Object.class || oneByOne) {
      return call(method, args);
    }
    if (method.getDeclaringClass() == AutoCloseable.class) {
      close();
      return null;
    }
    NativeMemory.enter();
    try {
      turn.lock();
      try {
        check(method, args);
        synchronized (device.orElse(kernels)) {
          return call(method, args);
        }
      } finally {
        turn.unlock();
      }
    } finally {
      NativeMemory.leave();
    }
  }

  private Object call(Method method, Object[] args) throws Throwable {
    try {
      return method.invoke(kernels, args);
    } catch (InvocationTargetException e) {
      throw e.getCause();
    }
  }

  private void check(Method method, Object[] args) {
    if (closed) {
      throw new IllegalStateException(
          "%s: the backend is closed; close it after all that computes with it"
              .formatted(method.getName()));
    }
    for (int i = 0; args != null && i < args.length; i++) {
      if (args[i] instanceof Tensor tensor) {
        check(method, tensor);
      } else if (args[i] instanceof List<?> list) {
        for (Object element : list) {
          if (element instanceof Tensor tensor) {
            check(method, tensor);
          }
        }
      }
    }
  }

  private static void check(Method method, Tensor tensor) {
    if (!tensor.memory().scope().isAlive()) {
      throw new IllegalStateException(
          "%s: the memory of a tensor %s is freed; close a model and its predictors after all that computes with them"
              .formatted(method.getName(), tensor));
    }
  }

  private void close() throws Exception {
    if (turn.isHeldByCurrentThread()) {
      throw new IllegalStateException("a backend may not be closed from within an operation");
    }
    turn.lock();
    try {
      if (!closed && kernels instanceof AutoCloseable owner) {
        synchronized (device.orElse(kernels)) {
          owner.close();
        }
      }
    } finally {
      closed = true;
      turn.unlock();
    }
  }
}
