// The verifier of docs/examples decides the corpus of tokens; corpus.py says what is read and printed.

const { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')
const { pathToFileURL } = require('node:url')

// An ES module finds libraries beside itself alone, so it is put beside ours; and beside it the document's code that uses it.
const beside = async (libraries, docs) => {
  const folder = mkdtempSync(join(tmpdir(), 'verify-'))
  const at = (name) => pathToFileURL(join(folder, name))
  try {
    symlinkSync(libraries, join(folder, 'node_modules'))
    copyFileSync(join(docs, 'examples/verify.mjs'), join(folder, 'verify.mjs'))
    const [, block] = readFileSync(join(docs, 'verify.md'), 'utf8').match(/^```js\n(.*?)^```$/ms)
    writeFileSync(join(folder, 'service.mjs'), block)
    return { ...(await import(at('verify.mjs'))), ...(await import(at('service.mjs'))) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const main = async ([repository, path]) => {
  const libraries = dirname(dirname(require.resolve('paseto')))
  const { TokenVerifier, Refused, takeKeys, callerOf } = await beside(libraries, join(repository, 'docs'))
  const { issuer, audience, now, keys, cases } = JSON.parse(readFileSync(path, 'utf8'))
  const verifier = new TokenVerifier(issuer, audience)
  const trusted = keys.filter(({ trusted }) => trusted).map(({ key, key_id }) => ({ key, keyId: key_id }))
  await verifier.setKeys(trusted)
  const decide = async (token, check = (token) => verifier.check(token, new Date(now))) => {
    try {
      await check(token)
      return null
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return error.message
    }
  }
  for (const nothing of [undefined, null, 7, ['v4.public.e30']]) {
    if ((await decide(nothing)) !== 'invalid') throw new Error(`${nothing} is no token`)
  }
  // The document's code goes by the clock of now, when none of them is good any more, or none is good yet.
  const { token } = cases.find(({ valid }) => valid)
  if ((await decide(token, callerOf)) !== 'invalid') throw new Error('without keys nothing can be told of a token')
  await takeKeys(trusted)
  const then = Date.now() > Date.parse(now) ? 'expired' : 'invalid'
  if ((await decide(token, callerOf)) !== then) throw new Error(`a token of another time is not ${then}`)
  for (const { token } of cases) console.log(JSON.stringify(await decide(token)))
}

main(process.argv.slice(2))
