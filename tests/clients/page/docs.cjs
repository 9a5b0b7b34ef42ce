// The reference at /docs.

const assert = require('node:assert/strict')
const { execFileSync } = require('node:child_process')

const { ADDRESS, ORIGIN, person, step } = require('./kit.cjs')

module.exports = async function docs(browser) {
  const reader = await person(browser)
  const page = await reader.context.newPage()
  await page.goto(`${ORIGIN}/docs#getUser`)
  await page.getByRole('heading', { name: 'Countersign' }).waitFor()
  const call = page.locator('article#createUser')
  await call.getByText('Why the call was refused.').first().click()
  await call.getByText('message', { exact: true }).first().waitFor()
  assert.match(await call.locator('pre').last().textContent(), new RegExp(`curl '${ORIGIN}/v1/users'`))
  const hosts = new Set(reader.sent.map((request) => new URL(request.url()).host))
  assert.deepEqual([...hosts], [ADDRESS])
  step('the reference is shown, from here alone')

  const lines = await page.locator('article').evaluateAll((all) =>
    all.map((one) => [one.id, Array.from(one.querySelectorAll('.curl pre'), (line) => line.textContent).join()]),
  )
  follow(Object.fromEntries(lines))
  step('what is copied from it does what it says')
  return [reader]
}

/** Runs every line as it was copied, in the order in which somebody could who reads them. */
function follow(lines) {
  // As in the examples, for the calls that take a name and a password.
  const values = { NAME: 'alice', PASSWORD: 'correct horse battery' }
  const left = new Set(Object.keys(lines))
  const run = (id, expected = 200) => {
    left.delete(id)
    const line = `${lines[id]} -sS -w '\\n%{http_code}'`
    const said = execFileSync('sh', ['-c', line], { env: { PATH: process.env.PATH, ...values } }).toString()
    const [, text, status] = /^([^]*)\n(\d+)$/.exec(said)
    assert.equal(Number(status), expected, `${id}: ${lines[id]}\n${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
  const signIn = (id = 'issueToken') => {
    const { token, refreshToken, sessionId } = run(id)
    Object.assign(values, { TOKEN: token, REFRESH_TOKEN: refreshToken, SESSION_ID: sessionId })
  }
  run('createUser')
  signIn()
  for (const id of ['greet', 'getUser', 'getKeySet', 'verifyToken', 'listSessions', 'refreshToken', 'revokeToken']) run(id)
  for (const id of ['revokeSession', 'revokeAllSessions']) {
    signIn()
    run(id)
  }
  assert.equal(run('olderCreateUser', 400).message, 'existing user')
  for (const id of ['olderIssueToken', 'olderGetResource', 'olderGetUser', 'olderGetUserAlias']) run(id)
  // Only an admin has a code; all else in the line is taken.
  values.RESET_CODE = 'none'
  assert.equal(run('resetPassword', 401).message, 'credentials are not valid')
  signIn()
  signIn('changePassword')
  const [of, to] = [values.PASSWORD, 'a second battery']
  lines.changeBack = lines.changePassword.replace(of, 'of').replace(to, of).replace('"of"', `"${to}"`)
  signIn('changeBack')
  run('deleteUser')
  assert.deepEqual([...left], [])
}
