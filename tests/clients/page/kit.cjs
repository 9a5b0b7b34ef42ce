// What people do with the page in every scenario, by labels and keys, as people and screen readers find things.

const assert = require('node:assert/strict')
const path = require('node:path')

const [ORIGIN] = process.argv.slice(2)
const ADDRESS = new URL(ORIGIN).host
const PASSWORD = 'correct horse battery'
const NEW_PASSWORD = 'another horse altogether'
const COOKIE = '__Host-countersign-refresh'
const PATIENCE = 20_000

const step = (name) => console.log(name)

/** A browser that was never here. What it complains of is kept, and all that it sends. */
async function person(browser, own = {}) {
  // No authority that a browser knows has signed the certificate of a test.
  const context = await browser.newContext({ locale: 'en-GB', ignoreHTTPSErrors: true, ...own })
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

/** Has a call take a while. What it returns ends that, and tells how many were under way at once, for pages that are there. */
async function slowly({ context }, method) {
  const url = `**/${method}`
  const now = new Set()
  let most = 0
  const begun = (request) => {
    if (methodOf(request) === method) most = Math.max(most, now.add(request).size)
  }
  const over = (request) => now.delete(request)
  // What a page asked for that is gone fails, and may say so after the next page has asked.
  const gone = (frame) => now.forEach((request) => request.frame() === frame && now.delete(request))
  context.on('request', begun).on('requestfinished', over).on('requestfailed', over)
  const pages = context.pages()
  pages.forEach((page) => page.on('framenavigated', gone))
  await context.route(url, (route) => setTimeout(() => route.continue().catch(() => {}), 300))
  return async () => {
    context.off('request', begun).off('requestfinished', over).off('requestfailed', over)
    pages.forEach((page) => page.off('framenavigated', gone))
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

module.exports = {
  ADDRESS,
  ORIGIN,
  PASSWORD,
  NEW_PASSWORD,
  person,
  count,
  cookieOf,
  signUp,
  signIn,
  greeted,
  rows,
  asked,
  field,
  says,
  until,
  slowly,
  keepsItsSecrets,
  step,
}
