/**
 * Models over HTTP: OpenAI's API, what only diffusion models have, and a page.
 *
 * <pre>
 *   Jetty  ->  Api       which path, who may ask ({@link llada.server.LladaServer} sets limits)
 *          ->  Wishes    JSON to a request of the library; what cannot be done is refused
 *          ->  Exchange  submits it to the model's Scheduler, waits, sends
 *          ->  Replies   answers to JSON
 * </pre>
 *
 * <p>A virtual thread serves each request; the scheduler's thread never waits for a client. What
 * was sent never changes: {@code StreamText} holds back what may. With {@code diffusing} the whole
 * canvas is sent after each step instead. Start reading at {@code Exchange}.
 */
package llada.server;
