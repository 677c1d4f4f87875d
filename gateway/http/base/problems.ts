// The end of every failure: a problem document (RFC 9457), a log line for what is our own fault, no stack trace.
import type { ErrorRequestHandler, Response } from 'express';
import { CloudError } from '../../clouds/index.js';
import { GatewayError, PROBLEM_TYPE, toProblem } from '../../errors.js';
import type { Log } from '../../logging.js';
import { requestState } from './request-state.js';
import { inSeconds, retryAfterMs, type RetryTimes } from './retry.js';

/** Turns errors that other packages throw into the gateway's; `undefined` leaves it to the usual rules. */
export type TranslateError = (error: unknown) => GatewayError | undefined;

/** Any error as a GatewayError. What is not known is INTERNAL. */
export function toGatewayError(error: unknown, translate?: TranslateError): GatewayError {
  if (error instanceof GatewayError) return error;
  const translated = translate?.(error);
  if (translated !== undefined) return translated;
  if (error instanceof CloudError) return fromCloud(error);
  // Express and its parsers mark what the client did wrong with a status of 4xx.
  if (error instanceof Error && 'status' in error && error.status === 400) {
    return new GatewayError('BAD_REQUEST', 'The request’s address or headers are malformed.', {
      cause: error,
    });
  }
  return new GatewayError('INTERNAL', 'Something failed inside the gateway.', { cause: error });
}

function fromCloud(error: CloudError): GatewayError {
  const options = { cause: error };
  switch (error.code) {
    case 'UNAVAILABLE':
    case 'TIMEOUT':
    case 'FULL':
      return new GatewayError(
        'CLOUD_UNAVAILABLE',
        'The cloud that holds this does not answer.',
        options,
      );
    case 'NOT_FOUND':
    case 'CHECKSUM':
      return new GatewayError(
        'REPORT_DAMAGED',
        'The cloud’s copy is missing or is not what was stored.',
        options,
      );
    default:
      return new GatewayError('INTERNAL', 'A cloud was used wrongly.', options);
  }
}

/** Sends the problem document with the headers that belong to its code. */
export function sendProblem(response: Response, error: GatewayError, times: RetryTimes): void {
  const state = requestState(response.req);
  state.code = error.code;
  const { allow, limitBytes } = error.options;
  const waitMs = retryAfterMs(error, times);
  if (waitMs !== undefined) response.set('Retry-After', inSeconds(waitMs));
  if (allow !== undefined) response.set('Allow', allow.join(', '));
  // RFC 9110 §15.5.17: whoever asked for too much learns how much there is.
  if (error.code === 'RANGE' && limitBytes !== undefined)
    response.set('Content-Range', `bytes */${limitBytes}`);
  if (error.status === 401) response.set('WWW-Authenticate', 'Bearer');
  // The rest of a body that was not read would be taken for the next request.
  if (!response.req.complete) response.set('Connection', 'close');
  const { dialect } = state;
  response
    .status(error.status)
    .set('Content-Type', dialect?.contentType ?? PROBLEM_TYPE)
    .send(JSON.stringify((dialect?.problem ?? toProblem)(error, state.id)));
}

/** The application's last middleware. */
export function problemHandler(
  log: Log,
  times: RetryTimes,
  translate?: TranslateError,
): ErrorRequestHandler {
  // Express knows an error handler by its four parameters.
  return (cause: unknown, request, response, _next) => {
    const error = toGatewayError(cause, translate);
    const { id, route } = requestState(request);
    if (error.status >= 500) {
      log.error('request.failed', {
        requestId: id,
        route,
        code: error.code,
        error: error.options.cause ?? error,
      });
    }
    // Too late for another answer: cut the connection, so that half a body is not taken for a whole one.
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (!response.destroyed) sendProblem(response, error, times);
  };
}
