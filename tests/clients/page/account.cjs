// An account's whole life on the page.

const assert = require('node:assert/strict')

const {
  PASSWORD,
  NEW_PASSWORD,
  person,
  cookieOf,
  signUp,
  signIn,
  greeted,
  asked,
  field,
  says,
  keepsItsSecrets,
  step,
} = require('./kit.cjs')

module.exports = async function account(browser) {
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
}
