// Checks Countersign's access tokens offline, with npm's paseto, version 4.

import { Buffer } from 'node:buffer'
import { PublicProtocol } from 'paseto'
import { ImportPublicKeyFactory, VerifyFactory } from 'paseto/v4/public'

const v4 = new PublicProtocol(ImportPublicKeyFactory, VerifyFactory)
const LEEWAY = 5 // seconds that an issuer's clock may be ahead; a token is never good for longer
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const encode = (text) => Buffer.from(text).toString('base64url')
const isText = (value) => typeof value === 'string'
const isList = (value) => Array.isArray(value) && value.every(isText)

// Whether every claim is there that the library does not look at, with its own type.
const isWhole = ({ sub, jti, sid, ep, auth_time, name, roles, amr }) =>
  [sub, jti, sid].every((id) => isText(id) && ID.test(id)) &&
  Number.isInteger(ep) && ep >= 0 && isText(auth_time) && isText(name) && isList(roles) && isList(amr)

// `invalid` or `expired`: all that a caller may be told.
export class Refused extends Error {}

export class TokenVerifier {
  #keys = new Map()

  constructor(issuer, audience) {
    if (!issuer || !audience) throw new TypeError('a verifier needs an issuer and an audience')
    Object.assign(this, { issuer, audience })
  }

  // All keys, as GetKeySet brings them: one that is not among them is not to be trusted any more.
  async setKeys(keys) {
    // A token's last part names its key, always in this one spelling: it is looked up, and never parsed.
    const entries = keys.map(async ({ key, keyId }) => [encode(`{"kid":"${keyId}"}`), await v4.ImportPublicKey(key)])
    this.#keys = new Map(await Promise.all(entries))
  }

  // The claims of a token.
  async check(token, now = new Date()) {
    if (!isText(token) || token.length > 2048) throw new Refused('invalid')
    const key = this.#keys.get(token.slice(token.lastIndexOf('.') + 1))
    if (key === undefined) throw new Refused('invalid')
    let claims
    try {
      // The tolerance is meant for the beginning of a token. The library has it for the end too, which is looked at below.
      const { issuer, audience } = this
      const options = { issuer, audience, now, clockTolerance: LEEWAY, requiredClaims: ['iat', 'nbf', 'exp'] }
      claims = (await v4.Verify(key, token, options)).claims
    } catch (cause) {
      throw new Refused(cause.message === 'Token has expired' ? 'expired' : 'invalid', { cause })
    }
    if (!isWhole(claims)) throw new Refused('invalid')
    if (Math.floor(Date.parse(claims.exp) / 1000) * 1000 <= now.getTime()) throw new Refused('expired')
    return claims
  }
}
