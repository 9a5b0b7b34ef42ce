// Questions about tokens and their answers, for the programs here that verify; verify.py says what both look like.
// Owns the lines, and knows no library: the caller gives the function that verifies, and the base class of the errors
// with which its library refuses. Any other error ends the program.

const { createInterface } = require('node:readline')

// A footer, or the text of one that is no JSON.
const readable = (footer = new Uint8Array()) => {
  const text = new TextDecoder().decode(footer)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

exports.answerWith = async (verify, Refusal) => {
  for await (const line of createInterface({ input: process.stdin })) {
    const { at, ...question } = JSON.parse(line)
    let answer
    try {
      const { claims, footer } = await verify({ ...question, now: at ? new Date(at) : undefined })
      answer = { claims, footer: readable(footer) }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      answer = { refused: `${error.constructor.name}: ${error.message}` }
    }
    console.log(JSON.stringify(answer))
  }
}
