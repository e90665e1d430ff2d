package llada.tokenizer.jinja;

import java.util.List;
import llada.tokenizer.jinja.Token.Kind;

/** A place among the pieces of a template, and how deep the parser is there. */
class TokenReader {
  private static final int MAX_DEPTH = 100;

  private final List<Token> tokens;
  private int at;
  private int depth;

  TokenReader(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(at);
  }

  Token following() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  Token take() {
    Token token = current();
    at = Math.min(at + 1, tokens.size() - 1); // the end stays
    return token;
  }

  boolean nextIs(Kind kind, String text) {
    return current().kind() == kind && current().text().equals(text);
  }

  private boolean skip(Kind kind, String text) {
    boolean there = nextIs(kind, text);
    if (there) {
      take();
    }
    return there;
  }

  boolean skipName(String name) {
    return skip(Kind.NAME, name);
  }

  boolean skipOperator(String operator) {
    return skip(Kind.OPERATOR, operator);
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  /** Passes over a comma unless the list ends here. */
  void separate(String close) {
    if (!nextIs(Kind.OPERATOR, close)) {
      expectOperator(",");
    }
  }

  String name() {
    if (current().kind() != Kind.NAME) {
      throw unexpected("a name");
    }
    return take().text();
  }

  TemplateException unexpected(String wanted) {
    return new TemplateException(
        "unexpected %s; wanted: %s".formatted(current().shown(), wanted), current().line());
  }

  void enter() {
    if (++depth > MAX_DEPTH) {
      throw new TemplateException(
          "it is nested more than %d deep".formatted(MAX_DEPTH), current().line());
    }
  }

  void leave() {
    depth--;
  }
}
