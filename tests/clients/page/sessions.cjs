// Sessions in two browsers, ended from one of them.

const assert = require('node:assert/strict')

const {
  PASSWORD,
  NEW_PASSWORD,
  person,
  signUp,
  signIn,
  greeted,
  rows,
  asked,
  field,
  says,
  until,
  step,
} = require('./kit.cjs')

module.exports = async function sessions(browser) {
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
}
