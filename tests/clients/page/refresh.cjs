// Refreshing in the background, with answers that are lost. The service is started with tokens that live for seconds.

const assert = require('node:assert/strict')
const http = require('node:http')

const { person, count, cookieOf, signUp, greeted, says, until, keepsItsSecrets, step } = require('./kit.cjs')

module.exports = async function refresh(browser) {
  const alice = await person(browser)
  const page = await alice.tab()
  await signUp(page, 'alice')
  await greeted(page, 'alice')
  const first = (await cookieOf(alice)).value
  const before = count(alice.sent, 'RefreshToken')
  await until('refreshed twice', () => count(alice.sent, 'RefreshToken') >= before + 2)
  await until('another cookie', async () => (await cookieOf(alice)).value !== first)
  await page.getByRole('button', { name: 'Greet me again' }).click()
  await page.getByText(/^Greeted at /).waitFor()
  step('tokens are replaced in the background')

  // The answers of the next two refreshes are lost: the first without a trace, the second behind its headers.
  const keys = []
  let lost = 0
  await page.route('**/auth.v1.AuthService/RefreshToken', async (route) => {
    keys.push(route.request().postDataBuffer().toString('hex'))
    lost += 1
    if (lost === 1) await deliver(route.request())
    else if (lost === 2) await route.fetch()
    else return route.continue()
    return route.abort()
  })
  await until('refreshed after lost answers', () => lost >= 4)
  await page.unroute('**/auth.v1.AuthService/RefreshToken')
  assert.equal(keys[0], keys[1], 'the same key until an answer comes')
  assert.notEqual(keys[keys.length - 1], keys[0], 'another one for another token')
  alice.complaints.length = 0 // That nobody answered is in the console, as it should be.
  await page.getByRole('button', { name: 'Greet me again' }).click()
  await until('greeted', () => page.getByText(/^Greeted at /).isVisible())
  await greeted(page, 'alice')
  step('lost answers sign nobody out')

  await page.route('**/auth.v1.AuthService/*', (route) => route.abort())
  await page.getByRole('button', { name: 'Greet me again' }).click()
  await says(page, 'The server cannot be reached.')
  await page.waitForTimeout(4_000)
  await greeted(page, 'alice')
  await page.unroute('**/auth.v1.AuthService/*')
  await page.evaluate(() => window.dispatchEvent(new Event('online')))
  await page.getByRole('button', { name: 'Greet me again' }).click()
  await page.getByText(/^Greeted at /).waitFor()
  alice.complaints.length = 0
  step('neither does a server that is away')
  await keepsItsSecrets(alice, page)
  return [alice]
}

/** Has the service answer a request as the browser would send it, and keeps the answer from the browser. */
async function deliver(request) {
  const headers = await request.allHeaders()
  const body = request.postDataBuffer()
  const plain = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')))
  await new Promise((done, failed) => {
    const copy = http.request(request.url(), { method: 'POST', headers: { ...plain, 'content-length': body.length } })
    copy.on('response', (answer) => answer.resume().on('end', done)).on('error', failed)
    copy.end(body)
  })
}
