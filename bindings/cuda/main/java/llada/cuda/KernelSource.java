package llada.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One of the .cu files that come with the program, and the headers that it includes.
 *
 * @param name of the file, such as rms_norm.cu
 * @param headers text by name
 */
record KernelSource(String name, String text, Map<String, String> headers) {
  private static final Pattern INCLUDE = Pattern.compile("(?m)^\\s*#include\\s+\"([^\"]+)\"");

  /**
   * Reads a file.
   *
   * @param name without .cu
   */
  static KernelSource read(String name) {
    String file = name + ".cu";
    String text = resource(file);
    Map<String, String> headers = new TreeMap<>();
    Deque<String> open = new ArrayDeque<>();
    open.add(text);
    while (!open.isEmpty()) {
      Matcher includes = INCLUDE.matcher(open.remove());
      while (includes.find()) {
        String header = includes.group(1);
        if (!headers.containsKey(header)) {
          headers.put(header, resource(header));
          open.add(headers.get(header));
        }
      }
    }
    return new KernelSource(file, text, headers);
  }

  private static String resource(String file) {
    try (InputStream in = KernelSource.class.getResourceAsStream("kernels/" + file)) {
      if (in == null) {
        throw new CudaException("the kernel " + file + " is missing in this build; build it again");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** SHA-256 of everything that the machine code depends on, but for the architecture. */
  String digest(String compiler) {
    MessageDigest sha = sha256();
    sha.update(bytes(compiler + "\n" + KernelCompiler.OPTIONS + "\n" + text));
    headers.forEach((header, content) -> sha.update(bytes("\n" + header + "\n" + content)));
    return HexFormat.of().formatHex(sha.digest());
  }

  /** A new digest. */
  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
