// Two tabs of one browser. The service is started with tokens that live for seconds.

const assert = require('node:assert/strict')

const { person, count, signUp, greeted, asked, says, until, slowly, keepsItsSecrets, step } = require('./kit.cjs')

module.exports = async function tabs(browser) {
  const alice = await person(browser)
  const first = await alice.tab()
  await signUp(first, 'alice')
  await greeted(first, 'alice')
  const second = await alice.tab()
  await greeted(second, 'alice')
  step('a second tab is signed in by the cookie')

  const before = count(alice.sent, 'RefreshToken')
  await until('refreshed three times', () => count(alice.sent, 'RefreshToken') >= before + 3)
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
}
