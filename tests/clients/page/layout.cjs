// The pages in small and large windows, with the longest names that people and programs may give themselves.

const assert = require('node:assert/strict')

const { ORIGIN, person, greeted, rows, field, says, until, step } = require('./kit.cjs')

const WIDTHS = [320, 375, 768, 1280]
/** No space in it, where a line could be broken. */
const NAME = 'w'.repeat(64)
const AGENT = 'x'.repeat(250)

module.exports = async function layout(browser) {
  const alice = await person(browser, { userAgent: AGENT })
  const page = await alice.tab()
  await page.getByRole('button', { name: 'Sign up' }).click()
  await fits(page)
  await signUpWith(page, 'a:b')
  await says(page, "Must not contain ':'.")
  const gap = await page.evaluate(() => {
    const text = document.createRange()
    text.selectNodeContents(document.getElementById('sign-up-username-said'))
    const label = document.querySelector('label[for=sign-up-password]')
    return label.getBoundingClientRect().top - text.getBoundingClientRect().bottom
  })
  assert.ok(gap >= 12, `an error is ${gap} px from the next label`)
  step('the forms fit')

  await signUpWith(page, NAME)
  await greeted(page, NAME)
  await until('a session', async () => (await rows(page).count()) === 1)
  await page.getByText('How the service knows you').click()
  await fits(page)
  step('so does an account with a name and a program of one long word')

  await page.goto(`${ORIGIN}/docs`)
  await page.locator('article#createUser').waitFor()
  await fits(page)
  step('and the reference')
  return [alice]
}

async function signUpWith(page, name) {
  await field(page, 'Name').fill(name)
  await field(page, 'New password').fill('correct horse battery')
  await page.keyboard.press('Enter')
}

/** Nothing can be scrolled sideways, and no button stands beyond the edge. */
async function fits(page) {
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 800 })
    const beyond = await page.evaluate(() => {
      const edge = document.documentElement.clientWidth
      const shown = Array.from(document.querySelectorAll('h1, h2, button, input, a, li, strong'))
      const wide = shown.filter((one) => one.getBoundingClientRect().right > edge + 0.5 && !one.closest('pre'))
      return [document.documentElement.scrollWidth - edge, ...wide.map((one) => one.outerHTML.slice(0, 80))]
    })
    assert.deepEqual(beyond, [0], `at ${width} px`)
  }
}
