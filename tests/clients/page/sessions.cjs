// Sessions in two browsers, ended from one of them.

const assert = require('node:assert/strict')

const {
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
  step,
} = require('./kit.cjs')

/** How often a page that is looked at looks again. */
const ROUND_MS = 15_000

module.exports = async function sessions(browser) {
  const [home, away] = [await person(browser), await person(browser)]
  for (const { context } of [home, away]) await context.clock.install()
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

  // The page says so first, and has the cookie removed then.
  await until('no cookie', async () => (await cookieOf(home)) === undefined)
  const refreshed = count(home.sent, 'RefreshToken')
  await page.reload()
  await asked(page)
  assert.equal(count(home.sent, 'RefreshToken'), refreshed)
  step('whose cookie is gone, so that a reload sends nothing that would be refused')

  await signIn(page, 'alice', NEW_PASSWORD)
  await greeted(page, 'alice')
  await until('two sessions', async () => (await rows(page).count()) === 2)
  const end = page.getByRole('button', { name: /^End the session of Chrome/ })
  await end.focus()
  await signInByProgram('alice')
  await home.context.clock.fastForward(ROUND_MS)
  await until('three sessions', async () => (await rows(page).count()) === 3)
  assert.ok(await end.evaluate((button) => button === document.activeElement), 'the focus is lost')
  step('a page that is only looked at shows what is opened elsewhere')

  // With time standing still nothing is asked but by hand.
  await away.context.clock.pauseAt(Date.now() + ROUND_MS / 2)
  const shown = await rows(other).count()
  await signInByProgram('alice')
  await other.getByRole('button', { name: 'Greet me again' }).click()
  await until('another session', async () => (await rows(other).count()) > shown)
  step('so does one that is asked to greet')

  await other.getByRole('button', { name: 'End all others' }).click()
  await says(other, '3 other sessions were ended.')
  await home.context.clock.fastForward(ROUND_MS)
  await says(page, 'You have been signed out. The token has been revoked.')
  await until('no cookie', async () => (await cookieOf(home)) === undefined)
  step('and notices its own end')
  return [home, away]
}

async function signInByProgram(username) {
  const answer = await fetch(`${ORIGIN}/v1/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'program/1' },
    body: JSON.stringify({ username, password: NEW_PASSWORD }),
  })
  assert.equal(answer.status, 200)
}
