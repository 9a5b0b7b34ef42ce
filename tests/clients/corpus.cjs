// The verifier of docs/examples decides the corpus of tokens; corpus.py says what is read and printed.

const { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')
const { pathToFileURL } = require('node:url')

// An ES module finds libraries beside itself alone, so it is put beside ours.
const beside = async (libraries, module) => {
  const folder = mkdtempSync(join(tmpdir(), 'verify-'))
  try {
    symlinkSync(libraries, join(folder, 'node_modules'))
    copyFileSync(module, join(folder, 'verify.mjs'))
    return await import(pathToFileURL(join(folder, 'verify.mjs')))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const main = async ([repository, path]) => {
  const libraries = dirname(dirname(require.resolve('paseto')))
  const { TokenVerifier, Refused } = await beside(libraries, join(repository, 'docs/examples/verify.mjs'))
  const { issuer, audience, now, keys, cases } = JSON.parse(readFileSync(path, 'utf8'))
  const verifier = new TokenVerifier(issuer, audience)
  await verifier.setKeys(keys.filter(({ trusted }) => trusted).map(({ key, key_id }) => ({ key, keyId: key_id })))
  for (const { token } of cases) {
    let refused = null
    try {
      await verifier.check(token, new Date(now))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      refused = error.message
    }
    console.log(JSON.stringify(refused))
  }
}

main(process.argv.slice(2))
