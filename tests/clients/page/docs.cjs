// The reference at /docs.

const assert = require('node:assert/strict')

const { ADDRESS, ORIGIN, person, step } = require('./kit.cjs')

module.exports = async function docs(browser) {
  const reader = await person(browser)
  const page = await reader.context.newPage()
  await page.goto(`${ORIGIN}/docs#getUser`)
  await page.getByRole('heading', { name: 'Countersign' }).waitFor()
  const call = page.locator('article#createUser')
  await call.getByText('Why the call was refused.').click()
  await call.getByText('message', { exact: true }).first().waitFor()
  assert.match(await call.locator('pre').last().textContent(), new RegExp(`curl '${ORIGIN}/v1/users'`))
  const hosts = new Set(reader.sent.map((request) => new URL(request.url()).host))
  assert.deepEqual([...hosts], [ADDRESS])
  step('the reference is shown, from here alone')
  return [reader]
}
