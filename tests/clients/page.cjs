// A person with a browser: opens the pages of a running service in Chromium, by labels and keys, as people and screen
// readers find things. Prints the name of each step that went as it should; the first that does not ends it with exit
// code 1.
//
//   page.cjs ADDRESS CHROMIUM SCENARIO

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const http = require('node:http')
const path = require('node:path')

const { chromium } = require('playwright-core')

const [address, executablePath, scenario] = process.argv.slice(2)
const ORIGIN = `http://${address}`
const PASSWORD = 'correct horse battery'
const NEW_PASSWORD = 'another horse altogether'
const COOKIE = '__Host-countersign-refresh'
const PATIENCE = 20_000

const step = (name) => console.log(name)

/** A browser that was never here. What it complains of is kept, and all that it sends. */
async function person(browser) {
  const context = await browser.newContext({ locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE)
  const complaints = []
  const sent = []
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective}`))
  })
  context.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  context.on('weberror', (error) => complaints.push(String(error.error())))
  context.on('request', (request) => sent.push(request))
  const tab = async () => {
    const page = await context.newPage()
    await page.goto(ORIGIN)
    return page
  }
  return { context, complaints, sent, tab }
}

const methodOf = (request) => path.basename(new URL(request.url()).pathname)
const count = (sent, method) => sent.filter((request) => methodOf(request) === method).length
const cookieOf = async ({ context }) => (await context.cookies()).find(({ name }) => name === COOKIE)

async function signUp(page, name, password = PASSWORD) {
  await page.getByRole('button', { name: 'Sign up' }).click()
  await field(page, 'Name').fill(name)
  await field(page, 'New password').fill(password)
  await page.keyboard.press('Enter')
}

async function signIn(page, name, password = PASSWORD) {
  await field(page, 'Name').fill(name)
  await field(page, 'Password').fill(password)
  await page.keyboard.press('Enter')
}

const greeted = (page, name) => page.getByRole('heading', { name: `Hello, ${name}!`, exact: true }).waitFor()
const rows = (page) => page.getByRole('region', { name: 'Where you are signed in' }).getByRole('listitem')
const asked = (page) => page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor()
const field = (page, label) => page.getByLabel(label, { exact: true }).filter({ visible: true })
const says = (page, text) => page.getByText(text, { exact: true }).filter({ visible: true }).waitFor()

/** Waits until something holds; says what did not. */
async function until(what, holds) {
  const end = Date.now() + PATIENCE
  while (!(await holds())) {
    assert.ok(Date.now() < end, `still not: ${what}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}

/** Has a call take a while. What it returns ends that, and tells how many were under way at once. */
async function slowly({ context }, method) {
  const url = `**/${method}`
  let now = 0
  let most = 0
  const begun = (request) => {
    if (methodOf(request) === method) most = Math.max(most, ++now)
  }
  const over = (request) => {
    if (methodOf(request) === method) now -= 1
  }
  context.on('request', begun).on('requestfinished', over).on('requestfailed', over)
  await context.route(url, (route) => setTimeout(() => route.continue().catch(() => {}), 300))
  return async () => {
    context.off('request', begun).off('requestfinished', over).off('requestfailed', over)
    await context.unroute(url)
    return most
  }
}

/** The cookie goes with the calls that ask for it, and no token is where a script could find it later. */
async function keepsItsSecrets({ context, sent }, page) {
  for (const request of sent) {
    const headers = await request.allHeaders().catch(() => ({}))
    if (headers['sec-fetch-mode'] === 'navigate' || new URL(request.url()).pathname.startsWith('/assets/')) continue
    const withCookie = (headers.cookie ?? '').includes(COOKIE)
    assert.ok(!withCookie || headers['x-countersign-cookie'] === 'refresh-token', `${request.url()} sends the cookie`)
    assert.ok(!(headers.authorization && methodOf(request) === 'RefreshToken'), 'a refresh needs no access token')
  }
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]))
  assert.doesNotMatch(stored, /v4\.public|csr_/)
  assert.deepEqual((await context.cookies()).map(({ name }) => name), [COOKIE])
}

const scenarios = {
  async account(browser) {
    const alice = await person(browser)
    const page = await alice.tab()
    await asked(page)
    assert.equal(await cookieOf(alice), undefined)
    step('nobody is signed in')

    await signUp(page, 'alice', 'short')
    await says(page, 'Must have at least 8 characters.')
    const wrong = field(page, 'New password')
    assert.equal(await wrong.getAttribute('aria-invalid'), 'true')
    assert.ok(await wrong.evaluate((input) => input === document.activeElement), 'the wrong field has the focus')
    step('a field that is refused says why')

    await wrong.fill(PASSWORD)
    await page.keyboard.press('Enter')
    await greeted(page, 'alice')
    step('signed up and greeted')

    const { httpOnly, secure, sameSite, path: at } = await cookieOf(alice)
    assert.deepEqual({ httpOnly, secure, sameSite, at }, { httpOnly: true, secure: true, sameSite: 'Strict', at: '/' })
    await keepsItsSecrets(alice, page)
    step('the refresh token is in the cookie alone')

    await page.reload()
    await greeted(page, 'alice')
    await page.getByRole('button', { name: 'Greet me again' }).click()
    await page.getByText(/^Greeted at /).waitFor()
    step('a reload finds the session')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await asked(page)
    assert.ok(await field(page, 'Name').evaluate((input) => input === document.activeElement), 'the focus is lost')
    assert.equal(await cookieOf(alice), undefined)
    await page.reload()
    await asked(page)
    step('signed out')

    await signIn(page, 'alice', 'not the password')
    await says(page, 'Credentials are not valid.')
    await signIn(page, 'nobody at all', PASSWORD)
    await says(page, 'Credentials are not valid.')
    await page.getByRole('button', { name: 'Sign up' }).click()
    await field(page, 'Name').fill('Alice')
    await field(page, 'New password').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await says(page, 'The username is taken.')
    assert.equal(await field(page, 'Name').getAttribute('aria-invalid'), 'true')
    await page.getByRole('button', { name: 'Sign in' }).click()
    step('a wrong password and a taken name are refused')

    // By keyboard alone. The name that was typed has come along, selected.
    assert.equal(await field(page, 'Name').inputValue(), 'Alice')
    await page.keyboard.type('alice')
    await page.keyboard.press('Tab')
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Show the password')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await greeted(page, 'alice')
    step('signed in by keyboard')

    await field(page, 'Current password').fill('not the password')
    await field(page, 'New password').fill(NEW_PASSWORD)
    await page.keyboard.press('Enter')
    await says(page, 'Credentials are not valid.')
    await field(page, 'New password').fill('password')
    await field(page, 'Current password').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await page.getByText(/^Is among the first that attackers try/).waitFor()
    await field(page, 'New password').fill(NEW_PASSWORD)
    await page.keyboard.press('Enter')
    await says(page, 'The password was changed. Every other session was ended.')
    await greeted(page, 'alice')
    await page.reload()
    await greeted(page, 'alice')
    step('the password is changed, and the new session goes on')

    await page.getByRole('button', { name: 'Sign out' }).click()
    await signIn(page, 'alice', PASSWORD)
    await says(page, 'Credentials are not valid.')
    await signIn(page, 'alice', NEW_PASSWORD)
    await greeted(page, 'alice')
    await keepsItsSecrets(alice, page)
    step('only the new password counts')
    return [alice]
  },

  // The service is started with tokens that live for seconds.
  async refresh(browser) {
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
  },

  async tabs(browser) {
    const alice = await person(browser)
    const first = await alice.tab()
    await signUp(first, 'alice')
    await greeted(first, 'alice')
    const second = await alice.tab()
    await greeted(second, 'alice')
    step('a second tab is signed in by the cookie')

    const before = count(alice.sent, 'RefreshToken')
    await until('refreshed six times', () => count(alice.sent, 'RefreshToken') >= before + 6)
    for (const page of [first, second]) {
      await page.getByRole('button', { name: 'Greet me again' }).click()
      await page.getByText(/^Greeted at /).waitFor()
    }
    await keepsItsSecrets(alice, first)
    step('both refresh, and neither is taken for a thief')

    const crowd = await slowly(alice, 'RefreshToken')
    await Promise.all([first.reload(), second.reload()])
    await Promise.all([greeted(first, 'alice'), greeted(second, 'alice')])
    assert.equal(await crowd(), 1, 'the lock lets one through')
    step('both reload at once')

    await first.getByRole('button', { name: 'Sign out' }).click()
    await asked(second)
    await says(second, 'You signed out in another tab.')
    step('they sign out together')

    await signUp(second, 'bob')
    await greeted(second, 'bob')
    await greeted(first, 'bob')
    step('and in together')
    return [alice]
  },

  async sessions(browser) {
    const [home, away] = [await person(browser), await person(browser)]
    const page = await home.tab()
    await signUp(page, 'alice')
    await greeted(page, 'alice')
    const other = await away.tab()
    await signIn(other, 'alice')
    await greeted(other, 'alice')
    await page.reload()
    await until('two sessions', async () => (await rows(page).count()) === 2)
    assert.equal(await rows(page).filter({ hasText: 'This one' }).count(), 1)
    assert.match(await rows(page).first().textContent(), /Chrome \d+ on Linux.*from 127\.0\.0\.1/)
    step('both sessions are listed')

    await page.getByRole('button', { name: /^End the session of Chrome/ }).click()
    await says(page, 'The session was ended.')
    await until('one session', async () => (await rows(page).count()) === 1)
    await other.getByRole('button', { name: 'Greet me again' }).click()
    await says(other, 'You have been signed out. The token has been revoked.')
    await asked(other)
    assert.equal(await page.getByRole('button', { name: 'End all others' }).isVisible(), false)
    step('the other browser is told at its next call')

    await signIn(other, 'alice')
    await greeted(other, 'alice')
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await until('two sessions', async () => (await rows(page).count()) === 2)
    await page.getByRole('button', { name: 'End all others' }).click()
    await says(page, 'One other session was ended.')
    await other.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await says(other, 'You have been signed out. The token has been revoked.')
    step('and when it is looked at again')

    await signIn(other, 'alice')
    await greeted(other, 'alice')
    await page.getByRole('button', { name: 'Greet me again' }).click()
    await field(other, 'Current password').fill(PASSWORD)
    await field(other, 'New password').fill(NEW_PASSWORD)
    await other.keyboard.press('Enter')
    await says(other, 'The password was changed. Every other session was ended.')
    await page.reload()
    await says(page, 'You have been signed out. The token has been revoked.')
    step('a new password signs out everywhere else')
    return [home, away]
  },

  async docs(browser) {
    const reader = await person(browser)
    const page = await reader.context.newPage()
    const document = readFileSync(path.join(__dirname, '../../web/tests/openapi.fixture.json'), 'utf8')
    await page.route('**/openapi.json', (route) => route.fulfill({ contentType: 'application/json', body: document }))
    await page.goto(`${ORIGIN}/docs#GetUser`)
    await page.getByRole('heading', { name: 'Countersign 1' }).waitFor()
    const call = page.getByRole('article').filter({ hasText: 'Registers a user.' })
    await call.getByText('409').click()
    await call.getByText('reason', { exact: true }).first().waitFor()
    assert.match(await call.locator('pre').last().textContent(), new RegExp(`curl '${ORIGIN}/v1/users'`))
    const hosts = new Set(reader.sent.map((request) => new URL(request.url()).host))
    assert.deepEqual([...hosts], [address])
    step('the reference is shown, from here alone')
    return [reader]
  },
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

async function main() {
  // Chromium's own sandbox does not start as root.
  const args = process.getuid() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath, args })
  try {
    const people = await scenarios[scenario](browser)
    for (const { complaints } of people) assert.deepEqual(complaints, [])
    step('nothing in the console')
  } finally {
    await browser.close()
  }
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
