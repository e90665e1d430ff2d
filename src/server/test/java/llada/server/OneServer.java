package llada.server;

import java.io.IOException;
import llada.api.Llada;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** A test class with a server of its own, as it is without options, on the bundled model. */
abstract class OneServer {
  static Llada llada;
  static Served served;

  @BeforeAll
  static void opens() throws IOException {
    llada = Served.demo();
    served = Served.with(llada, options -> options);
  }

  @AfterAll
  static void closes() {
    served.close();
    llada.close();
  }
}
