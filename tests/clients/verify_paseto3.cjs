// Verifies tokens with npm's paseto, version 3, and a public key alone. verify.py says what is read and printed.

const { V4, errors } = require('paseto3')
const { answerWith } = require('./questions.cjs')

// The library reads a PASERK key as it is.
const verify = async ({ key, token, issuer, audience, now }) => {
  const { payload, footer } = await V4.verify(token, key, { issuer, audience, now, complete: true })
  return { claims: payload, footer }
}

answerWith(verify, errors.PasetoError)
