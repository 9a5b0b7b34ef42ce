// A person with a browser: opens the pages of a running service in Chromium, by labels and keys, as people and screen
// readers find things. Prints the name of each step that went as it should; the first that does not ends it with exit
// code 1.
//
//   main.cjs ORIGIN CHROMIUM SCENARIO

const assert = require('node:assert/strict')

const { chromium } = require('playwright-core')

const { step } = require('./kit.cjs')

const [executablePath, scenario] = process.argv.slice(3)

async function main() {
  // Chromium's own sandbox does not start as root.
  const args = process.getuid() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath, args })
  try {
    const people = await require(`./${scenario}.cjs`)(browser)
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
