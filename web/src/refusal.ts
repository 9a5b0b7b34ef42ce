// Owns what a failed call means: the server's refusal with its reason and its sentence, or no answer at all. What to do
// about it is decided where it is caught.

import { Code, ConnectError } from '@connectrpc/connect';

import { BadRequestSchema, ErrorInfoSchema, RequestInfoSchema, RetryInfoSchema } from './gen/google/rpc/error_details_pb.ts';

const DOMAIN = 'auth.v1';

export class Refusal extends Error {
  constructor(
    /** An auth.v1.ErrorReason without its prefix; empty if the server did not answer, or not as itself. */
    readonly reason: string,
    /** For people: the server's sentence, or ours where there is none. */
    readonly sentence: string,
    /** What is wrong with which field of the request. */
    readonly fields: ReadonlyMap<string, string> = new Map(),
    /** How long the server asks to wait. */
    readonly retryAfterMs?: number,
    /** The credential is what was refused, by the server itself. */
    readonly unauthenticated = false,
  ) {
    super(sentence);
    this.name = 'Refusal';
  }

  static from(thrown: unknown): Refusal {
    if (thrown instanceof Refusal) return thrown;
    const error = ConnectError.from(thrown);
    const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === DOMAIN);
    // A proxy's 401, say, is not the service's word on a session.
    if (info === undefined) return new Refusal('', unanswered(error));
    const violations = error.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
    const fields = new Map(violations.map(({ field, description }) => [field, asSentence(description)]));
    // Its reason says which field it is about.
    if (info.reason === 'USERNAME_TAKEN') fields.set('username', asSentence(error.rawMessage));
    const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
    const retryAfterMs = delay && Number(delay.seconds) * 1000 + Math.ceil(delay.nanos / 1e6);
    const sentence = [
      asSentence(error.rawMessage),
      retryAfterMs === undefined ? '' : `Try again in ${Math.max(1, Math.ceil(retryAfterMs / 1000))} s.`,
      info.reason === 'INTERNAL' ? requestId(error) : '',
    ];
    return new Refusal(
      info.reason,
      sentence.filter((part) => part !== '').join(' '),
      fields,
      retryAfterMs,
      error.code === Code.Unauthenticated,
    );
  }

  /**
   * Another access token may help: the one that was sent is no good any more. It is not valid at all where the service has
   * another database or other keys than when it was issued.
   */
  get tokenIsOver(): boolean {
    return ['TOKEN_EXPIRED', 'TOKEN_REVOKED', 'TOKEN_INVALID'].includes(this.reason);
  }
}

function requestId(error: ConnectError): string {
  const id = error.findDetails(RequestInfoSchema)[0]?.requestId ?? '';
  return id === '' ? '' : `Request id: ${id}.`;
}

function unanswered(error: ConnectError): string {
  switch (error.code) {
    case Code.DeadlineExceeded:
      return 'The server did not answer in time.';
    case Code.Canceled:
      return 'The call was given up.';
    default:
      return 'The server cannot be reached.';
  }
}

/** The server writes as programs do, without a capital and a full stop. */
export function asSentence(text: string): string {
  if (text === '') return '';
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
