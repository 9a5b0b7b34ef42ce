// Verifies tokens with npm's paseto, version 4, and a public key alone. verify.py says what is read and printed.

const { pathToFileURL } = require('node:url')
const { answerWith } = require('./questions.cjs')

// The library is made of ES modules, which Node finds beside the program alone. As a path they can be anywhere.
const library = (name) => import(pathToFileURL(require.resolve(name)))

const main = async () => {
  const { PublicProtocol, PasetoError } = await library('paseto')
  const { ImportPublicKeyFactory, VerifyFactory } = await library('paseto/v4/public')
  const v4 = new PublicProtocol(ImportPublicKeyFactory, VerifyFactory)
  const verify = async ({ key, token, issuer, audience, now }) =>
    v4.Verify(await v4.ImportPublicKey(key), token, { issuer, audience, now })
  await answerWith(verify, PasetoError)
}

main()
