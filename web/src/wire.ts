// Owns how a call travels: gRPC-Web to where the page came from, and with the cookie or without it. What is called and
// what becomes of an answer is not its business.

import { type Client, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';

import { AuthService } from './gen/auth/v1/auth_service_pb.ts';

export type Auth = Client<typeof AuthService>;

const COOKIE_HEADER = 'x-countersign-cookie';

/**
 * Asks that the refresh token travel in the cookie. No other site can send this header without asking first, so that a
 * request of theirs never spends the cookie.
 */
export const BY_COOKIE: Readonly<Record<string, string>> = { [COOKIE_HEADER]: 'refresh-token' };

/** Beyond this a call has failed; a hash that waits for its turn takes a few seconds. */
export const PATIENCE_MS = 15_000;

export function connect(origin: string): Auth {
  return createClient(AuthService, transport(origin));
}

function transport(baseUrl: string): Transport {
  return createGrpcWebTransport({ baseUrl, useBinaryFormat: true, defaultTimeoutMs: PATIENCE_MS, fetch: frugalFetch });
}

/** The browser's fetch, which lets the cookie in and out only where the header asks for it. */
export function frugalFetch(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const byCookie = new Headers(init.headers).has(COOKIE_HEADER);
  return fetch(input, {
    ...init,
    credentials: byCookie ? 'same-origin' : 'omit',
    cache: 'no-store',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
  });
}
