// The reference at /docs.

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const path = require('node:path')

const { ADDRESS, ORIGIN, person, step } = require('./kit.cjs')

module.exports = async function docs(browser) {
  const reader = await person(browser)
  const page = await reader.context.newPage()
  const document = readFileSync(path.join(__dirname, '../../../web/tests/openapi.fixture.json'), 'utf8')
  await page.route('**/openapi.json', (route) => route.fulfill({ contentType: 'application/json', body: document }))
  await page.goto(`${ORIGIN}/docs#GetUser`)
  await page.getByRole('heading', { name: 'Countersign 1' }).waitFor()
  const call = page.getByRole('article').filter({ hasText: 'Registers a user.' })
  await call.getByText('409').click()
  await call.getByText('reason', { exact: true }).first().waitFor()
  assert.match(await call.locator('pre').last().textContent(), new RegExp(`curl '${ORIGIN}/v1/users'`))
  const hosts = new Set(reader.sent.map((request) => new URL(request.url()).host))
  assert.deepEqual([...hosts], [ADDRESS])
  step('the reference is shown, from here alone')
  return [reader]
}
