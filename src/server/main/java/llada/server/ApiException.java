package llada.server;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import llada.format.JsonLine;

/** What a client is told in place of an answer, in OpenAI's form. */
final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int status;
  private final String type;
  private final String param; // null where none is at fault
  private final String code; // null where there is none

  private ApiException(int status, String type, String param, String code, String message) {
    super(message, null, false, false);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
  }

  /** A parameter cannot be what it is. */
  static ApiException invalid(String param, String message) {
    return new ApiException(400, "invalid_request_error", param, null, message);
  }

  /** The same with a code that clients know. */
  static ApiException invalid(String param, String code, String message) {
    return new ApiException(400, "invalid_request_error", param, code, message);
  }

  /** There is no such thing. */
  static ApiException notFound(String param, String code, String message) {
    return new ApiException(404, "invalid_request_error", param, code, message);
  }

  /** A request that is not let in, whatever it asks. */
  static ApiException refused(int status, String code, String message) {
    return new ApiException(status, "invalid_request_error", null, code, message);
  }

  /** Not now. */
  static ApiException unavailable(int status, String code, String message) {
    String type = status == 429 ? "rate_limit_error" : "server_error";
    return new ApiException(status, type, null, code, message);
  }

  int status() {
    return status;
  }

  /** The member {@code error} of an object. */
  void write(JsonGenerator json) throws IOException {
    json.writeObjectFieldStart("error");
    json.writeStringField("message", getMessage());
    json.writeStringField("type", type);
    json.writeStringField("param", param);
    json.writeStringField("code", code);
    json.writeEndObject();
  }

  /** The object that a client gets. */
  String json() {
    return JsonLine.of(this::write);
  }
}
